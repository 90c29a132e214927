"""Mistakes that the source of an answer shows, and whose a file is."""

import os
import sys

import numpy as np
import pytest

import lab
from lab.exercises import source
from lab.exercises.source import is_students


@pytest.mark.parametrize(
    "file", [os.__file__, np.__file__, lab.__file__, source.__file__, "<frozen importlib._bootstrap>"]
)
def test_code_of_python_and_of_the_lab_is_not_the_students(file):
    assert not is_students(file)


@pytest.mark.parametrize("file", ["/tmp/ipykernel_1/2.py", "<ipython-input-1-abc>", f"{sys.prefix}x/cell.py"])
def test_a_cell_is_the_students(file):
    assert is_students(file)


@pytest.fixture
def message(tmp_path):
    """Return the message about a student's code, which defines `f`."""

    def of(exercise, code):
        file, space = tmp_path / "cell.py", {}
        file.write_text(code)
        exec(compile(code, str(file), "exec"), space)
        return source.mistake(exercise, space["f"])

    return of


LOOP = "def f(x, z, h, L):\n    for t in range(L):\n        {}\n"


@pytest.mark.parametrize(
    ("exercise", "code", "expected"),
    [
        ("squares", "def f(n):\n    return n ^ 2", "In Python ^ is not the power"),
        ("forward", LOOP.format("return x[t]"), "There is a return inside the loop"),
        ("forward", LOOP.format("h[:, t + 1] = 0"), ""),
        (
            "forward",
            "def f(x):\n    a = np.zeros(2)\n    for t in x:\n        a = t\n    return a",
            "`a = ...` in the loop",
        ),
        ("forward", "def f(x):\n    a = np.zeros(2)\n    for t in x:\n        a = t\n    return t", ""),
        ("forward", "def f(x):\n    a = np.zeros(2)\n    for t in x:\n        a[t] = t\n    return a", ""),
        ("markov", "def f(scan, A):\n    return scan(len, sequences=[A], outputs_info=A)", "A is a sequence here"),
        ("markov", "def f(scan, A, dot):\n    return scan(len, sequences=dot(A), outputs_info=A)", ""),
        ("updates", "def f(W):\n    W.set_value(W.get_value())", "set_value changes a parameter now"),
        ("rnn", "def f(scan, z):\n    return scan(len, z)", "scan has no outputs_info"),
        ("rnn", "def f(scan, z, h):\n    return scan(len, z, h)", ""),
        ("squares", "def f(scan, z):\n    return scan(len, z)", ""),
        ("updates", "def f(W):\n    return W.get_value()", "get_value() returns the numbers of this moment"),
        ("rnn", "class f:\n    def _forward(self, W):\n        return W.eval()", "eval() returns the numbers"),
        ("forward", "def f(x):\n    return x", ""),
    ],
)
def test_a_mistake_is_found_in_the_source(message, exercise, code, expected):
    found = message(exercise, code)
    assert found.startswith(expected)
    assert bool(found) == bool(expected)


@pytest.mark.parametrize("without", [3, len, np.ones(1)])
def test_what_has_no_source_has_no_mistake(without):
    assert source.mistake("forward", without) == ""
