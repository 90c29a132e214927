"""Student code that calls the library's models or changes its arguments."""

import threading

import numpy as np
import pytest

from lab.exercises import guard
from lab.exercises.setting import SENTENCES, model_of
from lxmls_rnn.deep_learning.numpy_rnn import NumpyRNN

X, GOLD = SENTENCES[0]


def test_calls_of_the_librarys_methods_by_a_student_are_noted_and_the_methods_put_back():
    before = dict(vars(NumpyRNN))
    with guard.library_calls() as called:
        model_of().forward(X)
        model_of().get_values()
    assert called == ["forward"]
    assert dict(vars(NumpyRNN)) == before
    with pytest.raises(ZeroDivisionError), guard.library_calls():
        1 / 0  # noqa: B018
    assert dict(vars(NumpyRNN)) == before


def test_the_librarys_own_calls_are_not_noted():
    with guard.library_calls() as called:
        model_of().grads(X, GOLD)
    assert called == ["grads"]  # it calls forward and backward itself


def test_calls_in_a_thread_that_an_earlier_check_gave_up_are_not_noted():
    with guard.library_calls() as called:
        thread = threading.Thread(target=lambda: model_of().forward(X))
        thread.start()
        thread.join()
    assert called == []


def spoil(W, others, n=3):
    """A student's function."""


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda W, others: W.fill(1), "W is changed in place"),
        (lambda W, others: others[1].fill(1), "others[1] is changed in place"),
        (lambda W, others: None, ""),
        (lambda W, others: others[0].fill(np.nan), ""),  # as before
    ],
)
def test_an_array_that_is_changed_is_named(change, message):
    given = np.zeros(2), [np.full(2, np.nan), np.zeros(3)], 3
    before = guard.contents(given)
    change(*given[:2])
    found = guard.changed(spoil, given, before)
    assert found.startswith(message)
    assert bool(found) == bool(message)


@pytest.mark.theano
def test_a_shared_variable_that_is_changed_is_named():
    import theano

    given = np.zeros(1), [theano.shared(np.zeros(2), name="W_x")]
    before = guard.contents(given)
    assert guard.changed(spoil, given, before) == ""
    given[1][0].set_value(np.ones(2))
    assert guard.changed(spoil, given, before).startswith("W_x is changed in place")
