"""Whose turn it is; what needs a GPU is in tests/gpu/on_device/threads.py."""

import threading

import pytest

from lxmls_rnn.theano_env.contexts import Turn


def test_a_thread_that_asks_all_the_time_leaves_the_others_a_turn():
    turn, entered, rounds = Turn(), threading.Event(), 0
    other = threading.Thread(target=lambda: turn.run(entered.set))

    def first():
        other.start()
        while not turn._waiting:  # the other one stands at the door now
            pass

    turn.run(first)
    while not entered.is_set():
        turn.run(lambda: None)
        rounds += 1
    other.join()
    assert rounds < 1000


def test_who_has_the_turn_may_ask_again():
    turn = Turn()
    assert turn.run(lambda: turn.run(lambda: 5)) == 5


def test_a_turn_ends_with_an_exception_too():
    turn, entered = Turn(), []
    with pytest.raises(ZeroDivisionError):
        turn.run(lambda: 1 / 0)
    other = threading.Thread(target=lambda: turn.run(lambda: entered.append(1)))
    other.start()
    other.join()
    assert entered


@pytest.mark.theano
def test_on_the_cpu_theano_is_called_as_it_is():
    from theano.compile.function_module import Function
    from theano.compile.sharedvalue import shared

    assert not hasattr(Function.__call__, "__wrapped__")
    assert not any(hasattr(constructor, "__wrapped__") for constructor in shared.constructors)
