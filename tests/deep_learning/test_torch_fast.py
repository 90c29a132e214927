"""PyTorch's own layers in the models; test_frameworks.py compares their results with NumPy's."""

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: `make setup WITH=torch` installs it")

from lxmls_rnn.deep_learning.torch_fast import FastTorchLSTM, FastTorchRNN  # noqa: E402

SIZES = 12, 6, 5, 4


def test_the_layer_has_the_weights_of_the_model():
    for model in (FastTorchRNN(*SIZES, activation="tanh"), FastTorchLSTM(*SIZES, peepholes=False)):
        assert [*map(id, model.layer.parameters())] == [id(model.param.W_x), id(model.param.W_h)]


def test_an_lstm_with_peepholes_is_refused():
    with pytest.raises(ValueError, match="peepholes"):
        FastTorchLSTM(*SIZES, peepholes=True)


def test_an_activation_that_nn_rnn_lacks_is_refused():
    with pytest.raises(ValueError, match="activation must be one of logistic, tanh, relu, got 'softsign'"):
        FastTorchRNN(*SIZES, activation="softsign")
