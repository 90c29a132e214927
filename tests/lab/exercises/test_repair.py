"""The small changes that make the wrong lines of an answer right."""

import numpy as np
import pytest

from lab.exercises.answer_code import Source
from lab.exercises.repair import repaired

A, B, W = np.array([1.0, 2.0, 4.0]), np.array([3.0, -1.0, 0.5]), np.arange(9.0).reshape(3, 3) ** 2


@pytest.fixture
def source(tmp_path):
    """Return the source of a function of (a, b, W), of code in a file."""

    def of(body, head="import numpy as np\ndef f(a, b, W):\n    n = W.ndim\n    "):
        file, space = tmp_path / "cell.py", {}
        file.write_text(f"{head}{body}\n")
        exec(compile(file.read_text(), str(file), "exec"), space)
        return Source(space["f"], "_forward" if head.startswith("class") else "")

    return of


def accepting(right):
    """Return a check that accepts only functions with the result of an expression."""
    return lambda f: np.array_equal(f(A, B, W), eval(right, {"a": A, "b": B, "W": W, "n": 2, "np": np}))


@pytest.mark.parametrize(
    ("wrong", "right", "sentence"),
    [
        ("W @ a", "W.T @ a", "Not transposed in line 4: W @ a should be W.T @ a."),
        ("W.T @ a", "W @ a", "Wrongly transposed in line 4: W.T @ a should be W @ a."),
        ("b - a", "a - b", "Wrong order in line 4: b - a should be a - b."),
        ("a if n != 2 else b", "a", "Too much in line 4: a if n != 2 else b should be a."),
        ("[x for x in a if x != 2]", "a", "Needless condition in line 4: x != 2 should be True."),
        ("W[1, 2]", "W[2, 1]", "Wrong order in line 4: W[1, 2] should be W[2, 1]."),
        ("a < b", "a > b", "Wrong comparison in line 4: a < b should be a > b."),
        ("a + b", "a - b", "Wrong operation in line 4: a + b should be a - b."),
        ("a @ b", "np.outer(a, b)", "Wrong operation in line 4: a @ b should be np.outer(a, b)."),
        ("a / 4 * b", "a / (4 * b)", "Wrong parentheses in line 4: a / 4 * b should be a / (4 * b)."),
        ("np.exp(a.sum())", "np.exp(a).sum()",
         "Wrong parentheses in line 4: np.exp(a.sum()) should be np.exp(a).sum()."),
        ("a / n + b", "a + b", "Too much in line 4: a / n + b should be a + b."),
        ("a[n]", "a[n - 1]", "Wrong index or number in line 4: a[n] should be a[n - 1]."),
        ("W @ a", "W @ b", "Wrong variable in line 4: W @ a should be W @ b."),
        ("a + b", "a ** b + 7", ""),
    ],
)  # fmt: skip
def test_the_change_that_makes_an_answer_right_is_named(source, wrong, right, sentence):
    assert repaired(source(f"return {wrong}"), [4], accepting(right), lambda: False) == sentence


def test_only_the_lines_that_are_wrong_are_changed(source):
    answer = source("x = a + b\n    y = a + b\n    return x + y")
    for line in (4, 5):
        assert f"in line {line}: " in repaired(answer, [line], accepting("2 * a"), lambda: False)
    assert repaired(answer, [6], accepting("2 * a"), lambda: False) == ""
    assert repaired(answer, [4, 5], accepting("2 * a"), lambda: True) == ""  # no time is left


def test_the_same_mistake_in_several_lines_is_one(source):
    said = repaired(
        source("x = W @ a\n    y = W @ b\n    return x + y"), [4, 5], accepting("W.T @ a + W.T @ b"), lambda: False
    )
    assert said == "Not transposed in lines 4 and 5: W @ a should be W.T @ a."


def test_a_method_of_a_class_is_repaired(source):
    answer = source("return W @ a", "class f:\n    def _forward(self, a, b, W):\n        ")
    said = repaired(answer, [3], lambda changed: accepting("W.T @ a")(changed()._forward), lambda: False)
    assert said == "Not transposed in line 3: W @ a should be W.T @ a."
    assert np.array_equal(answer.answer()._forward(A, B, W), W @ A)  # the student's class stays as it was
