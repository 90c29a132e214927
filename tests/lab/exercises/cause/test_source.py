"""The statements of an answer, and changed versions of it."""

import ast

import pytest

from lab.exercises.cause.source import Source, copied, groups, substitutions


@pytest.fixture
def answer(tmp_path):
    """Return the function `f` of a code, in a file of its own."""

    def of(code):
        file, space = tmp_path / "cell.py", {}
        file.write_text(code)
        exec(compile(code, str(file), "exec"), space)
        return space["f"]

    return of


SOLUTION = """def f(x, n):
    s = 0
    for t in range(n):
        s += x[t]
        if t > 0:
            s += 1
    return s / n
"""


def test_a_quantity_is_computed_in_the_innermost_of_its_lines(answer):
    found = Source(answer(SOLUTION))
    assert (found.lines_of("s"), found.lines_of("s", innermost=True)) == ([2, 4, 6], [6])


def test_a_step_ends_with_its_last_line(answer):
    found = Source(answer("def f(x):\n    def step(a):\n        return a\n    return step(x)\n"))
    assert [found.step_of(line) for line in (2, 3, 4)] == ["", "step", ""]


def located(answer, solution=SOLUTION):
    """Return what must be replaced to make an answer equal the solution for some inputs, and the lines."""
    right = {}
    exec(solution, right)
    tree = ast.Module([ast.parse(solution).body[0]], [])
    found = []
    for what, lines, changed in substitutions(answer.tree, tree):
        try:
            if answer.compiled(changed)([1.0, 2.0, 5.0], 3) == right["f"]([1.0, 2.0, 5.0], 3):
                found.append((sorted(what), lines))
        except (NameError, IndexError):
            pass
    return found


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("        s += x[t]\n", "        s += 2 * x[t]\n", (["s"], [4])),
        ("            s += 1\n", "            s += 3\n", (["s"], [6])),
        (
            "        if t > 0:\n            s += 1",
            "        if t > 0:\n            s += 1\n        else:\n            s = 1",
            (["s"], [8]),
        ),
        ("        s += x[t]\n", "        if n:\n            s -= x[t]\n", (["s"], [4, 5])),
        ("s / n", "s * n", (["return"], [7])),
        ("range(n)", "range(1, n)", (["loop"], [3])),
        (
            "        s += x[t]\n",
            '        with memoryview(b""):\n            pass\n        s += 2 * x[t]\n',
            (["s"], [6]),
        ),
        ("    s = 0\n", "", (["s"], [])),
    ],
)
def test_the_statement_of_the_solution_that_is_put_in_shows_the_line(answer, old, new, expected):
    assert expected in located(Source(answer(SOLUTION.replace(old, new))))


def test_nothing_is_located_where_two_lines_are_wrong(answer):
    code = SOLUTION.replace("s / n", "s * n").replace("range(n)", "range(1, n)")
    assert located(Source(answer(code))) == []


def test_an_if_is_one_statement_only_where_it_computes_one_thing():
    tree = ast.parse("if x:\n    a = 1\n    b = 2\nif y:\n    c = 3")
    assert [sorted(what) for _, what, _ in groups(tree)] == [["c"], ["a"], ["b"], ["c"]]


def test_a_placeholder_is_found_and_an_index_is_none(answer):
    left = Source(answer("def f(x):\n    y = ...  # your code here\n    return y"))
    assert left.placeholder == "y = ...  # your code here"
    assert Source(answer("def f(x):\n    return x[...]")).placeholder == ""


@pytest.mark.parametrize("strange", [3, len, None, "text"])
def test_what_has_no_source_is_said(strange):
    assert Source(strange).lines == {}


def test_a_tree_is_copied_without_what_others_hang_on_its_nodes(monkeypatch):
    tree = ast.parse("def f(a):\n    return a[0] + 1\n")
    shared = tree.body[0].body[0].value.left.ctx
    monkeypatch.setattr(shared, "parent", tree, raising=False)  # as IPython's tracebacks do
    copy = copied(tree)
    assert ast.dump(copy, include_attributes=True) == ast.dump(tree, include_attributes=True)
    copy.body[0].body[0].value.right.value = 2
    assert ast.unparse(tree) == "def f(a):\n    return a[0] + 1"
