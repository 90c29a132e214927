"""Time forward and backward pass of a recurrent layer on a padded batch, in float32: `make benchmark-models`.

32 sentences of 10 words, 50 dimensions: hidden states, from their errors those of the embeddings and the gradients of
the matrices. `nn.LSTM` has no peepholes and does 4/7 of the products of an LSTM that has them. FastLSTM takes part with
and without them, and so does PyTorch: with peepholes it is written in its operations.
"""

import numpy as np
import pytest

from lxmls_rnn.deep_learning.model_file import build
from lxmls_rnn.deep_learning.numpy_lstm import NumpyLSTM
from lxmls_rnn.deep_learning.numpy_rnn import NumpyRNN
from lxmls_rnn.deep_learning.rnn import model_class

B, L, N_EMB = 32, 10, 50
rng = np.random.RandomState(0)
z = rng.uniform(-1, 1, (L, B, N_EMB)).astype("float32")
HIDDEN = [20, 256, 1024]
WITHOUT = ", no peepholes"


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

    values = model.get_values()
    if name.endswith(WITHOUT):
        del values["W_c"]
    model = build(model_class(name.removesuffix(WITHOUT)), model.sizes, values, model.activation, model.dtype)
    _z, _e_h = T.tensor3(dtype="float32"), T.tensor3(dtype="float32")
    _h = model._recurrent(_z, None)
    gradients = theano.grad(T.sum(_h * _e_h), [_z, *model.param[1:-1]])
    function = theano.function([_z, _e_h], [_h, *gradients])
    function.trust_input = True
    return lambda: function(z, e_h)


def torch_layer(_, model, e_h):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: `make setup WITH=torch` brings it")
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


def torch_peephole_layer(_, model, e_h):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: `make setup WITH=torch` brings it")
    torch.set_num_threads(1)
    W_x, W_h, W_c = parameters = [torch.tensor(W, requires_grad=True) for W in model.param[1:4]]
    _z, _e_h = torch.tensor(z, requires_grad=True), torch.tensor(e_h)

    def call():
        for value in (_z, *parameters):
            value.grad = None
        h = c = torch.zeros(B, model.sizes.n_hidd)
        states = []
        for a in _z @ W_x.T:
            i, f, g, o = torch.addmm(a, h, W_h.T).chunk(4, 1)
            p_i, p_f, p_o = (c @ W_c.T).chunk(3, 1)
            c = torch.sigmoid(f + p_f) * c + torch.sigmoid(i + p_i) * torch.tanh(g)
            h = torch.sigmoid(o + p_o) * torch.tanh(c)
            states.append(h)
        h = torch.stack(states)
        h.backward(_e_h)
        return [a.detach().numpy() for a in (h, _z.grad, W_x.grad, W_h.grad, W_c.grad)]

    return call


LAYERS = [
    *((family, f"Fast{family}", theano_layer) for family in ("RNN", "LSTM")),
    ("LSTM", "FastLSTM" + WITHOUT, theano_layer),
    *((family, family, theano_layer) for family in ("RNN", "LSTM")),
    *((family, f"torch.nn.{family}", torch_layer) for family in ("RNN", "LSTM")),
    ("LSTM", "torch.nn.LSTM with peepholes", torch_peephole_layer),
]


@pytest.mark.parametrize("n_hidd", HIDDEN)
@pytest.mark.parametrize(("family", "name", "make"), [pytest.param(*layer, id=layer[1]) for layer in LAYERS])
def test_layer(benchmark, family, name, make, n_hidd):
    model = parameters_of(family, n_hidd)
    e_h = rng.uniform(-1, 1, (L, B, n_hidd)).astype("float32")
    call = make(name, model, e_h)
    for got, right in zip(call(), theano_layer(f"Fast{family}", model, e_h)(), strict=False):
        assert np.abs(got - right).max() <= 1e-4 * np.abs(right).max()
    benchmark.extra_info.update(model=name, dtype="float32", hidden=n_hidd)
    benchmark.group = f"{family} layer, batch of 32, hidden {n_hidd}: forward + backward"
    benchmark(call)
