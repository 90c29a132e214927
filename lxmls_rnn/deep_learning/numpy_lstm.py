r"""The LSTM tagger in NumPy: forward pass and back-propagation through time.

Only the recurrent layer differs from `numpy_rnn`. Three gates, input i, forget f and output o, depend on the embedding,
the previous hidden state and, through the peephole matrix W_c, the previous cell c_{t-1}; g is the candidate value for
the cell. Without peepholes there is no W_c, and b is 0:

    [a_i; a_f; a_g; a_o] = W_x z_t + W_h h_{t-1}        stacked, n_hidd rows each
    [b_i; b_f; b_o]      = W_c c_{t-1}                  the peepholes, stacked
    i, f, o              = logistic(a_i + b_i), logistic(a_f + b_f), logistic(a_o + b_o)
    g                    = tanh(a_g)
    c_t                  = f * c_{t-1} + i * g,   c_0 = 0
    h_t                  = o * tanh(c_t),         h_0 = 0

(Hochreiter & Schmidhuber 1997; forget gate: Gers, Schmidhuber & Cummins 2000; peepholes: Gers, Schraudolph &
Schmidhuber 2002, where the matrices are diagonal and the output gate sees c_t; the lab guide's matrices are full, and
all gates see c_{t-1}.)

The backpropagated error passes from cell to cell without a matrix product, so it reaches further back than in the RNN:

    e_c_t   = o_t * tanh'(c_t) * e_h_t + f_{t+1} * e_c_{t+1} + W_c^T [e_a_i; e_a_f; e_a_o]_{t+1}
    e_a_t   = slopes * [e_c_t; e_c_t; e_c_t; e_h_t]

The gates of a step and the terms of back-propagation are methods of `NumpyLSTM` that a subclass can override.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lxmls_rnn.deep_learning import parameters
from lxmls_rnn.deep_learning.activations import logistic_function
from lxmls_rnn.deep_learning.numpy_batches import linear, lookup, outer, zeros
from lxmls_rnn.deep_learning.numpy_rnn import Back, Errors, NumpyRNN


class Cells(NamedTuple):
    """Gates and cells of the recurrent layer."""

    i: np.ndarray  # (n_hidd, L)       input gate
    f: np.ndarray  # (n_hidd, L)       forget gate
    g: np.ndarray  # (n_hidd, L)       candidate value of the cell
    o: np.ndarray  # (n_hidd, L)       output gate
    c: np.ndarray  # (n_hidd, L + 1)   cells, c[:, 0] = 0


class Slopes(NamedTuple):
    """Derivatives within one step, each (n_hidd, L)."""

    i: np.ndarray  # d c_t / d a_i_t
    f: np.ndarray  # d c_t / d a_f_t
    g: np.ndarray  # d c_t / d a_g_t
    o: np.ndarray  # d h_t / d a_o_t
    c: np.ndarray  # d h_t / d c_t


class NumpyLSTM(parameters.LSTMOptions, NumpyRNN):
    """Part-of-speech tagger with a long short-term memory; apart from the layer it is a `NumpyRNN`.

    Parameters
    ----------
    peepholes
        Whether the gates depend on the cell.

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
        return self.states(lookup(self.param.W_e, x))[1]

    def states(self, z: np.ndarray) -> tuple[np.ndarray, Cells, np.ndarray, np.ndarray | None]:
        """Return h, the `Cells`, a and b (None without peepholes) of the embeddings z, (n_emb, L)."""
        W_x, W_h, W_c, H = self.param.W_x, self.param.W_h, self.param.W_c, self.sizes.n_hidd
        a, b = linear(W_x, z), None if W_c is None else zeros(3 * H, z)
        h, c = zeros(H, z, before=1), zeros(H, z, before=1)
        i, f, g, o = (zeros(H, z) for _ in range(4))
        for t in range(z.shape[-1]):
            a_t, b_t, c_last = a[..., t], None, c[..., t]
            a_t += W_h.dot(h[..., t])
            if b is not None:
                b[..., t] = b_t = W_c.dot(c_last)
            i_t, f_t, g_t, o_t = self.gates(a_t.copy("K"), b_t)
            i[..., t], f[..., t], g[..., t], o[..., t] = i_t, f_t, g_t, o_t
            c[..., t + 1] = c_t = f_t * c_last + i_t * g_t
            h[..., t + 1] = o_t * np.tanh(c_t)
        return h, Cells(i, f, g, o, c), a, b

    def layer(self, z: np.ndarray) -> tuple[np.ndarray, Back]:
        """Return h and the way back as in `NumpyRNN`; the gradients are those of W_x, W_h and, with peepholes, W_c."""
        h, cells, a, b = self.states(z)

        def back(e_h: np.ndarray) -> Errors:
            *of_gates, to_cell = self.slopes(cells)
            to_gates = np.concatenate(of_gates)
            e_c, e_a = zeros(len(h), z), zeros(len(to_gates), z)
            h_from_later: Any = 0
            c_from_later: Any = 0
            for t in reversed(range(z.shape[-1])):
                e_h_t = e_h[..., t]
                e_h_t += h_from_later
                e_c[..., t] = e_c_t = e_h_t * to_cell[..., t] + c_from_later
                e_a[..., t] = e_a_t = self.gate_errors(to_gates[..., t], e_h_t, e_c_t)
                h_from_later = self.from_later(e_a_t)
                c_from_later = self.along_cell(t, cells, e_c_t)
                if b is not None:
                    c_from_later += self.from_peepholes(e_a_t)
            gradients = outer(e_a, z), self.recurrent_gradient(e_a, h)
            layer = {"a": a, **cells._asdict(), "c": cells.c[..., 1:], "e_h": e_h, "e_c": e_c, "e_a": e_a}
            e_z = linear(self.param.W_x.T, e_a)
            if b is None:
                return e_z, gradients, layer
            return e_z, (*gradients, self.peephole_gradient(e_a, cells.c)), {**layer, "b": b}

        return h, back

    def gates(self, a: np.ndarray, b: np.ndarray | None) -> tuple[np.ndarray, ...]:
        """Return i, f, g and o of one step, (n_hidd,) each, from a_t, (4 n_hidd,), and the peepholes' b_t, (3 n_hidd,).

        b_t is None without peepholes; a_t is overwritten.
        """
        H, logistic = self.sizes.n_hidd, logistic_function()
        if b is not None:
            a[: 2 * H] += b[: 2 * H]
            a[3 * H :] += b[2 * H :]
        return logistic(a[:H]), logistic(a[H : 2 * H]), np.tanh(a[2 * H : 3 * H]), logistic(a[3 * H :])

    def slopes(self, cells: Cells) -> Slopes:
        """Return the derivatives within each step, for all steps at once."""
        i, f, g, o, c = cells
        tanh_c = np.tanh(c[..., 1:])
        return Slopes(
            i=g * i * (1 - i),
            f=c[..., :-1] * f * (1 - f),
            g=i * (1 - g * g),
            o=tanh_c * o * (1 - o),
            c=o * (1 - tanh_c * tanh_c),
        )

    def gate_errors(self, slopes: np.ndarray, e_h: np.ndarray, e_c: np.ndarray) -> np.ndarray:
        """Return e_a of one step, (4 n_hidd,), from the slopes at a_i, a_f, a_g and a_o, stacked, and e_h and e_c."""
        return slopes * np.concatenate([e_c, e_c, e_c, e_h])

    def along_cell(self, t: int, cells: Cells, e_c: np.ndarray) -> np.ndarray:
        """Return the part of e_c_{t-1} that comes from e_c_t along the cell: f_t * e_c_t, (n_hidd,)."""
        return cells.f[..., t] * e_c

    def from_peepholes(self, e_a: np.ndarray) -> np.ndarray:
        """Return the part of e_c_{t-1} that comes through the peepholes, W_c^T e_b_t: (4 n_hidd,) -> (n_hidd,).

        e_b_t is the rows of e_a_t for i, f and o.
        """
        return self.param.W_c.T.dot(self.peephole_rows(e_a))

    def peephole_rows(self, e_a: np.ndarray) -> np.ndarray:
        """Return e_b, the rows of e_a for i, f and o: (4 n_hidd, ...) -> (3 n_hidd, ...)."""
        H = self.sizes.n_hidd
        return np.concatenate([e_a[: 2 * H], e_a[3 * H :]])

    def peephole_gradient(self, e_a: np.ndarray, c: np.ndarray) -> np.ndarray:
        """Return the gradient of W_c, sum_t e_b_t c_{t-1}^T; c is (n_hidd, L + 1), c_0 first."""
        return outer(self.peephole_rows(e_a), c[..., :-1])
