"""Back-propagation with a mistake in it: what a gradient check is for.

`MISTAKES` names classes, each a `NumpyRNN` or `NumpyLSTM` whose forward pass is right and whose gradients really are
computed wrongly, the way they are when one writes back-propagation for the first time.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lxmls_rnn.deep_learning.numpy_lstm import NumpyLSTM
from lxmls_rnn.deep_learning.numpy_rnn import DERIVATIVE, Backward, ForwardLoss, NumpyRNN, outer


class InPieces(NumpyRNN):
    """`NumpyRNN` with a method for each piece of its back-propagation, all of them right."""

    def slope(self, h: np.ndarray) -> np.ndarray:
        """Return the derivative of the activation, f'(a_t), from h_t = f(a_t)."""
        return DERIVATIVE[self.activation](h)

    def from_later(self, e_a_later: np.ndarray) -> np.ndarray:
        """Return what h_t is to blame for at later steps: W_h^T e_a_{t+1}."""
        return self.param.W_h.T @ e_a_later

    def recurrent_gradient(self, e_a: np.ndarray, h: np.ndarray) -> np.ndarray:
        """Return the gradient of W_h, sum_t e_a_t h_{t-1}^T; h is (n_hidd, L + 1), h_0 first."""
        return outer(e_a, h[:, :-1])

    def embedding_gradient(self, x: np.ndarray, e_z: np.ndarray) -> np.ndarray:
        """Return the gradient of W_e: the error of each word's embedding in the word's column."""
        gradient = np.zeros_like(self.param.W_e)
        for word, e_z_t in zip(x, e_z.T, strict=True):
            gradient[:, word] += e_z_t
        return gradient

    def grads(self, x: npt.ArrayLike, y: npt.ArrayLike) -> list[np.ndarray]:
        super().grads(x, y)  # complains about what is no sentence
        back = self.backward(x, y)
        return [self.embedding_gradient(back.forward.x, back.e_z), *back.gradients]

    def _backward(self, e_h: np.ndarray, forward: ForwardLoss, memory: Any) -> tuple[np.ndarray, np.ndarray, tuple]:
        slope = self.slope(forward.h[:, 1:])
        e_a = np.empty_like(slope)
        from_later: Any = 0
        for t in reversed(range(e_h.shape[1])):
            e_h[:, t] += from_later
            e_a[:, t] = slope[:, t] * e_h[:, t]
            from_later = self.from_later(e_a[:, t])
        return e_h, e_a, (self.recurrent_gradient(e_a, forward.h),)


class LSTMInPieces(InPieces, NumpyLSTM):
    """`NumpyLSTM` with a method for each piece of its back-propagation, all of them right; one column is one step."""

    def through_output(self, o: np.ndarray, c: np.ndarray) -> np.ndarray:
        """Return d h_t / d c_t: o_t * tanh'(c_t)."""
        return o * (1 - np.tanh(c) ** 2)

    def along_cell(self, f: np.ndarray, f_later: np.ndarray, e_c_later: np.ndarray) -> np.ndarray:
        """Return what c_t is to blame for at the later cell: f_{t+1} * e_c_{t+1}."""
        return f_later * e_c_later

    def from_peepholes(self, e_b_later: np.ndarray) -> np.ndarray:
        """Return what c_t is to blame for at the later gates, W_c^T e_b_{t+1}."""
        return self.param.W_c.T @ e_b_later

    def slopes(self, i: np.ndarray, f: np.ndarray, g: np.ndarray, o: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return the derivatives of what gives i, f, g and o."""
        return i * (1 - i), f * (1 - f), 1 - g * g, o * (1 - o)

    def errors(
        self, i: np.ndarray, g: np.ndarray, c_last: np.ndarray, c: np.ndarray, e_h: np.ndarray, e_c: np.ndarray
    ) -> tuple[np.ndarray, ...]:
        """Return the errors of i, f, g and o."""
        return g * e_c, c_last * e_c, i * e_c, np.tanh(c) * e_h

    def with_peepholes(self, e_a: np.ndarray) -> np.ndarray:
        """Return e_b, the rows of e_a for i, f and o."""
        H = self.sizes.n_hidd
        return np.concatenate([e_a[: 2 * H], e_a[3 * H :]])

    def peephole_gradient(self, e_b: np.ndarray, c: np.ndarray) -> np.ndarray:
        """Return the gradient of W_c, sum_t e_b_t c_{t-1}^T; c is (n_hidd, L + 1), c_0 first."""
        return outer(e_b, c[:, :-1])

    def _backward(self, e_h: np.ndarray, forward: ForwardLoss, memory: Any) -> tuple[np.ndarray, np.ndarray, tuple]:
        (cells,) = memory
        i, f, g, o, c = cells
        e_a = np.zeros((4 * len(e_h), e_h.shape[1]))
        e_c_later: Any = 0
        last = e_h.shape[1] - 1
        for t in range(last, -1, -1):
            if t < last:
                e_h[:, t] += self.from_later(e_a[:, t + 1])
            e_c = self.through_output(o[:, t], c[:, t + 1]) * e_h[:, t]
            if t < last:
                e_c = e_c + self.along_cell(f[:, t], f[:, t + 1], e_c_later)
            if t < last and self.peepholes:
                e_c = e_c + self.from_peepholes(self.with_peepholes(e_a[:, t + 1]))
            slopes = self.slopes(i[:, t], f[:, t], g[:, t], o[:, t])
            errors = self.errors(i[:, t], g[:, t], c[:, t], c[:, t + 1], e_h[:, t], e_c)
            e_a[:, t] = np.concatenate(slopes) * np.concatenate(errors)
            e_c_later = e_c
        of_W_h = self.recurrent_gradient(e_a, forward.h)
        return e_h, e_a, (of_W_h, self.peephole_gradient(self.with_peepholes(e_a), c)) if self.peepholes else (of_W_h,)


class Mistake(NamedTuple):
    """A model that makes it, and a sentence about it."""

    model: type[NumpyRNN]
    why: str

    @property
    def name(self) -> str:
        """The model in whose place it stands."""
        return "NumpyLSTM" if issubclass(self.model, NumpyLSTM) else "NumpyRNN"


def _rnn(why: str, **pieces: Callable[..., Any]) -> Mistake:
    """Return `InPieces` with other pieces."""
    return Mistake(type("InPieces", (InPieces,), pieces), why)


def _lstm(why: str, **pieces: Callable[..., Any]) -> Mistake:
    """Return `LSTMInPieces` with other pieces."""
    return Mistake(type("LSTMInPieces", (LSTMInPieces,), pieces), why)


def _assigned(model: InPieces, x: np.ndarray, e_z: np.ndarray) -> np.ndarray:
    gradient = np.zeros_like(model.param.W_e)
    gradient[:, x] = e_z
    return gradient


def _without_gold(model: InPieces, x: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None) -> Backward:
    forward, weights, memory = model._loss(x, y, weights)
    e_y = forward.p_y * weights
    right = InPieces.backward_unchecked(model, x, y, weights)
    e_h, e_a, recurrent = model._backward(model.param.W_y.T @ e_y, forward, memory)
    gradients = (outer(e_a, forward.z), *recurrent, outer(e_y, forward.h[:, 1:]))
    return right._replace(e_y=e_y, e_h=e_h, e_z=model.param.W_x.T @ e_a, gradients=gradients)


def _one_sign_wrong(model: InPieces, x: npt.ArrayLike, y: npt.ArrayLike) -> list[np.ndarray]:
    gradients = InPieces.grads(model, x, y)
    gradients[1][0, -1] *= -1
    return gradients


# what is wrong, in words
MISTAKES = {
    "derivative of the activation forgotten": _rnn(
        "e_a_t = e_h_t, without f'(a_t): wrong at every step, and at each step back once more.",
        slope=lambda model, h: np.ones_like(h),
    ),
    "derivative of another activation": _rnn(
        "f'(a_t) is h_t (1 - h_t) for the logistic function and 1 - h_t² for tanh: here one stands for the other.",
        slope=lambda model, h: DERIVATIVE["tanh" if model.activation == "logistic" else "logistic"](h),
    ),
    "W_h not transposed": _rnn(
        "h_t gets W_h e_a_{t+1}: no shape complains, as W_h is square.",
        from_later=lambda model, e_a_later: model.param.W_h @ e_a_later,
    ),
    "error from the later step forgotten": _rnn(
        "Each h_t gets the error of its own output only: that is no back-propagation through time.",
        from_later=lambda model, e_a_later: np.zeros_like(e_a_later),
    ),
    "h_t instead of h_{t-1} for W_h": _rnn(
        "What W_h was multiplied by at step t is h_{t-1}, so this is its input in e_a_t h_{t-1}^T.",
        recurrent_gradient=lambda model, e_a, h: outer(e_a, h[:, 1:]),
    ),
    "error of a repeated word assigned, not added": _rnn(
        "A word that comes twice gets the error of one place only.", embedding_gradient=_assigned
    ),
    "1/L forgotten": _rnn(
        "The cost is a mean over the words; this is the gradient of their sum.",
        grads=lambda model, x, y: [np.size(x) * g for g in InPieces.grads(model, x, y)],
    ),
    "gold tag not subtracted": _rnn(
        "e_y_t = p_t / L, without onehot(k_t): all that comes after inherits the fault.",
        backward_unchecked=_without_gold,
    ),
    "one entry of W_x's gradient has the wrong sign": _rnn(
        "The last one of the first row; all errors are right.", grads=_one_sign_wrong
    ),
    "LSTM: slope of the forget gate forgotten": _lstm(
        "e_{a,f} lacks f_t (1 - f_t), the slope of the logistic function at a_f.",
        slopes=lambda model, i, f, g, o: (i * (1 - i), np.ones_like(f), 1 - g * g, o * (1 - o)),
    ),
    "LSTM: slope of the logistic function for g": _lstm(
        "g_t = tanh(a_g), so its slope is 1 - g_t² and not g_t (1 - g_t), which is that of the three gates.",
        slopes=lambda model, i, f, g, o: (i * (1 - i), f * (1 - f), g * (1 - g), o * (1 - o)),
    ),
    "LSTM: slope of tanh(c_t) forgotten": _lstm(
        "h_t = o_t * tanh(c_t), so the cell gets o_t * tanh'(c_t) * e_h_t and not o_t * e_h_t.",
        through_output=lambda model, o, c: o,
    ),
    "LSTM: errors of i and g exchanged": _lstm(
        "Of the product i_t * g_t each gets the other one times e_c_t: i_t gets g_t, g_t gets i_t.",
        errors=lambda model, i, g, c_last, c, e_h, e_c: (i * e_c, c_last * e_c, g * e_c, np.tanh(c) * e_h),
    ),
    "LSTM: c_t instead of c_{t-1} for the forget gate": _lstm(
        "The forget gate multiplied the cell before, c_{t-1}, so this is what its error is multiplied by.",
        errors=lambda model, i, g, c_last, c, e_h, e_c: (g * e_c, c * e_c, i * e_c, np.tanh(c) * e_h),
    ),
    "LSTM: error of the cell for the output gate": _lstm(
        "The output gate acts on h_t, after the cell: its error comes from e_h_t and not from e_c_t.",
        errors=lambda model, i, g, c_last, c, e_h, e_c: (g * e_c, c_last * e_c, i * e_c, np.tanh(c) * e_c),
    ),
    "LSTM: error along the cell forgotten": _lstm(
        "c_t gets no f_{t+1} * e_c_{t+1}: what makes an LSTM reach further back is missing.",
        along_cell=lambda model, f, f_later, e_c_later: np.zeros_like(e_c_later),
    ),
    "LSTM: f_t instead of f_{t+1} along the cell": _lstm(
        "c_t was multiplied by the forget gate of the word after, so its error is f_{t+1} * e_c_{t+1}.",
        along_cell=lambda model, f, f_later, e_c_later: f * e_c_later,
    ),
    "LSTM: error from the later gates forgotten": _lstm(
        "h_t gets no W_h^T e_a_{t+1}: only the cell carries errors back.",
        from_later=lambda model, e_a_later: np.zeros(model.sizes.n_hidd),
    ),
    "LSTM: error through the peepholes forgotten": _lstm(
        "c_t gets no W_c^T e_b_{t+1}, though the later gates looked at it; without peepholes nothing is missing.",
        from_peepholes=lambda model, e_b_later: np.zeros(model.sizes.n_hidd),
    ),
    "LSTM: peepholes of i, f, g instead of i, f, o": _lstm(
        "Four blocks of rows are stacked as i, f, g, o and three peepholes as i, f, o: e_b_t leaves g out, not o.",
        with_peepholes=lambda model, e_a: e_a[: 3 * model.sizes.n_hidd],
    ),
    "LSTM: c_t instead of c_{t-1} for W_c": _lstm(
        "What W_c was multiplied by at step t is c_{t-1}, so this is its input in e_b_t c_{t-1}^T.",
        peephole_gradient=lambda model, e_b, c: outer(e_b, c[:, 1:]),
    ),
}
