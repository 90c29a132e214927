"""Student code that calls the library's models."""

import threading

import numpy as np
import pytest

from lab.exercises.library_calls import library_calls
from lxmls_rnn.deep_learning.numpy_rnn import NumpyRNN

X, GOLD = np.array([3, 1]), np.array([0, 2])


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
