"""The checks of exercise 6.4 recognise each known mistake; test_check.py shows them students' code."""

import pytest

from lab.exercises import lstm_exercises
from lab.exercises.lstm_slips import (
    GATE_SLIPS,
    LSTM_SENTENCE_SLIPS,
    LSTM_SLIPS,
    lstm_forward,
    lstm_gates,
    lstm_step,
)
from lab.exercises.verdict import NotYet, Wrong
from lxmls_rnn.deep_learning.rnn import LSTM

pytestmark = pytest.mark.theano

# mistakes with the effect of another one, which is reported instead
I_AND_F = "The gates and the peepholes are mixed up: i and f are swapped."
SAME_GATES = {I_AND_F: "i and f are swapped: return i, f, g, o."}
SAME_STEP = {I_AND_F: "Input and forget gate are swapped: c_t = f c_{t-1} + i g"}
SAME_MODEL = {**SAME_STEP, "W_x z_t is missing.": "The new content i g is missing: c_t = f c_{t-1} + i g."}


def each(slips):
    return pytest.mark.parametrize(("message", "mistake"), slips, ids=[message for message, _ in slips])


def in_theano(function, n_results, inputs="vvvmmm"):
    """Return a NumPy function of vectors and matrices as a function of Theano variables."""
    import theano.tensor as T
    from theano.compile.ops import as_op

    types = {"v": T.dvector, "m": T.dmatrix, "i": T.ivector}
    return as_op([types[kind] for kind in inputs], [T.dvector] * n_results)(function)


def gates(**mistake):
    return in_theano(lambda *given: [*lstm_gates(*given, **mistake).values()], 4)


def step(**mistake):
    return in_theano(lambda *given: [lstm_step(*given, **mistake)[name] for name in "hc"], 2)


def test_right_functions_pass():
    assert lstm_exercises.lstm_gates(gates()) == "i, f, g and o equal NumpyLSTM's."
    assert lstm_exercises.lstm_step(step()) == "h_t and c_t equal NumpyLSTM's."


@each(GATE_SLIPS)
def test_a_mistake_in_the_gates_is_recognised(message, mistake):
    with pytest.raises(Wrong) as error:
        lstm_exercises.lstm_gates(gates(**mistake))
    assert SAME_GATES.get(message, message) in str(error.value)


@each(LSTM_SLIPS)
def test_a_mistake_in_a_step_is_recognised(message, mistake):
    with pytest.raises(Wrong) as error:
        lstm_exercises.lstm_step(step(**mistake))
    assert SAME_STEP.get(message, message) in str(error.value)


def test_gates_in_another_order_are_named():
    right = gates()
    with pytest.raises(Wrong, match=r"^i and f are swapped: return i, f, g, o\.$"):
        lstm_exercises.lstm_gates(lambda *given: [right(*given)[n] for n in (1, 0, 2, 3)])
    with pytest.raises(Wrong, match="Both are correct, but in the wrong order: return h_t, c_t"):
        lstm_exercises.lstm_step(lambda *given: step()(*given)[::-1])


def test_results_that_are_missing_are_named_after_the_right_ones():
    with pytest.raises(NotYet, match=r"^Correct so far: i, o\. Still missing: f, g\.$"):
        lstm_exercises.lstm_gates(lambda *given: [gates()(*given)[0], None, ..., gates()(*given)[3]])
    with pytest.raises(NotYet, match=r"^Correct so far: c_t\. Still missing: h_t\.$"):
        lstm_exercises.lstm_step(lambda *given: (None, step()(*given)[1]))


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ([1, 2], "Expected the results i, f, g, o; got 2 values"),
        ([1, 2, 3, 4], "i has the wrong type: expected a Theano variable, got int"),
    ],
)
def test_other_results_are_described(result, message):
    with pytest.raises(Wrong, match=message):
        lstm_exercises.lstm_gates(lambda *given: result)


def model(**mistake):
    """A student's LSTM, whose forward pass cannot be differentiated."""
    import theano.tensor as T
    from theano.compile.ops import as_op

    class Student(LSTM):
        def _forward(self, _x, _h0=None, _c0=None):
            def probabilities(x, *param):
                return lstm_forward(x, param, **mistake)["p"].T.astype(self.dtype)

            kinds = [T.ivector, *[T.matrix(dtype=self.dtype).type] * 5]
            return as_op(kinds, [T.matrix(dtype=self.dtype).type])(probabilities)(_x, *self.param)

    return Student


@each(LSTM_SENTENCE_SLIPS)
def test_a_mistake_in_the_model_is_recognised(message, mistake):
    with pytest.raises(Wrong) as error:
        lstm_exercises.lstm(model(**mistake))
    assert str(error.value).startswith(("First difference: p at step", "Correct: step"))
    assert SAME_MODEL.get(message, message) in str(error.value)


def test_the_gradients_are_compared_after_the_probabilities():
    with pytest.raises(Wrong, match=r"It fails with AttributeError: .*grad"):
        lstm_exercises.lstm(model())


@pytest.mark.parametrize("nothing", [None, ...])
def test_nothing_is_not_yet(nothing):
    for check in (lstm_exercises.lstm_gates, lstm_exercises.lstm_step, lstm_exercises.lstm):
        with pytest.raises(NotYet, match="There is no code yet"):
            check(nothing)
