r"""The forward and the backward pass of a recurrent network, one quantity at a time: for exercise 6.1 and its panel.

`NumpyRNN` computes all steps of a quantity at once where it can. Here every quantity of every step is named on its own,
in the order in which the network needs it, with the formula that gives it and what that formula takes:

    forward,  t = 1 .. L:   z_t   a_t   h_t   y_t   p_t   C_t (the cost up to here)
    backward, t = L .. 1:   e_y_t  dW_y   e_h_t   e_a_t  dW_x  dW_h   e_z_t  dW_e

The values are those of `NumpyRNN.backward`; the contributions that a matrix' gradient dW gathers step by step add up to
`NumpyRNN.grads`.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lxmls_rnn.deep_learning.numpy_rnn import DERIVATIVE, Backward, NumpyRNN
from lxmls_rnn.deep_learning.parameters import rnn_shapes

FORWARD, BACKWARD = "forward", "backward"
STATES = ("z", "a", "h", "y", "p", "C")
ERRORS = ("e_y", "e_h", "e_a", "e_z")
GRADIENTS = ("dW_e", "dW_x", "dW_h", "dW_y")  # in the order of `NumpyRNN.param`


class Step(NamedTuple):
    """One quantity of one step.

    `formula` is written with the names of `operands`; a name ends in its step, 'h_1' is h of the first word. Vectors
    are (n, 1), transposed ones (1, n), numbers (1, 1).
    """

    direction: str  # 'forward' or 'backward'
    t: int  # 1 .. L
    name: str  # one of STATES, ERRORS and GRADIENTS
    symbol: str  # the name with its step
    formula: str
    operands: dict[str, np.ndarray]
    value: np.ndarray  # for a gradient: what this step contributes to it


def walk(model: NumpyRNN, x: npt.ArrayLike, y: npt.ArrayLike) -> Iterator[Step]:
    """Go through the forward pass and back-propagation of a sentence.

    Parameters
    ----------
    model
        A `NumpyRNN`, not an LSTM, whose recurrent layer has other quantities.
    x, y
        Word ids and gold tag ids, (L,).

    Yields
    ------
    Step
        6 L forward, then 8 L backward.

    Raises
    ------
    ValueError, IndexError
        As `NumpyRNN.grads`; and ValueError for another model.
    """
    if model.shapes(model.sizes) != rnn_shapes(model.sizes):
        raise ValueError(f"the steps are those of an RNN, got a {type(model).__name__}")
    model.grads(x, y)  # complains about what is no sentence
    back = model.backward(x, y)
    yield from _forward(model, back, np.asarray(y))
    yield from _backward(model, back, np.asarray(y))


def _forward(model: NumpyRNN, back: Backward, k: np.ndarray) -> Iterator[Step]:
    W_e, W_x, W_h, W_y = model.param
    _, p_y, log_p, y, h, z, x = back.forward
    L = len(x)
    cost = np.zeros((1, 1))
    for t in range(1, L + 1):
        h_last, h_t, z_t, y_t = h[:, [t - 1]], h[:, [t]], z[:, [t - 1]], y[:, [t - 1]]
        a_t = W_x @ z_t + W_h @ h_last
        p_gold = p_y[k[t - 1], t - 1].reshape(1, 1)
        cost_last, cost = cost, cost - log_p[k[t - 1], t - 1] / L

        step = partial(_step, FORWARD, t)
        yield step("z", "W_e onehot(w_t)", z_t, {"W_e": W_e, "onehot(w_t)": _onehot(x[t - 1], W_e.shape[1])})
        yield step("a", "W_x z_t + W_h h_s", a_t, {"W_x": W_x, "z_t": z_t, "W_h": W_h, "h_s": h_last})
        yield step("h", f"{model.activation}(a_t)", h_t, {"a_t": a_t})
        yield step("y", "W_y h_t", y_t, {"W_y": W_y, "h_t": h_t})
        yield step("p", "softmax(y_t)", p_y[:, [t - 1]], {"y_t": y_t})
        yield step("C", "C_s - 1/L log(p_t[k_t])", cost, {"C_s": cost_last, "p_t[k_t]": p_gold})


def _backward(model: NumpyRNN, back: Backward, k: np.ndarray) -> Iterator[Step]:
    W_e, W_x, W_h, W_y = model.param
    _, p_y, _, _, h, z, x = back.forward
    L = len(x)
    f_prime = DERIVATIVE[model.activation]
    e_a_later = np.zeros((model.sizes.n_hidd, 1))
    for t in range(L, 0, -1):
        e_y, e_h, e_z = back.e_y[:, [t - 1]], back.e_h[:, [t - 1]], back.e_z[:, [t - 1]]
        h_last, h_t, z_t = h[:, [t - 1]], h[:, [t]], z[:, [t - 1]]
        slope = f_prime(h_t)
        e_a = slope * e_h
        word, gold = _onehot(x[t - 1], W_e.shape[1]), _onehot(k[t - 1], len(p_y))

        step = partial(_step, BACKWARD, t)
        yield step("e_y", "1/L (p_t - onehot(k_t))", e_y, {"p_t": p_y[:, [t - 1]], "onehot(k_t)": gold})
        yield step("dW_y", "e_y_t h_t^T", e_y @ h_t.T, {"e_y_t": e_y, "h_t^T": h_t.T})
        if t == L:
            yield step("e_h", "W_y^T e_y_t", e_h, {"W_y^T": W_y.T, "e_y_t": e_y})
        else:
            later = {"W_y^T": W_y.T, "e_y_t": e_y, "W_h^T": W_h.T, "e_a_u": e_a_later}
            yield step("e_h", "W_y^T e_y_t + W_h^T e_a_u", e_h, later)
        yield step("e_a", "f'(a_t) * e_h_t", e_a, {"f'(a_t)": slope, "e_h_t": e_h})
        yield step("dW_x", "e_a_t z_t^T", e_a @ z_t.T, {"e_a_t": e_a, "z_t^T": z_t.T})
        yield step("dW_h", "e_a_t h_s^T", e_a @ h_last.T, {"e_a_t": e_a, "h_s^T": h_last.T})
        yield step("e_z", "W_x^T e_a_t", e_z, {"W_x^T": W_x.T, "e_a_t": e_a})
        yield step("dW_e", "e_z_t onehot(w_t)^T", e_z @ word.T, {"e_z_t": e_z, "onehot(w_t)^T": word.T})
        e_a_later = e_a


def _step(direction: str, t: int, name: str, formula: str, value: np.ndarray, operands: dict[str, np.ndarray]) -> Step:
    """Write numbers for the steps in a formula: t this one, s the one before, u the one after."""

    def numbered(text: str) -> str:
        for letter, number in (("_t", t), ("_s", t - 1), ("_u", t + 1)):
            text = text.replace(letter, f"_{number}")
        return text

    operands = {numbered(key): operand for key, operand in operands.items()}
    symbol = name if name in GRADIENTS else f"{name}_{t}"
    return Step(direction, t, name, symbol, numbered(formula), operands, value)


def _onehot(number: int, size: int) -> np.ndarray:
    column = np.zeros((size, 1))
    column[number] = 1
    return column


def only_words(model: NumpyRNN, words: Sequence[int]) -> NumpyRNN:
    """Return the same network for sentences of some words only: word i has the id `words[i]` in `model`.

    The other embeddings have no part in their passes, and W_e becomes small enough to be looked at.
    """
    values = model.get_values()
    values["W_e"] = values["W_e"][:, list(words)]
    small = type(model)(*model.sizes._replace(n_words=len(words)), **model.options)
    small.set_values(values)
    return small


def gathered(steps: Iterable[Step]) -> dict[str, np.ndarray]:
    """Add up what the steps so far contribute to each gradient; a gradient without a step yet is not there."""
    sums: dict[str, np.ndarray] = {}
    for step in steps:
        if step.name in GRADIENTS:
            sums[step.name] = sums.get(step.name, 0) + step.value
    return sums
