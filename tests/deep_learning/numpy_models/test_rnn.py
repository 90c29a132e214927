"""The current guide's `NumpyRNN`: the toolkit's numbers, finite differences, use by students, bad input."""

import numpy as np
import pytest

from lxmls_rnn.deep_learning import model_file, numpy_rnn
from lxmls_rnn.deep_learning.numpy_models.rnn import NumpyRNN
from lxmls_rnn.deep_learning.rnn import get_rnn_parameter_handlers

SIZES = {"input_size": 30, "embedding_size": 6, "hidden_size": 5, "output_size": 4}
X, Y = np.array([3, 1, 4, 1, 5]), np.array([0, 3, 2, 1, 0])
BATCH = {"input": X, "output": Y}


@pytest.fixture
def model():
    return NumpyRNN(**SIZES, learning_rate=0.1)


def test_loss_weight_and_gradient_are_those_that_the_school_published():
    # tests/test_sequence_models_deep_learning.py of LxMLS/lxmls-toolkit (2025), on the first sentence of its WSJ part,
    # which has the word ids 0 to 4 and the tags noun noun verb noun '.'
    model = NumpyRNN(input_size=4786, embedding_size=50, hidden_size=20, output_size=12, learning_rate=0.1)
    x, y = np.arange(5), np.array([0, 0, 1, 0, 2])
    get, _ = get_rnn_parameter_handlers(layer_index=-1, row=0, column=0)
    assert get(model.parameters) == 0.6374233957270082
    assert model.cross_entropy_loss(x, y) == pytest.approx(2.2440323240301465, rel=1e-12)
    assert get(model.backpropagation(x, y)) == pytest.approx(-0.2927844936170676, rel=1e-12)


def test_log_forward_has_one_row_per_step(model):
    log_p_y, y, h, z_e, x = model.log_forward(X)
    assert [a.shape for a in (log_p_y, y, h, z_e, x)] == [(5, 4), (5, 4), (6, 5), (5, 6), (5,)]
    assert np.allclose(np.exp(log_p_y).sum(axis=1), 1)
    assert np.allclose(y - log_p_y, (y - log_p_y)[:, :1])
    assert not h[0].any()
    assert np.array_equal(z_e, model.parameters[0][X])
    assert np.array_equal(model.predict(X), log_p_y.argmax(axis=1))


def test_gradients_are_finite_differences(model):
    gradients = model.backpropagation(X, Y)
    for layer, W in enumerate(model.parameters):
        assert gradients[layer].shape == W.shape
        for row, column in np.ndindex(W.shape):
            get, change = get_rnn_parameter_handlers(layer, row, column)
            weight, losses = get(model.parameters), []
            for value in (weight + 1e-4, weight - 1e-4, weight):
                change(model.parameters, value)
                losses.append(model.cross_entropy_loss(X, Y))
            slope = (losses[0] - losses[1]) / 2e-4
            assert get(gradients) == pytest.approx(slope, abs=1e-8)


def test_an_update_goes_down_the_gradient_by_the_learning_rate(model):
    before, gradients = [W.copy() for W in model.parameters], model.backpropagation(X, Y)
    model.config["learning_rate"] = 0.3
    model.update(input=X, output=Y)
    for W, old, gradient in zip(model.parameters, before, gradients, strict=True):
        assert np.allclose(W, old - 0.3 * gradient, rtol=0, atol=1e-15)


def test_replaced_parameters_are_used(model):
    other = numpy_rnn.NumpyRNN(30, 6, 5, 4, seed=7)
    model.parameters[0] = other.param.W_e.T
    model.parameters = [model.parameters[0], *other.param[1:]]
    assert np.allclose(np.exp(model.log_forward(X)[0]).T, other.forward(X), rtol=0, atol=1e-15)


def test_a_students_own_backpropagation_is_used(model):
    class Own(NumpyRNN):
        def backpropagation(self, input, output):
            return [np.ones_like(W) for W in self.parameters]

    own = Own(**SIZES, learning_rate=0.5)
    own.update(X, Y)
    assert all(np.array_equal(W, old - 0.5) for W, old in zip(own.parameters, model.parameters, strict=True))


def test_the_library_can_save_the_model(model, tmp_path):
    model.update(X, Y)
    model_file.save(tmp_path / "model.npz", model.library_model)
    loaded = model_file.load(tmp_path / "model.npz").model
    assert np.array_equal(loaded.forward(X).argmax(axis=0), model.predict(X))
    assert np.array_equal(loaded.param.W_e.T, model.parameters[0])


def test_bad_input_is_refused(model):
    with pytest.raises(TypeError, match="learning_rate"):
        NumpyRNN(**SIZES)
    with pytest.raises(ValueError, match="empty sentence"):
        model.predict([])
    with pytest.raises(IndexError, match="word id 30"):
        model.predict([30])
    for call in (model.cross_entropy_loss, model.backpropagation, model.update):
        with pytest.raises(ValueError, match="same shape"):
            call(X, Y[:1])
        with pytest.raises(IndexError, match="tag id -1"):
            call(X, -np.ones(5, int))
