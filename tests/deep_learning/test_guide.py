"""The guide's interface: the toolkit's initial parameters, the loss as a function of one weight."""

import numpy as np
import pytest

from lxmls_rnn.deep_learning.guide import get_rnn_loss_range, get_rnn_parameter_handlers
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
