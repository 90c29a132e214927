"""The LSTM tagger in JAX: the layer of `numpy_lstm` in the network of `jax_rnn`."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax.nn import sigmoid

from lxmls_rnn.deep_learning import parameters
from lxmls_rnn.deep_learning.jax_rnn import JaxRNN


class JaxLSTM(parameters.LSTMOptions, JaxRNN):
    """Part-of-speech tagger with a long short-term memory; sizes, options and results as in `NumpyLSTM`."""

    param: parameters.LSTMParameters

    def _step(
        self, last: Any, a_t: jax.Array, W_h: jax.Array, W_c: jax.Array | None = None
    ) -> tuple[Any, dict[str, jax.Array]]:
        """Return the states h and c for the next step, and the quantities of this one; a is stacked."""
        h_tm1, c_tm1 = last
        a_t = a_t + h_tm1 @ W_h.T
        a_i, a_f, a_g, a_o = jnp.split(a_t, 4, axis=-1)
        if W_c is not None:
            b_i, b_f, b_o = jnp.split(c_tm1 @ W_c.T, 3, axis=-1)
            a_i, a_f, a_o = a_i + b_i, a_f + b_f, a_o + b_o
        i, f, g, o = sigmoid(a_i), sigmoid(a_f), jnp.tanh(a_g), sigmoid(a_o)
        c_t = f * c_tm1 + i * g
        h_t = o * jnp.tanh(c_t)
        return (h_t, c_t), {"a": a_t, "i": i, "f": f, "g": g, "o": o, "c": c_t, "h": h_t}

    def _first(self, a: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Return h and c before the first step, 0: (n_hidd,) or (B, n_hidd) each."""
        return super()._first(a), super()._first(a)
