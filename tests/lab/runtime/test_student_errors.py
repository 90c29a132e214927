"""The line of student code that failed, and the sentence of its error."""

import traceback

import pytest

from lab.runtime.student_errors import failed_line, sentence
from lab.runtime.student_process import Ended


def test_the_innermost_line_is_that_of_the_traceback_or_of_the_stack():
    namespace = {}
    exec(compile("def f():\n    1 / 0", "<helper>", "exec"), namespace)
    exec(compile("\ndef g():\n    f()", "<cell>", "exec"), namespace)
    with pytest.raises(ZeroDivisionError) as caught:
        namespace["g"]()
    assert failed_line(caught.value, {"<helper>", "<cell>"}.__contains__).number == 2
    assert failed_line(caught.value, "<cell>".__eq__).number == 3
    assert failed_line(caught.value, "<other>".__eq__) is None
    stack = traceback.StackSummary.from_list([("<cell>", 7, "f", "time.sleep(9)"), ("time.py", 1, "sleep", "")])
    assert failed_line(Ended("", stack), "<cell>".__eq__) == (7, "time.sleep(9)")


MADE = """bad shapes
Apply node that caused the error: Dot
Inputs shapes: [(3, 1), (3,)]

Backtrace when the node is created(use Theano flag traceback.limit=N to make it longer):
  File "<cell>", line 2, in step
    return x[1:] + x
  File "{file}", line 1, in <module>
"""


def test_theano_s_message_names_a_line_of_the_answer_before_one_of_another_cell(tmp_path):
    (tmp_path / "other.py").write_text("x = 1\n")
    error = ValueError(MADE.format(file=tmp_path / "other.py"))
    assert sentence(error) == "bad shapes"
    assert failed_line(error, lambda file: True) == (1, "x = 1")
    assert failed_line(error, lambda file: True, {"<cell>"}) == (2, "return x[1:] + x")


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("\n\n one\n\ntwo\nthree\nfour\nfive", " one\ntwo\nthree\nfour"),
        ("Backtrace when that variable is created:\n  File x\nMissing input", "Missing input"),
    ],
)
def test_hints_of_frameworks_are_left_out(message, said):
    assert sentence(ValueError(message)) == said.strip()
