"""The LSTM tagger in JAX: the layer of `numpy_lstm` in the network of `jax_rnn`."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax
from jax.nn import sigmoid

from lxmls_rnn.deep_learning import parameters
from lxmls_rnn.deep_learning.jax_rnn import JaxRNN


class JaxLSTM(parameters.LSTMOptions, JaxRNN):
    """Part-of-speech tagger with a long short-term memory; sizes, options and results as in `NumpyLSTM`."""

    param: parameters.LSTMParameters

    def _recurrent(self, a: jax.Array, W_h: jax.Array, W_c: jax.Array | None = None) -> jax.Array:
        """Return the hidden states after each step, (L, n_hidd) or (L, B, n_hidd)."""

        def step(last: tuple[jax.Array, jax.Array], a_t: jax.Array) -> tuple[tuple[jax.Array, jax.Array], jax.Array]:
            h_tm1, c_tm1 = last
            a_i, a_f, a_g, a_o = jnp.split(a_t + h_tm1 @ W_h.T, 4, axis=-1)
            if W_c is not None:
                b_i, b_f, b_o = jnp.split(c_tm1 @ W_c.T, 3, axis=-1)
                a_i, a_f, a_o = a_i + b_i, a_f + b_f, a_o + b_o
            c_t = sigmoid(a_f) * c_tm1 + sigmoid(a_i) * jnp.tanh(a_g)
            h_t = sigmoid(a_o) * jnp.tanh(c_t)
            return (h_t, c_t), h_t

        _, h = lax.scan(step, (self._first(a), self._first(a)), a)
        return h
