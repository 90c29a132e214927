"""PyTorch's own layers in the models: the same hidden states as the loop's, for each activation."""

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: `make setup WITH=torch` brings it")

from lxmls_rnn.deep_learning.activations import OF_FAST_TORCH  # noqa: E402
from lxmls_rnn.deep_learning.torch_fast import FastTorchLSTM, FastTorchRNN  # noqa: E402
from lxmls_rnn.deep_learning.torch_lstm import TorchLSTM  # noqa: E402
from lxmls_rnn.deep_learning.torch_rnn import TorchRNN  # noqa: E402

SIZES = 12, 6, 5, 4
PAIRS = [(FastTorchRNN, TorchRNN, {"activation": name}) for name in OF_FAST_TORCH]
PAIRS += [(FastTorchLSTM, TorchLSTM, {"peepholes": False})]


@pytest.mark.parametrize(("fast", "plain", "options"), PAIRS, ids=[*OF_FAST_TORCH, "lstm"])
@pytest.mark.parametrize("shape", [(7, 6), (7, 3, 6), (1, 6)], ids=["sentence", "batch", "word"])
def test_hidden_states_and_gradients_are_those_of_the_loop(fast, plain, options, shape):
    torch.manual_seed(0)
    models = fast(*SIZES, **options), plain(*SIZES, **options)
    values = {name: torch.randn(W.shape, dtype=torch.float64).numpy() for name, W in models[0].get_values().items()}
    z, found = torch.randn(shape, dtype=torch.float64), []
    for model in models:
        model.set_values(values)
        h = model._recurrent(z)
        assert h.shape == (*shape[:-1], 5)
        found.append([h, *torch.autograd.grad((h**2).sum(), [model.param.W_x, model.param.W_h])])
    for got, expected in zip(*found, strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-10, atol=1e-12)


def test_the_layer_has_the_weights_of_the_model():
    for model in (FastTorchRNN(*SIZES, activation="tanh"), FastTorchLSTM(*SIZES, peepholes=False)):
        assert [*map(id, model.layer.parameters())] == [id(model.param.W_x), id(model.param.W_h)]


def test_an_lstm_with_peepholes_is_refused():
    with pytest.raises(ValueError, match="peepholes"):
        FastTorchLSTM(*SIZES, peepholes=True)


def test_an_activation_that_nn_rnn_lacks_is_refused():
    with pytest.raises(ValueError, match="activation must be one of logistic, tanh, relu, got 'softsign'"):
        FastTorchRNN(*SIZES, activation="softsign")
