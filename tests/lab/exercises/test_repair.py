"""The small changes that make an answer right; tests/lab/answers has what checks say of them."""

import time

import numpy as np
import pytest

from lab.exercises import repair
from lab.exercises.repair import repaired
from lab.widgets import limit

A, B, W = np.array([1.0, 2.0, 4.0]), np.array([3.0, -1.0, 0.5]), np.arange(9.0).reshape(3, 3) ** 2


@pytest.fixture
def function(tmp_path):
    """Return a function of (a, b, W), of code in a file."""

    def of(body, head="import numpy as np\ndef f(a, b, W):\n    n = W.ndim\n    "):
        file, space = tmp_path / "cell.py", {}
        file.write_text(f"{head}{body}\n")
        exec(compile(file.read_text(), str(file), "exec"), space)
        return space["f"]

    return of


def accepting(right):
    """Return a check that accepts only functions with the result of an expression."""

    def accepts(f):
        assert np.array_equal(f(A, B, W), eval(right, {"a": A, "b": B, "W": W, "n": 2, "np": np}))

    return accepts


@pytest.mark.parametrize(
    ("wrong", "right", "sentence"),
    [
        ("W @ a", "W.T @ a", "Not transposed in line 4: W @ a should be W.T @ a."),
        ("W.T @ a", "W @ a", "Wrongly transposed in line 4: W.T @ a should be W @ a."),
        ("b - a", "a - b", "Wrong order in line 4: b - a should be a - b."),
        ("np.outer(b, a)", "np.outer(a, b)", "Wrong order in line 4: np.outer(b, a) should be np.outer(a, b)."),
        ("W[1, 2]", "W[2, 1]", "Wrong order in line 4: W[1, 2] should be W[2, 1]."),
        ("(n, 0, 1)", "(0, n, 1)", "Wrong order in line 4: (n, 0, 1) should be (0, n, 1)."),
        ("a < b", "a > b", "Wrong comparison in line 4: a < b should be a > b."),
        ("a is not None", "a is None", "Wrong comparison in line 4: a is not None should be a is None."),
        ("a + b", "a - b", "Wrong operation in line 4: a + b should be a - b."),
        ("a * b", "a @ b", "Wrong operation in line 4: a * b should be a.dot(b)."),
        ("a @ b", "np.outer(a, b)", "Wrong operation in line 4: a @ b should be np.outer(a, b)."),
        ("W.mean(axis=1)", "W.sum(axis=1)", "Wrong operation in line 4: W.mean(axis=1) should be W.sum(axis=1)."),
        ("a / 4 * b", "a / (4 * b)", "Wrong parentheses in line 4: a / 4 * b should be a / (4 * b)."),
        ("a - b / 4", "(a - b) / 4", "Wrong parentheses in line 4: a - b / 4 should be (a - b) / 4."),
        ("np.exp(a) + b", "np.exp(a + b)", "Wrong parentheses in line 4: np.exp(a) + b should be np.exp(a + b)."),
        ("np.exp(a.sum())", "np.exp(a).sum()",
         "Wrong parentheses in line 4: np.exp(a.sum()) should be np.exp(a).sum()."),
        ("a / n + b", "a + b", "Too much in line 4: a / n + b should be a + b."),
        ("np.abs(a - b) + a", "a - b + a", "Too much in line 4: np.abs(a - b) + a should be a - b + a."),
        ("a[n - 1]", "a[n]", "Too much in line 4: a[n - 1] should be a[n]."),
        ("a.sum()", "a", "Too much in line 4: a.sum() should be a."),
        ("a[n]", "a[n - 1]", "Wrong index or number in line 4: a[n] should be a[n - 1]."),
        ("a[1:]", "a", "Too much in line 4: a[1:] should be a."),
        ("a[1]", "a[0]", "Wrong index or number in line 4: a[1] should be a[0]."),
        ("a * 0.3", "a * n", "Wrong index or number in line 4: a * 0.3 should be a * n."),
        ("W @ a", "W @ b", "Wrong variable in line 4: W @ a should be W @ b."),
        ("a + b", "a ** b + 7", ""),
    ],
)  # fmt: skip
def test_the_change_that_makes_an_answer_right_is_named(function, wrong, right, sentence):
    assert repaired(function(f"return {wrong}"), accepting(right)) == sentence


def test_the_arguments_of_an_inner_function_are_swapped(function):
    code = "def step(x, y):\n        return x - y\n    return step(b, a)"
    assert repaired(function(code), accepting("a - b")) == "Wrong order in line 4: x, y should be y, x."


def test_the_same_mistake_in_several_lines_is_one(function):
    code = "x = W @ a\n    y = W @ b\n    return x + y"
    assert repaired(function(code), accepting("W.T @ a + W.T @ b")) == (
        "Not transposed in lines 4 and 5: W @ a should be W.T @ a."
    )


def test_the_line_that_fails_is_tried_first(function):
    f = function("x = a + b\n    y = a + b\n    return x + y")
    for line in (4, 5):
        said = repaired(f, accepting("2 * a"), f"It fails\nin line {line} of the cell: x")
        assert f"in line {line}: " in said


def test_a_method_of_a_class_is_repaired(function):
    cls = function("return W @ a", "class f:\n    def _forward(self, a, b, W):\n        ")
    said = repaired(cls, lambda changed: accepting("W.T @ a")(changed()._forward))
    assert said == "Not transposed in line 3: W @ a should be W.T @ a."
    assert np.array_equal(cls()._forward(A, B, W), W @ A)  # the student's class stays as it was


@pytest.mark.parametrize("code", ["return (yield a)", "global g\n    g = lambda: a\n    return g"])
def test_what_cannot_be_repaired_has_no_sentence(function, code):
    assert repaired(function(code), accepting("b + 1")) == ""


def test_what_is_no_function_with_a_source_has_no_sentence(function):
    def inner():
        return A[closed]

    closed = 1
    for strange in (3, len, None, inner, function("1", "f = lambda: ")):
        assert repaired(strange, accepting("a")) == ""


def test_a_change_prints_nothing_and_never_ends_the_check(function, monkeypatch, capsys):
    monkeypatch.setattr(repair, "MAX_REPAIR_SECONDS", 0.1)
    monkeypatch.setattr(limit, "STOPPING_SECONDS", 0.1)
    begin = time.monotonic()
    assert repaired(function("print(a)\n    while a is not None:\n        pass\n    return b"), accepting("a")) == ""
    assert time.monotonic() - begin < 5
    assert capsys.readouterr().out == ""
