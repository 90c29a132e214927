"""The LSTM in JAX: gates, peepholes and first state; test_frameworks.py compares its results with NumPy's."""

import numpy as np
import pytest

pytest.importorskip("jax", reason="JAX is not installed: `make setup WITH=jax` brings it")

from lxmls_rnn.deep_learning.jax_lstm import JaxLSTM
from lxmls_rnn.deep_learning.jax_rnn import own_settings
from lxmls_rnn.deep_learning.numpy_lstm import NumpyLSTM

SIZES = 12, 6, 5, 4


@pytest.mark.parametrize("peepholes", [True, False])
@pytest.mark.parametrize("batch", [(), (2,)])
def test_the_layer_computes_numpys_hidden_states(peepholes, batch):
    bare, rng = NumpyLSTM(*SIZES, peepholes=peepholes), np.random.RandomState(0)
    bare.set_values({name: rng.uniform(-1, 1, W.shape) for name, W in bare.get_values().items()})
    model, x = JaxLSTM(*SIZES, peepholes=peepholes), rng.randint(0, 12, (*batch, 7))
    z, h, *_ = bare._forward(x)
    with own_settings():
        got = model._recurrent(z.T @ bare.param.W_x.T, *bare.param[2:-1])
    assert got.shape == (7, *batch, 5)
    assert np.allclose(np.asarray(got).T, h[..., 1:], rtol=0, atol=1e-14)


def test_peepholes_are_a_parameter_or_absent():
    assert "W_c" in JaxLSTM(*SIZES).get_values()
    without = JaxLSTM(*SIZES, peepholes=False)
    assert (without.param.W_c, list(without.get_values())) == (None, ["W_e", "W_x", "W_h", "W_y"])
    with pytest.raises(ValueError, match="peepholes must be True or False, got 'no'"):
        JaxLSTM(*SIZES, peepholes="no")
