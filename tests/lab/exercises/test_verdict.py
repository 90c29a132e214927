"""Verdicts, and calls of students' functions: what an exception or nothing becomes."""

import numpy as np
import pytest

from lab.exercises.verdict import MARKS, Note, NotYet, Verdict, Wrong, attempt, explain


@pytest.fixture
def students(tmp_path):
    """Return the function `f` of a student's code, in a file that tracebacks can quote."""

    def define(code):
        file, space = tmp_path / "cell.py", {}
        file.write_text(code)
        exec(compile(code, str(file), "exec"), space)
        return space["f"]

    return define


@pytest.mark.parametrize(("state", "is_right"), [("right", True), ("not yet", False), ("not right", False)])
def test_a_verdict_is_true_if_it_is_right_and_escapes_its_text(state, is_right):
    made = Verdict("forward", state, "a < b & c")
    assert bool(made) is is_right
    assert repr(made) == f"{MARKS[state]} forward: {state}. a < b & c"
    shown = made._repr_html_()
    assert f'lab-check-{state.replace(" ", "-")}"' in shown
    assert "a &lt; b &amp; c" in shown


def test_a_note_is_a_paragraph_unless_it_has_html():
    assert (repr(Note("a < b")), Note("a < b")._repr_html_()) == ("a < b", "<p>a &lt; b</p>")
    assert Note("a", "<b>a</b>")._repr_html_() == "<b>a</b>"


def test_wrong_keeps_what_is_wrong_apart_from_the_advice():
    assert (str(Wrong("it fails", "try it")), Wrong("it fails", "try it").what) == ("it fails\ntry it", "it fails")
    assert str(Wrong("it fails")) == "it fails"


def test_the_result_is_that_of_the_function():
    assert attempt(lambda a, b: (a, b), 1, 2) == (1, 2)
    array = np.ones(2)
    assert attempt(lambda: array) is array


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (None, "There is no code yet"),
        (..., "There is no code yet"),
        (lambda: None, "returns None or"),
        (lambda: ..., "returns None or"),
        (lambda: (1, None), "A part of the result is still None"),
        (lambda: [1, ...], "A part of the result is still None"),
    ],
)
def test_nothing_is_not_yet(function, message):
    with pytest.raises(NotYet, match=message):
        attempt(function)


def test_a_part_may_be_missing_where_that_is_allowed():
    assert attempt(lambda: (1, None), whole=False) == (1, None)
    with pytest.raises(NotYet, match="A part of the result"):
        attempt(lambda: (None, ...), whole=False)


def test_what_is_no_function_is_wrong():
    with pytest.raises(Wrong, match=r"^Expected a function, got ndarray\.$"):
        attempt(np.ones(1))


def test_an_exception_is_reported_with_its_line(students):
    with pytest.raises(Wrong, match=r"^It fails with ValueError: too bad\nin line 2 of the cell:  raise ValueError"):
        attempt(students("def f():\n    raise ValueError('too bad\\nmore')"))


def test_the_last_of_the_students_lines_is_reported_not_one_of_a_library(students):
    code = "import json\ndef g():\n    return json.loads('{')\ndef f():\n    return g()"
    with pytest.raises(Wrong, match=r"It fails with JSONDecodeError: .*\nin line 3 of the cell:  return json.loads"):
        attempt(students(code))


def test_a_long_message_is_cut(students):
    with pytest.raises(Wrong) as error:
        attempt(students("def f():\n    raise ValueError('x' * 1000)"))
    assert f"ValueError: {'x' * 200} ...\n" in str(error.value)


def test_not_implemented_by_the_student_is_not_yet_and_by_a_library_is_wrong(students):
    with pytest.raises(NotYet, match="The cell is not filled in yet"):
        attempt(students("def f():\n    raise NotImplementedError"))
    f = students("import asyncio\ndef f():\n    asyncio.AbstractEventLoop().run_forever()")
    with pytest.raises(Wrong, match="It fails with NotImplementedError"):
        attempt(f)


@pytest.mark.parametrize("line", ["x = ...", "x = ...  # your code", "return ...", "..."])
def test_a_failure_with_a_placeholder_is_not_yet(students, line):
    f = students(f"def f():\n    if 1 > 2:\n        {line}\n    raise ValueError('bad')")
    with pytest.raises(NotYet) as error:
        attempt(f)
    assert str(error.value).startswith(f"A line is not filled in: {line}\nIt fails with ValueError: bad\n")


def test_an_ellipsis_as_an_index_is_no_placeholder(students):
    with pytest.raises(Wrong):
        attempt(students("def f():\n    a, i = [1], ...\n    return a[...,]"))


@pytest.mark.parametrize(
    ("function", "advice"),
    [
        ("def f():\n    return len(np.float64(1))", "its length is a symbol too: _y.shape[0]"),
        ("def f():\n    return np.ones((2, 3)) @ np.ones((2, 3))", "is a matrix transposed, or is it another"),
        ("def f():\n    e_a, t = np.ones((1, 2)), 1\n    e_a[:, t] += e_a[:, t + 1]", "The last step has no t + 1"),
        ("def f():\n    a = np.ones((2, 2))\n    a[:, 0] = np.ones((2, 2))", "A whole matrix does not fit into one"),
        ("def f():\n    W_h = np.ones((2, 3))\n    return W_h * v(2)\nv = np.ones", "* multiplies element by element"),
        ("def f():\n    return {}['key']", ""),
    ],
)
def test_advice_is_given_for_typical_errors(students, function, advice):
    with pytest.raises(Wrong) as error:
        attempt(students(f"import numpy as np\n{function}"))
    lines = str(error.value).splitlines()
    assert len(lines) == 2 + bool(advice)
    assert advice in lines[-1]


def test_ctrl_c_reaches_the_notebook_and_exit_does_not():
    def f(error):
        raise error

    with pytest.raises(KeyboardInterrupt):
        attempt(f, KeyboardInterrupt)
    with pytest.raises(Wrong, match="It fails with SystemExit"):
        attempt(f, SystemExit)


def test_an_exception_without_a_place_or_a_message_is_reported():
    assert str(explain(ValueError())) == "It fails with ValueError: "
    assert str(explain(KeyError("a"))) == "It fails with KeyError: 'a'"


def test_the_line_that_made_a_theano_variable_is_reported(tmp_path):
    (tmp_path / "cell.py").write_text("first\n_h = T.dot(W, x)\n")
    text = f'bad\nBacktrace when the node is created:\n  File "{tmp_path}/cell.py", line 2, in f'
    assert str(explain(ValueError(text))).startswith(
        "It fails with ValueError: bad\nin line 2 of the cell:  _h = T.dot"
    )
