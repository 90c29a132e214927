"""The checks of exercises 6.2 and 6.3 recognise each known mistake; test_check.py has students' code."""

import numpy as np
import pytest

from lab.exercises import theano_exercises
from lab.exercises.slips import RNN_SLIPS, rnn_forward
from lab.exercises.verdict import Wrong
from lxmls_rnn.deep_learning.rnn import RNN, NumpyRNN

pytestmark = pytest.mark.theano


def test_squares_of_one_number_and_of_five_must_be_right():
    import theano
    import theano.tensor as T

    def right(n):
        return theano.scan(lambda i: i**2, sequences=T.arange(n))[0]

    assert theano_exercises.squares(right) == "The squares of 0, 1, ..., n - 1, by scan."
    with pytest.raises(Wrong, match=r"^For n = 1 the function returns \[0, 1, 4, 9, 16\], expected \[0\]\.$"):
        theano_exercises.squares(lambda n: right(T.constant(5)))
    with pytest.raises(Wrong, match="the graph contains no scan"):
        theano_exercises.squares(lambda n: T.arange(n) ** 2)


def test_a_chain_of_one_state_and_of_four_must_be_right():
    import theano
    import theano.tensor as T

    def chain(s, A, n, step=T.dot, first=None):
        return theano.scan(lambda s, A: step(A, s), outputs_info=s, non_sequences=A, n_steps=n)[0]

    assert theano_exercises.markov(chain) == "s_1, ..., s_n: each is A times the previous one."
    with pytest.raises(Wrong, match=r"s at step 1 .*\nIt is A\^T s: "):
        theano_exercises.markov(lambda s, A, n: chain(s, A.T, n))
    with pytest.raises(Wrong, match=r"The result has shape \(4, 3\), expected \(n, states\) = \(1, 3\)\.$"):
        theano_exercises.markov(lambda s, A, n: chain(s, A, 4))
    with pytest.raises(Wrong, match=r"s at step 2 .*\nEvery step starts from s_0"):
        theano_exercises.markov(lambda s, A, n: T.tile(T.dot(A, s), (n, 1)))


def model(transform=lambda p: p, **mistake):
    """A student's RNN, computed by NumPy."""
    import theano.tensor as T
    from theano.compile.ops import as_op

    class Student(RNN):
        def _forward(self, _x, _h0=None):
            def probabilities(x, *param):
                return transform(rnn_forward(x, param, **mistake)["p"].T).astype(self.dtype)

            kind = T.matrix(dtype=self.dtype).type
            return as_op([T.ivector, *[kind] * 4], [kind])(probabilities)(_x, *self.param)

    return Student


@pytest.mark.parametrize(("message", "mistake"), RNN_SLIPS, ids=[message for message, _ in RNN_SLIPS])
def test_a_mistake_in_the_model_is_recognised(message, mistake):
    with pytest.raises(Wrong) as error:
        theano_exercises.rnn(model(**mistake))
    assert message in str(error.value)


def test_a_transposed_result_and_another_class_are_named():
    with pytest.raises(
        Wrong, match=r"expected \(L, n_tags\) = \(6, 3\)\.\nIt is transposed: .* The numbers are correct"
    ):
        theano_exercises.rnn(model(np.transpose))
    with pytest.raises(Wrong, match="a subclass of RNN"):
        theano_exercises.rnn(NumpyRNN)


def test_gradients_are_those_of_the_mean_of_the_log_of_gold_tags():
    import theano.tensor as T

    def of(cost):
        return lambda p, y, param: T.grad(cost(p, p[T.arange(y.shape[0]), y]), param)

    assert theano_exercises.theano_gradients(of(lambda p, gold: -T.mean(T.log(gold)))).startswith("All four equal")
    for cost, message in (
        (lambda p, gold: -T.sum(T.log(gold)), "L = 6 times too large"),
        (lambda p, gold: T.mean(T.log(gold)), "The sign is wrong"),
        (lambda p, gold: -T.mean(gold), "The logarithm is missing"),
        (lambda p, gold: -T.mean(T.log(p)), "The mean is over all tags"),
    ):
        with pytest.raises(Wrong, match=f"the gradient of W_e.*\n(It is )?{message}"):
            theano_exercises.theano_gradients(of(cost))
    with pytest.raises(Wrong, match="Expected 4 gradients, of W_e, W_x, W_h, W_y; got 1"):
        theano_exercises.theano_gradients(lambda p, y, param: [p])


def descent(new=lambda W, g, rate: W - rate * g, pairs=lambda pairs: pairs):
    import theano

    return lambda cost, param, rate: pairs([(W, new(W, theano.grad(cost, W), rate)) for W in param])


@pytest.mark.parametrize("pairs", [list, tuple, dict, lambda pairs: pairs[::-1]])
def test_an_update_may_be_any_list_of_pairs(pairs):
    assert theano_exercises.updates(descent(pairs=pairs)) == "Each parameter moves one step against its gradient."


@pytest.mark.parametrize(
    ("new", "message"),
    [
        (
            lambda W, g, rate: W + rate * g,
            r"It is W \+ 0.15 gradient; expected W - 0.15 gradient, with the rate 0.15\.$",
        ),
        (lambda W, g, rate: W - g, "It is W - 1 gradient; expected W - 0.15 gradient"),
        (lambda W, g, rate: W - g / rate, "It is W - 6.667 gradient; "),
        (lambda W, g, rate: -rate * g, "It is -0.15 gradient; "),
        (lambda W, g, rate: g, "It is gradient; "),
        (lambda W, g, rate: 1 * W, "It is W; "),
        (lambda W, g, rate: W - 7 * rate * g, "It is W - 1.05 gradient; "),
        (lambda W, g, rate: W - g**2, r"expected \[0.7, 2.9, 3.1, 1.8, ...\]\.$"),
        (lambda W, g, rate: W - rate * g + 3 + 2 * W * g, r"It is W - 0.15 gradient \+ 2 W \* gradient \+ 3; "),
    ],
)
def test_a_mistake_in_an_update_is_recognised(new, message):
    with pytest.raises(Wrong, match=message):
        theano_exercises.updates(descent(new))


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        (lambda pairs: [new for _, new in pairs], "Expected a list of pairs"),
        (lambda pairs: [(new, W) for W, new in pairs], "The pairs are swapped"),
        (lambda pairs: [(new, new) for _, new in pairs], "The first element of each pair must be a parameter"),
        (lambda pairs: [pairs[0], pairs[0]], "A parameter occurs twice"),
        (lambda pairs: pairs[:1], "Expected a pair for each of the 2 parameters; W_h has none"),
    ],
)
def test_other_results_of_an_update_are_described(pairs, message):
    with pytest.raises(Wrong, match=message):
        theano_exercises.updates(descent(pairs=pairs))
