"""The guide's interface: the toolkit's initial parameters, the loss as a function of one weight."""

import numpy as np
import pytest

from lxmls_rnn.deep_learning.guide import GuideRNN, get_rnn_loss_range, get_rnn_parameter_handlers
from lxmls_rnn.deep_learning.numpy_models.rnn import NumpyRNN

SIZES = {"input_size": 30, "embedding_size": 6, "hidden_size": 5, "output_size": 4}
X, Y = np.array([3, 1, 4, 1, 5]), np.array([0, 3, 2, 1, 0])
BATCH = {"input": X, "output": Y}


@pytest.fixture
def model():
    return NumpyRNN(**SIZES, learning_rate=0.1)


def test_parameters_are_the_toolkits_draws(model):
    rng = np.random.RandomState(1234)
    expected = [0.01 * rng.uniform(size=(30, 6)), *(rng.uniform(size=shape) for shape in [(5, 6), (5, 5), (4, 5)])]
    assert all(np.array_equal(W, value) for W, value in zip(model.parameters, expected, strict=True))


def test_the_loss_range_leaves_the_model_alone(model):
    before, kept = [W.copy() for W in model.parameters], model.parameters
    get, change = get_rnn_parameter_handlers(layer_index=1, row=2, column=3)
    weights, losses = get_rnn_loss_range(model, get, change, BATCH)
    assert (len(weights), len(losses)) == (200, 200)
    assert weights[[0, -1]] == pytest.approx(before[1][2, 3] + np.array([-10, 10]))
    with pytest.raises(ValueError, match="same shape"):
        get_rnn_loss_range(model, get, change, {"input": X, "output": Y[:1]})
    assert model.parameters is kept
    assert all(np.array_equal(W, value) for W, value in zip(kept, before, strict=True))


@pytest.mark.parametrize("name", SIZES)
def test_a_size_that_is_none_is_refused(name):
    with pytest.raises(ValueError, match="must be a positive integer, got 0"):
        GuideRNN(**SIZES | {name: 0}, learning_rate=0.1)


def test_the_handlers_reach_one_weight_of_parameters_or_gradients():
    get, change = get_rnn_parameter_handlers(layer_index=-1, row=1, column=0)
    parameters = [np.zeros((2, 2)), np.zeros((2, 2))]
    assert change(parameters, 7.0) is parameters
    assert [W.tolist() for W in parameters] == [[[0, 0], [0, 0]], [[0, 0], [7, 0]]]
    assert get(parameters) == 7
    assert get((None, np.array([[1, 2], [3, 4]]))) == 3


@pytest.mark.parametrize("span", [10, 0.5])
def test_the_losses_are_those_of_the_weights_beside_them(model, span):
    get, change = get_rnn_parameter_handlers(layer_index=2, row=0, column=4)
    weights, losses = get_rnn_loss_range(model, get, change, BATCH, span)
    assert weights[-1] - weights[0] == pytest.approx(2 * span)
    for n in (0, 120, 199):
        change(model.parameters, weights[n])
        assert losses[n] == model.cross_entropy_loss(X, Y)
