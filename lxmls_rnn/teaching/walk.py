r"""Forward and backward pass of a tagger, one quantity at a time, for exercises 6.1 and 6.4 and their panel.

`NumpyRNN` computes all steps of a quantity at once where possible. Here each quantity of each step comes on its own, in
the order of the computation, with its formula and the operands of the formula:

    forward,  t = 1 .. L:   z_t   a_t   h_t   y_t   p_t   C_t (the cost up to here)
    backward, t = L .. 1:   e_y_t  dW_y   e_h_t   e_a_t  dW_x  dW_h   e_z_t  dW_e

and for a `NumpyLSTM` (b_t and dW_c only with peepholes)

    forward,  t = 1 .. L:   z_t   a_t  b_t  i_t  f_t  g_t  o_t  c_t  h_t   y_t   p_t   C_t
    backward, t = L .. 1:   e_y_t  dW_y   e_h_t  e_a_o_t  e_c_t  e_a_i_t  e_a_f_t  e_a_g_t
                            dW_x  dW_h  dW_c   e_z_t  dW_e

where e_a_t is [e_a_i_t; e_a_f_t; e_a_g_t; e_a_o_t], and e_b_t the same without g, which has no peephole.

The values are those of `NumpyRNN.backward`; the contributions of the steps to a gradient dW sum to `NumpyRNN.grads`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lxmls_rnn.deep_learning.numpy_lstm import Cells, LayerErrors, NumpyLSTM
from lxmls_rnn.deep_learning.numpy_rnn import Backward, NumpyRNN, linear

FORWARD, BACKWARD = "forward", "backward"


class Step(NamedTuple):
    """One quantity of one step.

    `formula` uses the names of `operands`; a name ends with its step: 'h_1' is h of the first word. Vectors are (n, 1),
    transposed vectors (1, n), numbers (1, 1).
    """

    direction: str  # 'forward' or 'backward'
    t: int  # 1 .. L
    name: str  # 'h', 'e_h', 'dW_h'
    symbol: str  # the name with its step
    formula: str
    operands: dict[str, np.ndarray]
    value: np.ndarray  # for a gradient: the contribution of this step

    @property
    def is_gradient(self) -> bool:
        """Whether the value is a contribution to the gradient of a parameter."""
        return self.name.startswith("dW")


def walk(model: NumpyRNN, x: npt.ArrayLike, y: npt.ArrayLike) -> Iterator[Step]:
    """Yield the steps of the forward pass and of back-propagation for a sentence.

    Parameters
    ----------
    model
        A `NumpyRNN` or `NumpyLSTM`.
    x, y
        Word ids and gold tag ids, (L,).

    Yields
    ------
    Step
        6 L forward, then 8 L backward; for an LSTM 12 L and 13 L, without peepholes 11 L and 12 L.

    Raises
    ------
    ValueError, IndexError
        As `NumpyRNN.grads`.
    """
    model.grads(x, y)  # raises for an invalid sentence
    back = model.backward(x, y)
    yield from _forward(model, back, np.asarray(y))
    yield from _backward(model, back, np.asarray(y))


def _forward(model: NumpyRNN, back: Backward, k: np.ndarray) -> Iterator[Step]:
    W_e, W_y = model.param.W_e, model.param.W_y
    _, p_y, log_p, y, h, z, x = back.forward
    L = len(x)
    layer: Callable[..., Iterator[Step]] = (
        partial(_lstm_layer, model, model.cells(x)) if isinstance(model, NumpyLSTM) else partial(_rnn_layer, model)
    )
    cost = np.zeros((1, 1))
    for t in range(1, L + 1):
        h_t, y_t = h[:, [t]], y[:, [t - 1]]
        p_gold = p_y[k[t - 1], t - 1].reshape(1, 1)
        cost_last, cost = cost, cost - log_p[k[t - 1], t - 1] / L

        step = partial(_step, FORWARD, t)
        word = _onehot(x[t - 1], W_e.shape[1])
        yield step("z", "W_e onehot(w_t)", z[:, [t - 1]], {"W_e": W_e, "onehot(w_t)": word})
        yield from layer(step, t, h, z)
        yield step("y", "W_y h_t", y_t, {"W_y": W_y, "h_t": h_t})
        yield step("p", "softmax(y_t)", p_y[:, [t - 1]], {"y_t": y_t})
        yield step("C", "C_s - 1/L log(p_t[k_t])", cost, {"C_s": cost_last, "p_t[k_t]": p_gold})


def _rnn_layer(model: NumpyRNN, step: Callable[..., Step], t: int, h: np.ndarray, z: np.ndarray) -> Iterator[Step]:
    a = _activation_input(model, step, t, h, z)
    yield a
    yield step("h", f"{model.activation}(a_t)", h[:, [t]], {"a_t": a.value})


def _activation_input(model: NumpyRNN, step: Callable[..., Step], t: int, h: np.ndarray, z: np.ndarray) -> Step:
    W_x, W_h, z_t, h_last = model.param.W_x, model.param.W_h, z[:, [t - 1]], h[:, [t - 1]]
    operands = {"W_x": W_x, "z_t": z_t, "W_h": W_h, "h_s": h_last}
    return step("a", "W_x z_t + W_h h_s", W_x @ z_t + W_h @ h_last, operands)


def _lstm_layer(
    model: NumpyLSTM, cells: Cells, step: Callable[..., Step], t: int, h: np.ndarray, z: np.ndarray
) -> Iterator[Step]:
    W_c = model.param.W_c
    a = _activation_input(model, step, t, h, z)
    yield a
    inputs = dict(zip("ifgo", np.split(a.value, 4), strict=True))
    c_last, c_t = cells.c[:, [t - 1]], cells.c[:, [t]]
    peepholes = {}
    if W_c is not None:
        b = W_c @ c_last
        yield step("b", "W_c c_s", b, {"W_c": W_c, "c_s": c_last})
        peepholes = dict(zip("ifo", np.split(b, 3), strict=True))
    i, f, g, o = now = [values[:, [t - 1]] for values in cells[:4]]
    for gate, value in zip("ifgo", now, strict=True):
        operands = {f"a_{gate}_t": inputs[gate]}
        if gate in peepholes:
            operands[f"b_{gate}_t"] = peepholes[gate]
        function = "tanh" if gate == "g" else "logistic"
        yield step(gate, f"{function}({' + '.join(operands)})", value, operands)
    yield step("c", "f_t * c_s + i_t * g_t", c_t, {"f_t": f, "c_s": c_last, "i_t": i, "g_t": g})
    yield step("h", "o_t * tanh(c_t)", h[:, [t]], {"o_t": o, "c_t": c_t})


def _backward(model: NumpyRNN, back: Backward, k: np.ndarray) -> Iterator[Step]:
    W_e, W_x, W_h, W_y = (getattr(model.param, name) for name in ("W_e", "W_x", "W_h", "W_y"))
    _, p_y, _, _, h, z, x = back.forward
    L = len(x)
    layer: Callable[..., Iterator[Step]]
    if isinstance(model, NumpyLSTM):
        cells = model.cells(x)
        errors = model.back_through_time(cells, linear(W_y.T, back.e_y))
        layer, e_a_all = partial(_lstm_errors, model, cells, errors), errors.e_a
    else:
        slope = model.slope(h[:, 1:])
        e_a_all = slope * back.e_h
        layer = partial(_rnn_errors, slope, back.e_h, e_a_all)
    for t in range(L, 0, -1):
        e_y, e_h, e_a, e_z = (e[:, [t - 1]] for e in (back.e_y, back.e_h, e_a_all, back.e_z))
        h_last, h_t, z_t = h[:, [t - 1]], h[:, [t]], z[:, [t - 1]]
        word, gold = _onehot(x[t - 1], W_e.shape[1]), _onehot(k[t - 1], len(p_y))

        step = partial(_step, BACKWARD, t)
        yield step("e_y", "1/L (p_t - onehot(k_t))", e_y, {"p_t": p_y[:, [t - 1]], "onehot(k_t)": gold})
        yield step("dW_y", "e_y_t h_t^T", e_y @ h_t.T, {"e_y_t": e_y, "h_t^T": h_t.T})
        if t == L:
            yield step("e_h", "W_y^T e_y_t", e_h, {"W_y^T": W_y.T, "e_y_t": e_y})
        else:
            both = {"W_y^T": W_y.T, "e_y_t": e_y, "W_h^T": W_h.T, "e_a_u": e_a_all[:, [t]]}
            yield step("e_h", "W_y^T e_y_t + W_h^T e_a_u", e_h, both)
        yield from layer(step, t)
        yield step("dW_x", "e_a_t z_t^T", e_a @ z_t.T, {"e_a_t": e_a, "z_t^T": z_t.T})
        yield step("dW_h", "e_a_t h_s^T", e_a @ h_last.T, {"e_a_t": e_a, "h_s^T": h_last.T})
        if isinstance(model, NumpyLSTM) and model.peepholes:
            e_b, c_last = model.peephole_rows(e_a), cells.c[:, [t - 1]]
            yield step("dW_c", "e_b_t c_s^T", e_b @ c_last.T, {"e_b_t": e_b, "c_s^T": c_last.T})
        yield step("e_z", "W_x^T e_a_t", e_z, {"W_x^T": W_x.T, "e_a_t": e_a})
        yield step("dW_e", "e_z_t onehot(w_t)^T", e_z @ word.T, {"e_z_t": e_z, "onehot(w_t)^T": word.T})


def _rnn_errors(
    slope: np.ndarray, e_h: np.ndarray, e_a: np.ndarray, step: Callable[..., Step], t: int
) -> Iterator[Step]:
    operands = {"f'(a_t)": slope[:, [t - 1]], "e_h_t": e_h[:, [t - 1]]}
    yield step("e_a", "f'(a_t) * e_h_t", e_a[:, [t - 1]], operands)


def _lstm_errors(
    model: NumpyLSTM, cells: Cells, errors: LayerErrors, step: Callable[..., Step], t: int
) -> Iterator[Step]:
    i, f, g, o = (values[:, [t - 1]] for values in cells[:4])
    e_h, e_c, e_a = (values[:, [t - 1]] for values in errors)
    e_a_i, e_a_f, e_a_g, e_a_o = np.split(e_a, 4)
    c_last, tanh_c = cells.c[:, [t - 1]], np.tanh(cells.c[:, [t]])

    yield step("e_a_o", "o_t * (1 - o_t) * tanh(c_t) * e_h_t", e_a_o, {"o_t": o, "tanh(c_t)": tanh_c, "e_h_t": e_h})

    formula, operands = "o_t * tanh'(c_t) * e_h_t", {"o_t": o, "tanh'(c_t)": 1 - tanh_c * tanh_c, "e_h_t": e_h}
    if t < cells.f.shape[1]:
        formula += " + f_u * e_c_u"
        operands |= {"f_u": cells.f[:, [t]], "e_c_u": errors.e_c[:, [t]]}
        if model.peepholes:
            formula += " + W_c^T e_b_u"
            operands |= {"W_c^T": model.param.W_c.T, "e_b_u": model.peephole_rows(errors.e_a[:, [t]])}
    yield step("e_c", formula, e_c, operands)

    yield step("e_a_i", "i_t * (1 - i_t) * g_t * e_c_t", e_a_i, {"i_t": i, "g_t": g, "e_c_t": e_c})
    yield step("e_a_f", "f_t * (1 - f_t) * c_s * e_c_t", e_a_f, {"f_t": f, "c_s": c_last, "e_c_t": e_c})
    yield step("e_a_g", "(1 - g_t * g_t) * i_t * e_c_t", e_a_g, {"g_t": g, "i_t": i, "e_c_t": e_c})


def _step(direction: str, t: int, name: str, formula: str, value: np.ndarray, operands: dict[str, np.ndarray]) -> Step:
    """Return a step; in its formula, the numbers of this, the previous and the next step replace _t, _s and _u."""

    def numbered(text: str) -> str:
        for letter, number in (("_t", t), ("_s", t - 1), ("_u", t + 1)):
            text = text.replace(letter, f"_{number}")
        return text

    operands = {numbered(key): operand for key, operand in operands.items()}
    symbol = name if name.startswith("dW") else f"{name}_{t}"
    return Step(direction, t, name, symbol, numbered(formula), operands, value)


def _onehot(number: int, size: int) -> np.ndarray:
    column = np.zeros((size, 1))
    column[number] = 1
    return column


def restrict_vocabulary(model: NumpyRNN, words: Sequence[int]) -> NumpyRNN:
    """Return the same network with only some words: word i has the id `words[i]` in `model`.

    W_e becomes small enough to be displayed.
    """
    values = model.get_values()
    values["W_e"] = values["W_e"][:, list(words)]
    small = type(model)(*model.sizes._replace(n_words=len(words)), **model.options)
    small.set_values(values)
    return small


def sum_gradients(steps: Iterable[Step]) -> dict[str, np.ndarray]:
    """Return the gradient of each parameter, summed over the contributions of these steps."""
    sums: dict[str, np.ndarray] = {}
    for step in steps:
        if step.is_gradient:
            sums[step.name] = sums.get(step.name, 0) + step.value
    return sums
