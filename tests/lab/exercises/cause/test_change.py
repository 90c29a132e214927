"""The small changes that make the wrong lines of an answer right."""

from types import SimpleNamespace

import numpy as np
import pytest

from lab.exercises.cause import change
from lab.exercises.cause.source import Source

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


def repaired(source, lines, accepts, is_late, functions=()):
    """Return what `change.repaired` says in a search that accepts answers and is late as these functions say."""
    search = SimpleNamespace(source=source, accepts=lambda answer, likely: accepts(answer), is_late=is_late)
    said = change.repaired(search, lines, functions)
    assert search.is_repaired == bool(said)
    return said


def accepting(right):
    """Return a check that accepts only functions with the result of an expression."""
    return lambda f: np.array_equal(
        f(A.copy(), B.copy(), W.copy()), eval(right, {"a": A, "b": B, "W": W, "n": 2, "np": np})
    )


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
        ("a / a.sum", "a / a.sum()", "Missing parentheses in line 4: a / a.sum should be a / a.sum()."),
        ("np.vstack([a, b])", "np.hstack([a, b])",
         "Wrong function in line 4: np.vstack([a, b]) should be np.hstack([a, b])."),
        ("[max(x, n) for x in a]", "[min(x, n) for x in a]",
         "Wrong function in line 4: max(x, n) should be min(x, n)."),
        ("W + a", "np.log(W + a)", "Missing function in line 4: W + a should be np.log(W + a)."),
        ("a * 1 - b * a", "a * (1 - b) * a", "Wrong parentheses in line 4: a * 1 - b * a should be a * (1 - b) * a."),
        ("(a - 1) * b", "a - 1 * b", "Wrong parentheses in line 4: (a - 1) * b should be a - 1 * b."),
        ("W[n, 1] - W[1, 0]", "W[1, 0] - W[1, 0]",
         "Wrong variable in line 4: W[n, 1] - W[1, 0] should be W[1, 0] - W[1, 0]."),
        ("a.clip(min=4, max=n)", "a.clip(min=n, max=4)",
         "Wrong argument in line 4: a.clip(min=4, max=n) should be a.clip(max=4, min=n)."),
        ("np.sum(a * a)", "-np.sum(a * a)", "Wrong sign in line 4: np.sum(a * a) should be -np.sum(a * a)."),
        ("W @ a + W.T @ b", "W @ b + W.T @ a",
         "Exchanged variables in line 4: W @ a + W.T @ b should be W @ b + W.T @ a."),
        ("a - 4", "a / 4", "Wrong operation in line 4: a - 4 should be a / 4."),
        ("W.sum(axis=1)", "W.sum(axis=0)", "Wrong axis in line 4: W.sum(axis=1) should be W.sum(axis=0)."),
        ("W[::-1]", "W[:, ::-1]", "Wrong index in line 4: W[::-1] should be W[:, ::-1]."),
        ("np.clip(a, 4, n)", "np.clip(a, n, 4)",
         "Wrong order in line 4: np.clip(a, 4, n) should be np.clip(a, n, 4)."),
        ("a // 4", "a / 4", "Wrong operation in line 4: a // 4 should be a / 4."),
        ("a + b", "a ** b + 7", ""),
    ],
)  # fmt: skip
def test_the_change_that_makes_an_answer_right_is_named(source, wrong, right, sentence):
    assert repaired(source(f"return {wrong}"), [4], accepting(right), lambda: False, ["np.log"]) == sentence


@pytest.mark.parametrize(
    ("body", "right", "sentence"),
    [
        (
            "a = a + b\n    a = 3 * a\n    return a",
            "a + b",
            "Superfluous: line 5. Without a = 3 * a the answer is right.",
        ),
        (
            "a = a + b\n    a = 3 * a\n    return a",
            "3 * a + b",
            "Wrong order: line 5, a = 3 * a, belongs before line 4.",
        ),
        (
            "c = np.zeros(3)\n    for t in range(2):\n        c[t + 1] = W[t, t + 1]\n    return c",
            "np.array([W[1, 0], W[2, 1], 0])",
            "Wrong indices in line 6: c[t + 1] = W[t, t + 1] should be c[t] = W[t + 1, t].",
        ),
        (
            "c = a + 0\n    c[0] = 7\n    if n == 2:\n        c = c + a[1]\n    return c",
            "np.array([7, 4, 6])",
            "Wrong order: line 6, if n == 2, belongs before line 5.",
        ),
        (
            "x = a.max(a)\n    y = b.min()\n    return a.max(a) * y + x",
            "a.max() * b.min() + a.max()",
            "Too much in lines 4 and 6: a.max(a) should be a.max().",
        ),
    ],
)
def test_a_line_too_many_two_lines_and_two_indices_are_exchanged(source, body, right, sentence):
    assert repaired(source(body), range(9), accepting(right), lambda: False) == sentence


@pytest.mark.parametrize(
    ("wrong", "right", "first"),
    [  # each has several repairs; the first one says what a student most likely meant
        (
            "range(len(b) - 1)",
            "range(3)",
            "Too much in line 4: range(len(b) - 1) should be range(len(b)).",
        ),  # not len(b - 1)
        ("n * a - b", "n * (a - b)", "Wrong parentheses in line 4: n * a - b should be n * (a - b)."),
        ("W.T @ a", "W @ a", "Wrongly transposed in line 4: W.T @ a should be W @ a."),
        ("W[0, n - 2 + 1] + a", "a", "Too much in line 4: W[0, n - 2 + 1] + a should be a."),  # not W[0, 0]
        ("np.dot(a, W)", "W @ a", "Wrong order in line 4: np.dot(a, W) should be np.dot(W, a)."),  # before W.T
    ],
)
def test_of_several_repairs_the_likeliest_is_named(source, wrong, right, first):
    assert repaired(source(f"return {wrong}"), [4], accepting(right), lambda: False) == first


def test_no_change_lets_a_loop_run_for_ever(source):
    grown = source("c = []\n    for t in a:\n        c.append(t)\n    return c")
    counted = source("t = 0\n    while t < 3:\n        t += 1\n    return W @ a")
    assert repaired(grown, range(9), lambda f: f(A, B, W) is None, lambda: False) == ""
    said = repaired(counted, range(9), accepting("W.T @ a"), lambda: False)
    assert said == "Not transposed in line 7: W @ a should be W.T @ a."


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


def test_where_one_change_is_enough_no_other_place_is_changed(source):
    answer = source("x = W @ a\n    y = 0 * (W @ b)\n    return x + y")
    said = repaired(answer, [4, 5], accepting("W.T @ a"), lambda: False)
    assert said == "Not transposed in line 4: W @ a should be W.T @ a."


def test_a_method_of_a_class_is_repaired(source):
    answer = source("return W @ a", "class f:\n    def _forward(self, a, b, W):\n        ")
    said = repaired(answer, [3], lambda changed: accepting("W.T @ a")(changed()._forward), lambda: False)
    assert said == "Not transposed in line 3: W @ a should be W.T @ a."
    assert np.array_equal(answer.answer()._forward(A, B, W), W @ A)  # the student's class stays as it was
