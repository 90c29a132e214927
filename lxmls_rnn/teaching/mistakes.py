"""Back-propagation with a mistake in it: what a gradient check is for.

`MISTAKES` names classes, each a `NumpyRNN` or `NumpyLSTM` whose forward pass is right and whose gradients really are
computed wrongly, the way they are when one writes back-propagation for the first time.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lxmls_rnn.deep_learning.numpy_lstm import Cells, NumpyLSTM, Slopes
from lxmls_rnn.deep_learning.numpy_rnn import DERIVATIVES, NumpyRNN, outer


class Mistake(NamedTuple):
    """A model that makes it, and a sentence about it."""

    model: type[NumpyRNN]
    why: str

    @property
    def name(self) -> str:
        """The model in whose place it stands."""
        return "NumpyLSTM" if issubclass(self.model, NumpyLSTM) else "NumpyRNN"


def _rnn(why: str, **methods: Callable[..., Any]) -> Mistake:
    """Return `NumpyRNN` with wrong methods in place of its own."""
    return Mistake(type("BrokenRNN", (NumpyRNN,), methods), why)


def _lstm(why: str, **methods: Callable[..., Any]) -> Mistake:
    """Return `NumpyLSTM` with wrong methods in place of its own."""
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
    """Return `NumpyLSTM.slopes` with some that are wrong."""
    return lambda model, cells: NumpyLSTM.slopes(model, cells)._replace(**wrong(cells))


# what is wrong, in words
MISTAKES = {
    "derivative of the activation forgotten": _rnn(
        "e_a_t = e_h_t, without f'(a_t): wrong at every step, and at each step back once more.",
        slope=lambda model, h: np.ones_like(h),
    ),
    "derivative of another activation": _rnn(
        "f'(a_t) is h_t (1 - h_t) for the logistic function and 1 - h_t² for tanh: here one stands for the other.",
        slope=lambda model, h: DERIVATIVES["tanh" if model.activation == "logistic" else "logistic"](h),
    ),
    "W_h not transposed": _rnn(
        "h_t gets W_h e_a_{t+1}: no shape complains, as W_h is square.",
        from_later=lambda model, e_a: model.param.W_h @ e_a,
    ),
    "error from the later step forgotten": _rnn(
        "Each h_t gets the error of its own output only: that is no back-propagation through time.",
        from_later=lambda model, e_a: np.zeros_like(e_a),
    ),
    "h_t instead of h_{t-1} for W_h": _rnn(
        "What W_h was multiplied by at step t is h_{t-1}, so this is its input in e_a_t h_{t-1}^T.",
        recurrent_gradient=lambda model, e_a, h: outer(e_a, h[..., 1:]),
    ),
    "error of a repeated word assigned, not added": _rnn(
        "A word that comes twice gets the error of one place only.", embedding_gradient=_assigned
    ),
    "1/L forgotten": _rnn(
        "The cost is a mean over the words; this is the gradient of their sum.",
        grads=lambda model, x, y: [np.size(x) * g for g in NumpyRNN.grads(model, x, y)],
    ),
    "gold tag not subtracted": _rnn(
        "e_y_t = p_t / L, without onehot(k_t): all that comes after inherits the fault.",
        score_errors=lambda model, p_y, y, weights: p_y * weights,
    ),
    "one entry of W_x's gradient has the wrong sign": _rnn(
        "The last one of the first row; all errors are right.", grads=_one_sign_wrong
    ),
    "LSTM: slope of the forget gate forgotten": _lstm(
        "e_{a,f} lacks f_t (1 - f_t), the slope of the logistic function at a_f.",
        slopes=_slopes(lambda cells: {"f": cells.c[..., :-1]}),
    ),
    "LSTM: slope of the logistic function for g": _lstm(
        "g_t = tanh(a_g), so its slope is 1 - g_t² and not g_t (1 - g_t), which is that of the three gates.",
        slopes=_slopes(lambda cells: {"g": cells.i * cells.g * (1 - cells.g)}),
    ),
    "LSTM: slope of tanh(c_t) forgotten": _lstm(
        "h_t = o_t * tanh(c_t), so the cell gets o_t * tanh'(c_t) * e_h_t and not o_t * e_h_t.",
        slopes=_slopes(lambda cells: {"c": cells.o}),
    ),
    "LSTM: errors of i and g exchanged": _lstm(
        "Of the product i_t * g_t each gets the other one times e_c_t: i_t gets g_t, g_t gets i_t.",
        slopes=_slopes(lambda cells: {"i": cells.i * cells.i * (1 - cells.i), "g": cells.g * (1 - cells.g * cells.g)}),
    ),
    "LSTM: c_t instead of c_{t-1} for the forget gate": _lstm(
        "The forget gate multiplied the cell before, c_{t-1}, so this is what its error is multiplied by.",
        slopes=_slopes(lambda cells: {"f": cells.c[..., 1:] * cells.f * (1 - cells.f)}),
    ),
    "LSTM: error of the cell for the output gate": _lstm(
        "The output gate acts on h_t, after the cell: its error comes from e_h_t and not from e_c_t.",
        gate_errors=lambda model, slopes, e_h, e_c: NumpyLSTM.gate_errors(model, slopes, e_c, e_c),
    ),
    "LSTM: error along the cell forgotten": _lstm(
        "c_t gets no f_{t+1} * e_c_{t+1}: what makes an LSTM reach further back is missing.",
        along_cell=lambda model, t, cells, e_c: np.zeros_like(e_c),
    ),
    "LSTM: f_t instead of f_{t+1} along the cell": _lstm(
        "c_t was multiplied by the forget gate of the word after, so its error is f_{t+1} * e_c_{t+1}.",
        along_cell=lambda model, t, cells, e_c: cells.f[..., t - 1] * e_c,
    ),
    "LSTM: error from the later gates forgotten": _lstm(
        "h_t gets no W_h^T e_a_{t+1}: only the cell carries errors back.",
        from_later=lambda model, e_a: 0,
    ),
    "LSTM: error through the peepholes forgotten": _lstm(
        "c_t gets no W_c^T e_b_{t+1}, though the later gates looked at it; without peepholes nothing is missing.",
        from_peepholes=lambda model, e_a: 0,
    ),
    "LSTM: peepholes of i, f, g instead of i, f, o": _lstm(
        "Four blocks of rows are stacked as i, f, g, o and three peepholes as i, f, o: e_b_t leaves g out, not o.",
        peephole_rows=lambda model, e_a: e_a[: 3 * model.sizes.n_hidd],
    ),
    "LSTM: c_t instead of c_{t-1} for W_c": _lstm(
        "What W_c was multiplied by at step t is c_{t-1}, so this is its input in e_b_t c_{t-1}^T.",
        peephole_gradient=lambda model, e_a, c: outer(model.peephole_rows(e_a), c[..., 1:]),
    ),
}
