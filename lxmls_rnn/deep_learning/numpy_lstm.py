r"""The LSTM tagger with bare hands: forward pass and back-propagation through time in NumPy.

As `numpy_rnn`, with another recurrent layer. Three gates, input i, forget f and output o, look at the embedding, the
last hidden state and, through the peephole matrix W_c, the last cell c_{t-1}; g is what may be written into the cell.
Without peepholes there is no W_c, and b is 0:

    [a_i; a_f; a_g; a_o] = W_x z_t + W_h h_{t-1}        four gates stacked, each of n_hidd rows
    [b_i; b_f; b_o]      = W_c c_{t-1}                  three peepholes stacked
    i, f, o              = logistic(a_i + b_i), logistic(a_f + b_f), logistic(a_o + b_o)
    g                    = tanh(a_g)
    c_t                  = f * c_{t-1} + i * g,   c_0 = 0
    h_t                  = o * tanh(c_t),         h_0 = 0

(Hochreiter & Schmidhuber 1997; forget gate: Gers, Schmidhuber & Cummins 2000; peepholes: Gers, Schraudolph &
Schmidhuber 2002, there to c_t for the output gate and diagonal; the lab guide's are full and all look at c_{t-1}.)

The cell passes its error on without a matrix in between, which is why it reaches further back than the RNN's:

    e_c_{t-1} = f * e_c_t + W_c^T [e_a_i; e_a_f; e_a_o] + o_{t-1} * tanh'(c_{t-1}) * e_h_{t-1}
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lxmls_rnn.deep_learning import parameters
from lxmls_rnn.deep_learning.logistic import logistic_function
from lxmls_rnn.deep_learning.numpy_rnn import ForwardLoss, NumpyRNN, linear, outer, zeros


class Cells(NamedTuple):
    """The inside of the recurrent layer."""

    i: np.ndarray  # (n_hidd, L)       input gate
    f: np.ndarray  # (n_hidd, L)       forget gate
    g: np.ndarray  # (n_hidd, L)       what may be written
    o: np.ndarray  # (n_hidd, L)       output gate
    c: np.ndarray  # (n_hidd, L + 1)   cells, c[:, 0] = 0


class NumpyLSTM(parameters.LSTMOptions, NumpyRNN):
    """Part-of-speech tagger with a long short-term memory; everything else as in `NumpyRNN`.

    Parameters
    ----------
    peepholes
        Whether the gates look at the cell.

    Attributes
    ----------
    param
        [W_e (n_emb, n_words), W_x (4 n_hidd, n_emb), W_h (4 n_hidd, n_hidd), W_c (3 n_hidd, n_hidd),
        W_y (n_tags, n_hidd)], without peepholes [W_e, W_x, W_h, W_y].
    """

    param: parameters.LSTMParameters

    def cells(self, x: npt.ArrayLike) -> Cells:
        """Return the gates and cells of a sentence of word ids, (L,); errors as in `forward`."""
        x = parameters.check_words(x, self.sizes.n_words)
        return self._forward(x)[3]

    def _forward(self, x: np.ndarray) -> tuple[Any, ...]:
        """Return z, h, y and the `Cells` for checked word ids."""
        W_h, W_c = self.param.W_h, self.param.W_c
        H, logistic = self.sizes.n_hidd, logistic_function()
        z = self.param.W_e.T[x.T].T
        a = linear(self.param.W_x, z)
        h = zeros((H, *x.shape[:-1], x.shape[-1] + 1), self.dtype)
        c = zeros(h.shape, self.dtype)
        i, f, g, o = (zeros((H, *x.shape), self.dtype) for _ in range(4))
        for t in range(x.shape[-1]):
            a_t = a[..., t] + W_h.dot(h[..., t])
            if W_c is not None:
                b_t = W_c.dot(c[..., t])
                a_t[: 2 * H] += b_t[: 2 * H]
                a_t[3 * H :] += b_t[2 * H :]
            i[..., t] = logistic(a_t[:H])
            f[..., t] = logistic(a_t[H : 2 * H])
            g[..., t] = np.tanh(a_t[2 * H : 3 * H])
            o[..., t] = logistic(a_t[3 * H :])
            c[..., t + 1] = f[..., t] * c[..., t] + i[..., t] * g[..., t]
            h[..., t + 1] = o[..., t] * np.tanh(c[..., t + 1])
        return z, h, linear(self.param.W_y, h[..., 1:]), Cells(i, f, g, o, c)

    def _backward(self, e_h: np.ndarray, forward: ForwardLoss, memory: Any) -> tuple[np.ndarray, np.ndarray, tuple]:
        """As in `NumpyRNN`; the gradients are those of W_h and, with peepholes, W_c."""
        W_h, W_c = self.param.W_h, self.param.W_c
        (cells,) = memory
        i, f, g, o, c = cells
        H = self.sizes.n_hidd
        tanh_c = np.tanh(c[..., 1:])
        to_c = o * (1 - tanh_c * tanh_c)
        # d a / d e_c for the three that feed the cell, d a / d e_h for the output gate
        to_i, to_f, to_g = g * i * (1 - i), c[..., :-1] * f * (1 - f), i * (1 - g * g)
        to_o = tanh_c * o * (1 - o)

        e_a = zeros((4 * H, *e_h.shape[1:]), self.dtype)
        e_b = zeros((0 if W_c is None else 3 * H, *e_h.shape[1:]), self.dtype)
        h_from_later: Any = 0
        c_from_later: Any = 0
        for t in reversed(range(e_h.shape[-1])):
            e_h[..., t] += h_from_later
            e_c = e_h[..., t] * to_c[..., t] + c_from_later
            e_a[:H, ..., t] = e_c * to_i[..., t]
            e_a[H : 2 * H, ..., t] = e_c * to_f[..., t]
            e_a[2 * H : 3 * H, ..., t] = e_c * to_g[..., t]
            e_a[3 * H :, ..., t] = e_h[..., t] * to_o[..., t]
            h_from_later = W_h.T.dot(e_a[..., t])
            c_from_later = f[..., t] * e_c
            if W_c is not None:
                e_b[: 2 * H, ..., t] = e_a[: 2 * H, ..., t]
                e_b[2 * H :, ..., t] = e_a[3 * H :, ..., t]
                c_from_later += W_c.T.dot(e_b[..., t])
        gradient_of_W_h = outer(e_a, forward.h[..., :-1])
        return e_h, e_a, (gradient_of_W_h,) if W_c is None else (gradient_of_W_h, outer(e_b, c[..., :-1]))
