"""The cost of a training step as one Op: the formula, its gradient, ties with NumPy's version, bad input."""

import numpy as np
import pytest
import theano
import theano.tensor as T

from lxmls_rnn.deep_learning.ops.cpu.softmax_cost import SoftmaxCost


@pytest.fixture(scope="module", params=["float64", "float32"])
def function(request):
    y, gold, weights = T.matrix(dtype=request.param), T.ivector(), T.vector(dtype=request.param)
    cost, e_y, correct = SoftmaxCost()(y, gold, weights)
    return theano.function([y, gold, weights], [cost, theano.grad(cost, y), e_y, correct]), request.param


def test_it_is_the_weighted_cross_entropy_and_its_gradient(function):
    f, dtype = function
    rng = np.random.RandomState(0)
    y, gold, weights = rng.normal(size=(7, 4)) * 3, rng.randint(0, 4, 7).astype("int32"), rng.uniform(size=7)
    weights[2] = 0
    p = np.exp(y) / np.exp(y).sum(axis=1, keepdims=True)
    cost, gradient, e_y, correct = f(y.astype(dtype), gold, weights.astype(dtype))
    tolerance = 1e-12 if dtype == "float64" else 1e-5
    assert cost == pytest.approx(-(weights * np.log(p[range(7), gold])).sum(), rel=tolerance)
    expected = weights[:, None] * (p - np.eye(4)[gold])
    assert np.allclose(gradient, expected, rtol=tolerance, atol=tolerance)
    assert np.array_equal(e_y, gradient)
    assert correct == ((y.argmax(axis=1) == gold) & (weights > 0)).sum()


def test_the_c_code_and_the_numpy_code_agree(function):
    f, dtype = function
    rng = np.random.RandomState(1)
    y = rng.normal(size=(14, 8))[::2, ::2].astype(dtype)
    gold, weights = rng.randint(0, 4, 14).astype("int32")[::2], rng.uniform(size=7).astype(dtype)
    storage = [[None], [None], [None]]
    SoftmaxCost().perform(None, [y, gold, weights], storage)
    cost, _, e_y, correct = f(y, gold, weights)
    tolerance = 1e-12 if dtype == "float64" else 1e-5
    assert np.allclose(cost, storage[0][0], rtol=tolerance)
    assert np.allclose(e_y, storage[1][0], rtol=tolerance, atol=tolerance)
    assert correct == storage[2][0]


def test_huge_scores_stay_finite(function):
    f, dtype = function
    cost, gradient, _, _ = f(np.array([[1e4, -1e4]], dtype), np.array([1], "int32"), np.ones(1, dtype))
    assert cost == 2e4
    assert gradient.tolist() == [[1, -1]]


def test_a_tag_out_of_range_is_named(function):
    f, dtype = function
    for tag in (2, -1):
        with pytest.raises(IndexError, match=f"gold tag {tag} of word 1 is outside the 2 tags"):
            f(np.zeros((2, 2), dtype), np.array([0, tag], "int32"), np.ones(2, dtype))


def test_other_lengths_are_refused(function):
    f, dtype = function
    with pytest.raises(ValueError, match="for 2 words of 2 tags got 1 gold tags and 2 weights"):
        f(np.zeros((2, 2), dtype), np.array([0], "int32"), np.ones(2, dtype))


def test_only_the_cost_has_a_gradient():
    y, gold, weights = T.dmatrix(), T.ivector(), T.dvector()
    _, e_y, _ = SoftmaxCost()(y, gold, weights)
    with pytest.raises(theano.gradient.DisconnectedInputError):
        theano.grad(e_y.sum(), y)


def test_other_types_are_refused():
    with pytest.raises(TypeError, match="gold must be a vector of int32"):
        SoftmaxCost()(T.dmatrix(), T.lvector(), T.dvector())
