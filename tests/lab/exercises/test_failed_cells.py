"""Functions that are older than the code in their cell."""

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from lab.exercises import check, failed_cells
from lab.exercises.exercise import EXERCISES
from lab.exercises.failed_cells import stale


@pytest.fixture
def shell():
    """An IPython of the test's own, whose cells are watched."""
    made = InteractiveShell(config=Config(HistoryManager={"enabled": False}))
    failed_cells.watch(made)
    yield made
    failed_cells._stale.clear()


@pytest.fixture
def run(shell):
    """Run cells; return what they define."""

    def run_cells(*cells):
        for cell in cells:
            shell.run_cell(cell)
        return shell.user_ns

    return run_cells


def test_a_check_says_that_the_cell_failed_and_judges_what_was_defined_before(run):
    solution = EXERCISES["forward"].solution
    before = run(solution, f"1 / 0\n{solution}")["my_forward"]
    verdict = check.forward(before)
    assert verdict.state == "right"
    assert verdict.text.startswith(
        "The cell that defines my_forward failed (ZeroDivisionError: division by zero): this verdict is about the "
        "previous my_forward.\n"
    )
    assert "failed" not in check.forward(run(solution)["my_forward"]).text


def test_an_error_has_its_public_name_and_several_are_reported_together(run):
    f = run("def f(): return 1", "def f(:\n    pass")["f"]
    assert stale(f).startswith("The cell that defines f failed (SyntaxError: invalid syntax")
    assert stale() == stale(len) == ""
    private = "class _Private(KeyError): pass\nraise _Private('x')\n"
    space = run("class A: pass", "def f(): pass", f"{private}class A: pass\ndef f(): pass")
    text = stale(space["f"], space["A"])
    assert text.startswith("The cell that defines A failed (KeyError: 'x')")
    assert [word in text for word in ("the previous A.", "the previous f.")] == [True, True]
    assert "the previous f." not in stale(space["A"])


@pytest.mark.parametrize("cells", [["1 / 0\ndef f(): return 2", "def f(): return 3"], ["def f(): return 2\n1 / 0"]])
def test_a_cell_that_works_again_or_failed_after_the_definition_makes_it_fresh(run, cells):
    old = run("def f(): return 1")["f"]
    new = run(*cells)["f"]
    assert new is not old
    assert (stale(old), stale(new)) == ("", "")


def test_methods_and_functions_that_are_new_are_not_stale(run):
    space = run("def f(): return 1", "1 / 0\nclass B:\n    def f(self): pass")
    assert stale(space["f"]) == ""
    assert stale(run("1 / 0\ndef g(): pass").get("g")) == ""
