"""Back-propagation with typical mistakes, to practise gradient checks.

Each class in `MISTAKES` is a `NumpyRNN` or `NumpyLSTM` with a correct forward pass. Its gradients are computed with a
mistake that people make when they write back-propagation for the first time.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lxmls_rnn.deep_learning.activations import ACTIVATIONS
from lxmls_rnn.deep_learning.numpy_batches import outer
from lxmls_rnn.deep_learning.numpy_lstm import Cells, NumpyLSTM, Slopes
from lxmls_rnn.deep_learning.numpy_rnn import NumpyRNN


class Mistake(NamedTuple):
    """A model with a mistake, and its explanation."""

    model: type[NumpyRNN]
    why: str

    @property
    def name(self) -> str:
        """The name of the correct model: NumpyRNN or NumpyLSTM."""
        return "NumpyLSTM" if issubclass(self.model, NumpyLSTM) else "NumpyRNN"


def _rnn(why: str, **methods: Callable[..., Any]) -> Mistake:
    """Return a mistake: `NumpyRNN` with some methods replaced by wrong ones."""
    return Mistake(type("BrokenRNN", (NumpyRNN,), methods), why)


def _lstm(why: str, **methods: Callable[..., Any]) -> Mistake:
    """Return a mistake: `NumpyLSTM` with some methods replaced by wrong ones."""
    return Mistake(type("BrokenLSTM", (NumpyLSTM,), methods), why)


def _assigned(model: NumpyRNN, x: np.ndarray, e_z: np.ndarray) -> np.ndarray:
    gradient = np.zeros_like(model.param.W_e)
    gradient[:, x] = e_z
    return gradient


def _one_sign_wrong(model: NumpyRNN, x: npt.ArrayLike, y: npt.ArrayLike) -> list[np.ndarray]:
    gradients = NumpyRNN.grads(model, x, y)
    gradients[1][0, -1] *= -1
    return gradients


def _slopes(wrong: Callable[[Cells], dict[str, np.ndarray]]) -> Callable[[NumpyLSTM, Cells], Slopes]:
    """Return the method `NumpyLSTM.slopes` with some slopes replaced by wrong ones."""
    return lambda model, cells: NumpyLSTM.slopes(model, cells)._replace(**wrong(cells))


# by description of the mistake
MISTAKES = {
    "derivative of the activation forgotten": _rnn(
        "e_a_t = e_h_t, without f'(a_t): each step back lacks one more factor.",
        slope=lambda model, h: np.ones_like(h),
    ),
    "derivative of another activation": _rnn(
        "f'(a_t) is h_t (1 - h_t) for the logistic function and 1 - h_t² for tanh: the two are exchanged.",
        slope=lambda model, h: ACTIVATIONS["tanh" if model.activation == "logistic" else "logistic"].slope(h),
    ),
    "W_h not transposed": _rnn(
        "h_t gets W_h e_a_{t+1}. The shapes fit, because W_h is square.",
        from_later=lambda model, e_a: model.param.W_h @ e_a,
    ),
    "error from the later step forgotten": _rnn(
        "Each h_t gets only the error of its own output, so there is no back-propagation through time.",
        from_later=lambda model, e_a: np.zeros_like(e_a),
    ),
    "h_t instead of h_{t-1} for W_h": _rnn(
        "W_h is multiplied by h_{t-1} at step t, so its gradient is e_a_t h_{t-1}^T.",
        recurrent_gradient=lambda model, e_a, h: outer(e_a, h[..., 1:]),
    ),
    "error of a repeated word assigned, not added": _rnn(
        "A word that occurs twice gets the error of only one of its positions.", embedding_gradient=_assigned
    ),
    "1/L forgotten": _rnn(
        "The cost is the mean over the words; this is the gradient of the sum.",
        score_errors=lambda model, p_y, y, weights: NumpyRNN.score_errors(model, p_y, y, weights * np.size(y)),
    ),
    "gold tag not subtracted": _rnn(
        "e_y_t = p_t / L, without onehot(k_t): all other errors are computed from it.",
        score_errors=lambda model, p_y, y, weights: p_y * weights,
    ),
    "one entry of W_x's gradient has the wrong sign": _rnn(
        "It is the last entry of the first row; all errors are correct.", grads=_one_sign_wrong
    ),
    "LSTM: slope of the forget gate forgotten": _lstm(
        "e_{a,f} lacks f_t (1 - f_t), the slope of the logistic function at a_f.",
        slopes=_slopes(lambda cells: {"f": cells.c[..., :-1]}),
    ),
    "LSTM: slope of the logistic function for g": _lstm(
        "g_t = tanh(a_g), so its slope is 1 - g_t²; g_t (1 - g_t) is the slope of the three gates' logistic function.",
        slopes=_slopes(lambda cells: {"g": cells.i * cells.g * (1 - cells.g)}),
    ),
    "LSTM: slope of tanh(c_t) forgotten": _lstm(
        "h_t = o_t * tanh(c_t), so the cell gets o_t * tanh'(c_t) * e_h_t instead of o_t * e_h_t.",
        slopes=_slopes(lambda cells: {"c": cells.o}),
    ),
    "LSTM: errors of i and g exchanged": _lstm(
        "The error of i_t is g_t * e_c_t and the error of g_t is i_t * e_c_t; here they are exchanged.",
        slopes=_slopes(lambda cells: {"i": cells.i * cells.i * (1 - cells.i), "g": cells.g * (1 - cells.g * cells.g)}),
    ),
    "LSTM: c_t instead of c_{t-1} for the forget gate": _lstm(
        "The forget gate multiplies the previous cell, c_{t-1}, so its error contains c_{t-1}.",
        slopes=_slopes(lambda cells: {"f": cells.c[..., 1:] * cells.f * (1 - cells.f)}),
    ),
    "LSTM: error of the cell for the output gate": _lstm(
        "The output gate acts on h_t, after the cell, so its error comes from e_h_t instead of e_c_t.",
        gate_errors=lambda model, slopes, e_h, e_c: NumpyLSTM.gate_errors(model, slopes, e_c, e_c),
    ),
    "LSTM: error along the cell forgotten": _lstm(
        "c_t gets no f_{t+1} * e_c_{t+1}: this term lets an LSTM learn long distances.",
        along_cell=lambda model, t, cells, e_c: np.zeros_like(e_c),
    ),
    "LSTM: f_t instead of f_{t+1} along the cell": _lstm(
        "c_t is multiplied by the forget gate of the next word, so its error is f_{t+1} * e_c_{t+1}.",
        along_cell=lambda model, t, cells, e_c: cells.f[..., t - 1] * e_c,
    ),
    "LSTM: error from the later gates forgotten": _lstm(
        "h_t gets no W_h^T e_a_{t+1}: errors go back only through the cell.",
        from_later=lambda model, e_a: 0,
    ),
    "LSTM: error through the peepholes forgotten": _lstm(
        "c_t gets no W_c^T e_b_{t+1}, although the next gates use c_t. Without peepholes this term does not exist.",
        from_peepholes=lambda model, e_a: 0,
    ),
    "LSTM: peepholes of i, f, g instead of i, f, o": _lstm(
        "The rows of e_a_t are stacked as i, f, g, o, those of e_b_t as i, f, o: e_b_t leaves out g instead of o.",
        peephole_rows=lambda model, e_a: e_a[: 3 * model.sizes.n_hidd],
    ),
    "LSTM: c_t instead of c_{t-1} for W_c": _lstm(
        "W_c is multiplied by c_{t-1} at step t, so its gradient is e_b_t c_{t-1}^T.",
        peephole_gradient=lambda model, e_a, c: outer(model.peephole_rows(e_a), c[..., 1:]),
    ),
}
