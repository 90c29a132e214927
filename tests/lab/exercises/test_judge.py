"""The owner of a file's code, and student code that calls the library's models."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest

import lab
from lab.exercises import exercise, judge
from lab.exercises.inputs import cases
from lab.exercises.judge import is_students, library_calls
from lab.runtime.student_process import Child
from lxmls_rnn.deep_learning.numpy_rnn import NumpyRNN

X, GOLD = np.array([3, 1]), np.array([0, 2])


@pytest.mark.parametrize(
    "file",
    [
        *(os.__file__, np.__file__, lab.__file__, judge.__file__, "<frozen importlib._bootstrap>"),
        *(exercise.answer_of("forward").__code__.co_filename, "<mistake in line 4 of forward>"),
    ],
)
def test_code_of_python_and_of_the_lab_is_not_the_students(file):
    assert not is_students(file)


@pytest.mark.parametrize("file", ["/tmp/ipykernel_1/2.py", "<ipython-input-1-abc>", f"{sys.prefix}x/cell.py"])
def test_a_cell_is_the_students(file):
    assert is_students(file)


def model():
    return NumpyRNN(9, 4, 5, 3)


def test_calls_of_the_librarys_methods_by_a_student_are_noted_and_the_methods_put_back():
    before = dict(vars(NumpyRNN))
    with library_calls() as called:
        model().forward(X)
        model().get_values()
    assert called == ["forward"]
    assert dict(vars(NumpyRNN)) == before
    with pytest.raises(ZeroDivisionError), library_calls():
        1 / 0  # noqa: B018
    assert dict(vars(NumpyRNN)) == before


def test_calls_in_another_thread_are_not_noted():  # a panel may be training a student's model
    with library_calls() as called:
        thread = threading.Thread(target=lambda: model().forward(X))
        thread.start()
        thread.join()
    assert called == []


def test_the_librarys_own_calls_are_not_noted():
    with library_calls() as called:
        model().grads(X, GOLD)
        model().backward(X, GOLD)
        model().quantities(X, GOLD)
    assert called == ["grads", "backward", "quantities"]  # each calls others itself


def test_only_a_wrong_answer_needs_a_cause():
    forward, explained = exercise.EXERCISES["forward"], []

    def explain(*given):
        explained.append(given)
        return "not right", "why"

    def judged(code):
        return judge.judge(forward, exercise.answer_of("forward", code), 1.0, explain, Child())

    assert judged(forward.solution.replace("W_h @", "2 * W_h @")) == ("not right", "why")
    (((got, difference, failure), _),) = explained
    assert ([*got[0]][:1], difference.quantity, failure) == (["z"], "a", None)
    assert judged(forward.solution) == ("right", forward.right)
    assert len(explained) == 1
    judged(forward.solution.replace("L, ", f"1 / (len(x) != {len(cases('forward')[0]['x'])})\n    L, ", 1))
    assert (explained[1][0].got, type(explained[1][0].failure)) == ([], ZeroDivisionError)  # later cases are not run
    code = "import sys, lab; lab.check; sys.exit('lab.exercises.cause' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
