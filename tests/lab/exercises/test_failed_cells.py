"""Functions that are older than the code in their cell."""

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from lab.exercises import failed_cells
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


def test_the_name_and_the_error_of_the_cell_are_reported(run):
    f = run("def f(): return 1")["f"]
    assert stale(f) == ""
    run("1 / 0\ndef f(): return 2")
    assert stale(f) == (
        "The cell that defines f failed (ZeroDivisionError: division by zero): this verdict is about the previous f."
    )
    assert stale() == stale(len) == ""


@pytest.mark.parametrize(
    ("cell", "error"),
    [
        ("def f(:\n    pass", "SyntaxError: invalid syntax"),
        ("class _Private(KeyError): pass\nraise _Private('x')\ndef f(): pass", "KeyError: 'x')"),
    ],
)
def test_an_error_has_its_public_name_and_its_message(run, cell, error):
    f = run("def f(): return 1", cell)["f"]
    assert stale(f).startswith(f"The cell that defines f failed ({error}")


def test_a_class_can_be_stale_too_and_several_are_reported_together(run):
    space = run("class A: pass", "def f(): pass", "1 / 0\nclass A: pass\ndef f(): pass")
    text = stale(space["f"], space["A"])
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
