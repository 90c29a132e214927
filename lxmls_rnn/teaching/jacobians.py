r"""Jacobians of the recurrence, and the spectral radius of its matrix.

The state s_t is what the network remembers after word t: h_t in an RNN, [h_t; c_t] in an LSTM. By the chain rule,

    d s_t / d s_0 = J_t J_{t-1} ... J_1,    J_t = d s_t / d s_{t-1}
    RNN     J_t = diag(f'(a_t)) W_h
    LSTM    d c_t = i' (W_i d s) + f' (W_f d s) + g' (W_g d s) + f_t d c_{t-1},    d s = d s_{t-1}
            d h_t = o' (W_o d s) + o_t tanh'(c_t) d c_t

where i' is `Slopes.i` and W_i holds the rows of the input gate in [W_h, W_c]. The spectral norm of the product, its
largest singular value, is the largest factor by which a small change of s_0 is multiplied on its way to s_t (Pascanu,
Mikolov & Bengio 2013).
"""

from functools import reduce

import numpy as np
import numpy.typing as npt

from lxmls_rnn.deep_learning.numpy_lstm import NumpyLSTM
from lxmls_rnn.deep_learning.numpy_rnn import NumpyRNN


def step_jacobians(model: NumpyRNN, x: npt.ArrayLike) -> np.ndarray:
    """Return J_1 .. J_L for the word ids x, (L,), as an array (L, n, n); n is n_hidd, for an LSTM 2 n_hidd.

    Parameters
    ----------
    model
        A `NumpyRNN` or `NumpyLSTM`, or a subclass that overrides the steps of its passes.
    """
    W_h, H = model.param.W_h, model.sizes.n_hidd
    if not isinstance(model, NumpyLSTM):
        return _rows(model.slope(model.forward(x, all_outputs=True).h[:, 1:]), W_h)
    cells = model.cells(x)
    slopes = model.slopes(cells)
    W_c = np.zeros((3 * H, H)) if model.param.W_c is None else model.param.W_c
    peepholes = np.concatenate([W_c[: 2 * H], np.zeros((H, H)), W_c[2 * H :]])  # none for the candidate g
    W_i, W_f, W_g, W_o = np.split(np.concatenate([W_h, peepholes], axis=1), 4)
    of_c = _rows(slopes.i, W_i) + _rows(slopes.f, W_f) + _rows(slopes.g, W_g)
    of_c[:, :, H:] += _rows(cells.f, np.eye(H))
    of_h = _rows(slopes.o, W_o) + slopes.c.T[:, :, np.newaxis] * of_c
    return np.concatenate([of_h, of_c], axis=1)


def _rows(slopes: np.ndarray, W: np.ndarray) -> np.ndarray:
    """Return diag(slopes_t) W for every step: (m, L) and (m, n) -> (L, m, n)."""
    return slopes.T[:, :, np.newaxis] * W


def state_jacobian(model: NumpyRNN, x: npt.ArrayLike) -> np.ndarray:
    """Return d s_L / d s_0, the product of `step_jacobians`, (n, n)."""
    return reduce(lambda product, J: J @ product, step_jacobians(model, x))


def spectral_radii(W_h: np.ndarray) -> np.ndarray:
    """Return the largest absolute eigenvalue of W_h, (1,), or for an LSTM of its rows of each gate i, f, g, o, (4,)."""
    H = W_h.shape[1]
    return np.abs(np.linalg.eigvals(W_h.reshape(-1, H, H))).max(axis=1)
