"""The guide's `PytorchRNN` equals its `NumpyRNN`, `FastPytorchRNN` the library's; the error without PyTorch."""

import importlib
import sys

import numpy as np
import pytest

from lxmls_rnn.deep_learning import numpy_rnn
from lxmls_rnn.deep_learning.numpy_models.rnn import NumpyRNN

CONFIG = {"input_size": 30, "embedding_size": 6, "hidden_size": 5, "output_size": 4, "learning_rate": 0.1}
X, Y = np.array([3, 1, 4, 1, 5], np.int32), np.array([0, 3, 2, 1, 0], np.int32)
MODULE = "lxmls_rnn.deep_learning.pytorch_models.rnn"


@pytest.fixture
def torch():
    found = pytest.importorskip("torch", reason="PyTorch is not installed: `make setup WITH=torch` installs it")
    kept = found.get_default_dtype()
    yield found
    found.set_default_dtype(kept)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-6)])
def test_it_computes_what_numpy_computes(torch, dtype, tolerance):
    torch.set_default_dtype(getattr(torch, dtype))
    model, numpy_model = importlib.import_module(MODULE).PytorchRNN(**CONFIG), NumpyRNN(**CONFIG)

    def assert_equal(ours, expected):
        for a, b in zip(ours, expected, strict=True):
            assert str(a.dtype) == f"torch.{dtype}"
            assert np.allclose(a.detach().numpy(), b, rtol=0, atol=tolerance)

    assert_equal(model.parameters, numpy_model.parameters)
    assert_equal([model._log_forward(X)], [numpy_model.log_forward(X)[0]])
    assert_equal(model.backpropagation(X, Y), numpy_model.backpropagation(X, Y))
    for _ in range(20):
        model.update(input=X, output=Y)
        numpy_model.update(input=X, output=Y)
    assert_equal(model.parameters, numpy_model.parameters)
    assert np.array_equal(model.predict(X), numpy_model.predict(X))


def test_the_fast_model_is_an_rnn_with_tanh_and_pytorchs_initial_weights(torch):
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    model = importlib.import_module(MODULE).FastPytorchRNN(**CONFIG)
    W_e, W_x, W_h, W_y = (W.detach().numpy().copy() for W in model.parameters)
    guide = NumpyRNN(**CONFIG).parameters
    assert np.array_equal(W_e, guide[0])
    assert np.array_equal(W_y, guide[3])
    assert W_x.min() < 0 < W_x.max()  # the guide's are all positive
    assert max(np.abs(W_x).max(), np.abs(W_h).max()) < CONFIG["hidden_size"] ** -0.5
    expected = numpy_rnn.NumpyRNN(30, 6, 5, 4, activation="tanh")
    expected.set_values({"W_e": W_e.T, "W_x": W_x, "W_h": W_h, "W_y": W_y})
    assert np.allclose(model._log_forward(X).detach().exp().numpy().T, expected.forward(X), rtol=0, atol=1e-14)
    gradients = [g.numpy() for g in model.backpropagation(X, Y)]
    gradients[0] = gradients[0].T
    for gradient, value in zip(gradients, expected.grads(X, Y), strict=True):
        assert np.allclose(gradient, value, rtol=0, atol=1e-14)
    model.update(X, Y)
    assert np.allclose(model.parameters[2].detach().numpy(), W_h - 0.1 * gradients[2], rtol=0, atol=1e-15)


@pytest.mark.parametrize("name", ["PytorchRNN", "FastPytorchRNN"])
def test_bad_input_is_refused(torch, name):
    model = getattr(importlib.import_module(MODULE), name)(**CONFIG)
    with pytest.raises(ValueError, match="empty sentence"):
        model.predict([])
    with pytest.raises(IndexError, match="word id -1"):
        model.predict([-1])
    with pytest.raises(ValueError, match="same shape"):
        model.update(X, Y[:1])
    with pytest.raises(IndexError, match="tag id 4"):
        model.backpropagation(X, Y + 1)


def test_without_pytorch_the_import_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, MODULE, raising=False)
    with pytest.raises(ImportError, match=r"^PyTorch is not installed: `make setup WITH=torch` installs it"):
        importlib.import_module(MODULE)
