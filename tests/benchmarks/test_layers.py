"""Time forward and backward pass of a recurrent layer on a padded batch, in float32: `make benchmark-models`.

32 sentences of 10 words, 50 dimensions: hidden states, from their errors those of the embeddings and the gradients of
the matrices. `nn.LSTM` has no peepholes: the LSTMs here do 1.75 times its products.
"""

import numpy as np
import pytest

from lxmls_rnn.deep_learning.numpy_lstm import NumpyLSTM
from lxmls_rnn.deep_learning.numpy_rnn import NumpyRNN
from lxmls_rnn.deep_learning.parameters import convert
from lxmls_rnn.deep_learning.rnn import model_class

B, L, N_EMB = 32, 10, 50
rng = np.random.RandomState(0)
z = rng.uniform(-1, 1, (L, B, N_EMB)).astype("float32")
HIDDEN = [20, 256, 1024]


def parameters_of(family, n_hidd):
    model = (NumpyLSTM if family == "LSTM" else NumpyRNN)(
        1, N_EMB, n_hidd, 1, dtype="float32", activation="tanh", seed=0
    )
    for W in model.param:
        W[...] = rng.uniform(-0.1, 0.1, W.shape)
    if family == "LSTM":
        model.param[3][...] = 0
    return model


def theano_layer(name, model, e_h):
    import theano
    import theano.tensor as T

    model = convert(model, model_class(name))
    _z, _e_h = T.tensor3(dtype="float32"), T.tensor3(dtype="float32")
    _h = model._recurrent(_z, None)
    gradients = theano.grad(T.sum(_h * _e_h), [_z, *model.param[1:-1]])
    function = theano.function([_z, _e_h], [_h, *gradients])
    function.trust_input = True
    return lambda: function(z, e_h)


def torch_layer(_, model, e_h):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: `uv sync --group peers` brings it")
    torch.set_num_threads(1)
    n_hidd = model.sizes.n_hidd
    layer = (torch.nn.LSTM if isinstance(model, NumpyLSTM) else torch.nn.RNN)(N_EMB, n_hidd, bias=False)
    layer.weight_ih_l0.data, layer.weight_hh_l0.data = (torch.tensor(W) for W in model.param[1:3])
    _z, _e_h = torch.tensor(z, requires_grad=True), torch.tensor(e_h)

    def call():
        layer.zero_grad()
        _z.grad = None
        h = layer(_z)[0]
        h.backward(_e_h)
        return [a.detach().numpy() for a in (h, _z.grad, layer.weight_ih_l0.grad, layer.weight_hh_l0.grad)]

    return call


@pytest.mark.parametrize("n_hidd", HIDDEN)
@pytest.mark.parametrize(
    ("family", "name", "make"),
    [
        pytest.param(family, name, make, id=name)
        for family in ("RNN", "LSTM")
        for name, make in ((f"Fast{family}", theano_layer), (family, theano_layer), (f"torch.nn.{family}", torch_layer))
    ],
)
def test_layer(benchmark, family, name, make, n_hidd):
    model = parameters_of(family, n_hidd)
    e_h = rng.uniform(-1, 1, (L, B, n_hidd)).astype("float32")
    call = make(name, model, e_h)
    for got, right in zip(call(), theano_layer(f"Fast{family}", model, e_h)()[:4], strict=False):
        assert np.abs(got - right).max() <= 1e-4 * np.abs(right).max()
    benchmark.extra_info.update(model=name, dtype="float32", hidden=n_hidd)
    benchmark.group = f"{family} layer, batch of 32, hidden {n_hidd}: forward + backward"
    benchmark(call)
