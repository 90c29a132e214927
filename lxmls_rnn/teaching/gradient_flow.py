r"""The reach of a gradient back through time: its norms, the Jacobians of the recurrence, the spectral radius.

The gradient of one word's loss is propagated back through the hidden states. In the RNN each step multiplies it:

    d loss_t / d h_k = W_h^T (f'(a_{k+1}) * d loss_t / d h_{k+1}),    k < t

so it shrinks or grows exponentially with the distance t - k (Bengio, Simard & Frasconi 1994; Pascanu, Mikolov & Bengio
2013). In the LSTM it also goes back through the cell, where each step multiplies it by the forget gate.

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
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lxmls_rnn.deep_learning import parameters
from lxmls_rnn.deep_learning.models import build
from lxmls_rnn.deep_learning.numpy_lstm import NumpyLSTM
from lxmls_rnn.deep_learning.numpy_rnn import NumpyRNN


class Reach(NamedTuple):
    """Norms of the gradient of the loss of word t, from the first word to word t."""

    loss: float  # -log p_t[tag]
    h: np.ndarray  # (t + 1,)           |d loss_t / d h_k|; in an LSTM, with the cell of step k held constant
    z: np.ndarray  # (t + 1,)           |d loss_t / d z_k|: the influence of word k on word t, through all paths
    c: np.ndarray | None  # (t + 1,)    |d loss_t / d c_k|; None for an RNN


def gradient_reach(model: NumpyRNN, x: npt.ArrayLike, t: int, tag: int) -> Reach:
    """Return the norms of the gradient of one word's loss, back through time.

    Parameters
    ----------
    model
        A `NumpyRNN` or `NumpyLSTM`; `models.convert` makes one from another model. The computation is in float64.
    x
        Word ids, (L,).
    t
        Position of the word whose loss is differentiated, from 0.
    tag
        The tag id in loss_t = -log p_t[tag].

    Raises
    ------
    ValueError, IndexError
        As in `forward`; IndexError if there is no word t.
    """
    x = parameters.check_words(parameters.check_sentence(x), model.sizes.n_words)
    if not 0 <= t < len(x):
        raise IndexError(f"t must be a word of the sentence, 0 .. {len(x) - 1}, got {t}")
    model = _library_model(model)
    x = x[: t + 1]  # this loss does not depend on later words
    back = model.backward(x, np.full(len(x), tag), weights=np.eye(len(x))[t])
    c = np.linalg.norm(back.layer["e_c"], axis=0) if isinstance(model, NumpyLSTM) else None
    return Reach(back.forward.loss, np.linalg.norm(back.e_h, axis=0), np.linalg.norm(back.e_z, axis=0), c)


def _library_model(model: NumpyRNN) -> NumpyRNN:
    """Return a copy in float64 of the library's class: the `backward` of a student's class may ignore the weights."""
    library = __name__.partition(".")[0]
    model_class = next(kind for kind in type(model).__mro__ if kind.__module__.partition(".")[0] == library)
    if type(model) is model_class and model.dtype == "float64":
        return model
    return build(model_class, model.sizes, model.get_values(), model.activation, "float64")


def factor_per_step(norms: np.ndarray) -> float:
    """Return the geometric mean of norms[k] / norms[k + 1], the factor per step back; NaN if it is undefined."""
    if len(norms) < 2 or norms[0] == 0 or norms[-1] == 0:
        return float("nan")
    return float((norms[0] / norms[-1]) ** (1 / (len(norms) - 1)))


def steps_until(norms: np.ndarray, share: float = 0.01) -> int | None:
    """Return how many steps back the norm falls below `share` times the last norm; None if it never does."""
    below = np.flatnonzero(norms[::-1] < share * norms[-1])
    return int(below[0]) if below.size else None


def largest_beyond(norms: np.ndarray, steps: int) -> float:
    """Return the largest norm more than `steps` steps back, divided by the last norm; 0 if no word is so far."""
    return float(norms[: len(norms) - 1 - steps].max(initial=0) / norms[-1])


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
