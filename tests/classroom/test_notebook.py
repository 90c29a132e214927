import json

import pytest
from class_of_thirty import notebook

from lab.exercises.exercise import EXERCISES
from lxmls_rnn.classroom.marks import handed_out
from lxmls_rnn.classroom.notebook import digest, names_of, python, read, task

OUT = handed_out()


def tasks_of(content):
    """Return the tasks of a notebook by exercise."""
    cells = read(json.dumps(content).encode(), OUT)
    return {name: found for name in OUT.names if (found := task(cells, name, OUT))}


def test_only_exercises_that_were_begun_are_run():
    assert tasks_of(notebook()) == {}
    assert list(tasks_of(notebook(markov="x = 1"))) == ["markov"]


def test_cells_that_bind_a_needed_name_are_followed_through():
    codes = {name: EXERCISES[name].solution for name in ("forward", "lstm_gates", "lstm_step", "lstm")}
    tasks = tasks_of(notebook(**codes))
    ran = {name: [cell.source for cell in found.cells] for name, found in tasks.items()}
    assert ran["lstm"] == [codes["lstm_gates"], codes["lstm_step"], codes["lstm"]]
    assert ran["lstm_gates"] == [codes["lstm_gates"]]


def test_names_come_from_the_students_check_from_the_one_handed_out_and_from_the_cell():
    content = notebook(forward="def mine(): pass\nother = lambda: 0")
    place = next(n for n, cell in enumerate(content["cells"]) if cell["metadata"].get("check") == "forward")
    content["cells"][place]["source"] = "verdict = check.forward(mine)"
    found = tasks_of(content)["forward"]
    assert found.answers == ["mine", "my_forward"]
    assert found.renamed == ["other", "mine"]


def test_cells_that_lost_their_marks_are_known_by_their_ids():
    content = notebook(forward="def my_forward(): pass")
    for cell in content["cells"]:
        cell["metadata"] = {}
    assert [cell.source for cell in tasks_of(content)["forward"].own] == ["def my_forward(): pass"]


@pytest.mark.parametrize(
    ("source", "binds", "needs"),
    [
        ("import numpy as np\nfrom a import b as c", {"np", "c"}, set()),
        ("def f(x):\n    y = x + z\n    return [w for w in y]", {"f"}, {"z"}),
        ("class A(B):\n    c = d\n    def m(self):\n        return e", {"A"}, {"B", "d", "e"}),
        ("def f():\n    global g\n    g = h", {"f", "g"}, {"h"}),
        ("for i in range(3):\n    if (j := i):\n        k, *l = [i, j]", {"i", "j", "k", "l"}, {"range"}),
        ("try:\n    import a\nexcept E as e:\n    a = None", {"a", "e"}, {"E"}),
        ("from a import *\nb = c", {"*", "b"}, {"c"}),
    ],
)
def test_global_names_of_a_source(source, binds, needs):
    assert names_of(source) == (binds, needs)


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("x = (1\n% 2)\ns = '''\n!a\n'''", "x = (1\n% 2)\ns = '''\n!a\n'''"),
        ("!ls\nif x:\n    %matplotlib inline\nfiles = !ls\nnp.dot?\n?np", "pass\nif x:\n    pass\npass\npass\npass"),
        ("%%time\nx = 1", "x = 1"),
        ("%%bash\nrm *", ""),
    ],
)
def test_commands_of_ipython_are_left_out(text, source):
    assert python(text) == source


def test_a_digest_depends_on_the_code_alone():
    assert digest("x=1 # one") == digest("x = 1\n")
    assert digest("x = 2") != digest("x = 1") != ""
    assert digest("def f(:") == digest("b+" * 100_000 + "b") == ""


@pytest.mark.parametrize("content", [b"{", b"[]", b"3", b'{"cells": 3}', b'{"cells": [3]}', b"[" * 100_000, b"\xff"])
def test_a_damaged_notebook_is_a_value_error(content):
    with pytest.raises(ValueError, match=r"\w"):
        read(content, OUT)


def test_a_source_that_is_no_text_is_an_empty_cell():
    (cell,) = read(b'{"cells": [{"cell_type": "code", "source": 5}]}', OUT)
    assert cell.source == ""
