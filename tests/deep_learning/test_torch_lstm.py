"""An LSTM without peepholes is PyTorch's, in float64: forward, gradients, training steps."""

import numpy as np
import pytest

from lxmls_rnn.deep_learning import rnn as rnns
from lxmls_rnn.deep_learning.sgd import make_step

torch = pytest.importorskip("torch", reason="PyTorch is not installed: `make setup WITH=torch` brings it")
pytestmark = pytest.mark.theano

SIZES = 30, 6, 5, 4
X, Y = np.array([[3, 1, 4, 1, 5], [9, 2, 6, 5, 3]]), np.array([[0, 3, 2, 1, 0], [1, 1, 3, 2, 0]])


class Tagger(torch.nn.Module):
    """The tagger around `nn.LSTM`, with the parameters of a model."""

    def __init__(self, values):
        super().__init__()
        W_e, W_x, W_h, W_y = (torch.tensor(values[name]) for name in ("W_e", "W_x", "W_h", "W_y"))
        self.W_e, self.W_y = torch.nn.Parameter(W_e), torch.nn.Parameter(W_y)
        self.layer = torch.nn.LSTM(W_x.shape[1], W_h.shape[1], bias=False, dtype=torch.float64)
        self.layer.weight_ih_l0.data, self.layer.weight_hh_l0.data = W_x, W_h

    def forward(self, x):
        """Return the scores (L, [B,] n_tags) of word ids ([B,] L)."""
        return self.layer(self.W_e.T[torch.tensor(x.T)])[0] @ self.W_y.T

    def loss(self, x, y):
        """Return the mean cross-entropy."""
        return torch.nn.functional.cross_entropy(self(x).flatten(0, -2), torch.tensor(y.T).flatten())

    def matrices(self):
        """Return the parameters in the order of `param`."""
        return [self.W_e, self.layer.weight_ih_l0, self.layer.weight_hh_l0, self.W_y]


@pytest.fixture(scope="module", params=["NumpyLSTM", "LSTM", "FastLSTM"])
def model(request):
    """A model, in turn each kind, whose parameters have both signs."""
    made = rnns.model_class(request.param)(*SIZES, dtype="float64", peepholes=False)
    rng = np.random.RandomState(1)
    made.set_values({name: rng.uniform(-1, 1, shape) for name, shape in made.shapes(made.sizes).items()})
    return made


def agree(got, expected):
    return np.abs(np.asarray(got) - expected.detach().numpy()).max() <= 1e-12


def test_probabilities_and_gradients(model):
    tagger = Tagger(model.get_values())
    for x in (X[0], X):
        p_y = tagger(x).softmax(-1)
        assert agree(model.forward(x), p_y.permute(*reversed(range(p_y.ndim))))
    tagger.loss(X[0], Y[0]).backward()
    for gradient, W in zip(model.grads(X[0], Y[0]), tagger.matrices(), strict=True):
        assert agree(gradient, W.grad)


@pytest.mark.parametrize("batched", [False, True])
def test_steps_of_training(model, batched):
    before = model.get_values()
    tagger = Tagger(before)
    optimizer = torch.optim.SGD(tagger.parameters(), lr=0.5)
    step = make_step(model, batched=batched)
    x, y = (X, Y) if batched else (X[0], Y[0])
    for _ in range(3):
        loss = tagger.loss(x, y)
        cost, *_ = step(x.astype("int32"), y.astype("int32"), np.full(x.shape, 1 / x.size), 0.5)
        assert cost == pytest.approx(loss.item(), rel=1e-12)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    for value, W in zip(model.get_values().values(), tagger.matrices(), strict=True):
        assert agree(value, W)
    model.set_values(before)
