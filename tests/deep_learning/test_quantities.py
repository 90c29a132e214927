"""The quantities that models return: NumPy's are those of its passes, those of the frameworks are NumPy's."""

import numpy as np
import pytest

from lxmls_rnn.deep_learning import models
from lxmls_rnn.deep_learning.quantities import QUANTITIES
from lxmls_rnn.teaching.gradient_check import random_values

X, Y = np.array([1, 2, 3, 1, 5]), np.array([0, 2, 1, 0, 1])
compiles_scan = pytest.mark.daily("compiles scan for all quantities, ten seconds")
compiles_fused = pytest.mark.daily("compiles the fused layer for another activation, three seconds")
# test_ops and test_fused_steps have float32
in_float32 = pytest.mark.nightly("the same as in float64")
again = pytest.mark.nightly("the same as NumPy and the fused layers, with another activation or without peepholes")


def marks(model, option):
    first = model.peephole_options[0] if model.family == "LSTM" else model.activations[0]
    if option == first or model.backend == "numpy" or (model.backend, model.family) == ("fused", "LSTM"):
        return [compiles_scan] if model.backend == "scan" else []
    return [compiles_fused if model.backend == "fused" else again]


KINDS = [
    pytest.param(name, options, marks=marks(model, *options.values()), id=f"{name}-{next(iter(options.values()))}")
    for name, model in models.MODELS.items()
    for options in (
        [{"peepholes": either} for either in model.peephole_options]
        if model.family == "LSTM"
        else [{"activation": f} for f in model.activations]
    )
]
# that a model leaves out, besides e_c
WITHOUT = {
    "RNN": "", "LSTM": "b", "FastRNN": "a", "FastLSTM": "a b",
    "TorchRNN": "", "TorchLSTM": "b", "FastTorchRNN": "a", "FastTorchLSTM": "a b i f g o c",
}  # fmt: skip


def drawn(name, **options):
    model = models.model_class(name)(8, 4, 3, 3, **options)
    model.set_values(random_values(model, np.random.RandomState(1)))
    return model


@pytest.mark.parametrize(("name", "options"), KINDS)
@pytest.mark.parametrize("dtype", ["float64", pytest.param("float32", marks=in_float32)])
def test_they_are_those_of_the_passes(name, options, dtype):
    model = drawn(name, dtype=dtype, **options)
    found, expected = model.quantities(X, Y), models.convert(model, models.numpy_class(name)).backward(X, Y)
    forward, layer, is_lstm = expected.forward, dict(expected.layer), "peepholes" in options
    right = {"z": forward.z, "y": forward.y, "p": forward.p_y, "h": forward.h[:, 1:]}
    right |= {"e_y": expected.e_y, "e_h": expected.e_h, "e_z": expected.e_z, **layer}
    left_out = {"e_c", *WITHOUT[name].split()} if name in WITHOUT else set()
    parameters = list(model.shapes(model.sizes))
    assert list(found) == [*(q for q in QUANTITIES if q in right and q not in left_out), *parameters]
    assert ("i" in right) == is_lstm
    for quantity in found.keys() - parameters:
        assert found[quantity].shape == right[quantity].shape
        assert np.abs(found[quantity] - right[quantity]).max() < (1e-12 if dtype == "float64" else 1e-5), quantity
    for gradient, parameter in zip(model.grads(X, Y), parameters, strict=True):
        assert np.allclose(found[parameter], gradient, rtol=1e-4, atol=1e-12 if dtype == "float64" else 1e-6)


def test_a_subclass_with_its_own_forward_pass_returns_what_this_computes():
    class Mine(models.library_class("FastRNN")):
        def _forward(self, _x, _h0=None):
            return super()._forward(_x, _h0) ** 2

    mine = Mine(8, 4, 3, 3, seed=1)
    found = mine.quantities(X, Y)
    assert list(found) == ["p", "W_e", "W_x", "W_h", "W_y"]
    assert np.array_equal(found["p"], mine.forward(X))


@pytest.mark.parametrize("name", [name for name, model in models.MODELS.items() if model.backend in ("numpy", "torch")])
def test_a_wrong_sentence_is_refused(name):
    with pytest.raises(ValueError, match="one sentence"):
        drawn(name).quantities([X, X], [Y, Y])
    with pytest.raises(IndexError, match="word id 99"):
        drawn(name).quantities([99], [0])
