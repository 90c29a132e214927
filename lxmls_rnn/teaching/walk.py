r"""Forward and backward pass of a tagger, one quantity at a time, for exercises 6.1 and 6.4 and their panel.

`NumpyRNN` computes all steps of a quantity at once where possible. `walk` yields each quantity of each step separately,
in the order of the computation, with its formula and the operands of the formula:

    forward,  t = 1 .. L:   z_t   a_t   h_t   y_t   p_t   C_t (the cost up to here)
    backward, t = L .. 1:   e_y_t  dW_y   e_h_t   e_a_t  dW_x  dW_h   e_z_t  dW_e

and for a `NumpyLSTM` (b_t and dW_c only with peepholes)

    forward,  t = 1 .. L:   z_t   a_t  b_t  i_t  f_t  g_t  o_t  c_t  h_t   y_t   p_t   C_t
    backward, t = L .. 1:   e_y_t  dW_y   e_h_t  e_a_o_t  e_c_t  e_a_i_t  e_a_f_t  e_a_g_t
                            dW_x  dW_h  dW_c   e_z_t  dW_e

where e_a_t is [e_a_i_t; e_a_f_t; e_a_g_t; e_a_o_t], and e_b_t the same without g, which has no peephole.

The values are those that the model returns, see `NumpyRNN.quantities`; the contributions of the steps to a gradient dW
sum to `NumpyRNN.grads`.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lxmls_rnn.deep_learning.numpy_lstm import NumpyLSTM
from lxmls_rnn.deep_learning.numpy_rnn import NumpyRNN, log_softmax
from lxmls_rnn.deep_learning.parameters import STACKED_GATES

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
    values = _Values(model, np.asarray(x), np.asarray(y))
    for t in range(1, len(values.x) + 1):
        for formula in _forward(model):
            yield values.step(FORWARD, t, formula)
    for t in range(len(values.x), 0, -1):
        for formula in _backward(model):
            yield values.step(BACKWARD, t, formula)


class _Formula(NamedTuple):
    """The formula of a quantity, and the names in it that stand for arrays.

    A name ends with _t for the same step, _s for the step before, or _u for the step after.
    """

    name: str
    text: str
    operands: str
    later: tuple[str, str] = ("", "")  # what the next step adds to the text and to the operands


def _forward(model: NumpyRNN) -> list[_Formula]:
    return [
        _Formula("z", "W_e onehot(w_t)", "W_e onehot(w_t)"),
        _Formula("a", "W_x z_t + W_h h_s", "W_x z_t W_h h_s"),
        *(_lstm_layer(model) if isinstance(model, NumpyLSTM) else [_Formula("h", f"{model.activation}(a_t)", "a_t")]),
        _Formula("y", "W_y h_t", "W_y h_t"),
        _Formula("p", "softmax(y_t)", "y_t"),
        _Formula("C", "C_s - 1/L log(p_t[k_t])", "C_s p_t[k_t]"),
    ]


def _lstm_layer(model: NumpyLSTM) -> Iterator[_Formula]:
    if model.peepholes:
        yield _Formula("b", "W_c c_s", "W_c c_s")
    for gate in STACKED_GATES["W_x"]:
        has_peephole = model.peepholes and gate in STACKED_GATES["W_c"]
        inputs = [f"a_{gate}_t", *([f"b_{gate}_t"] if has_peephole else [])]
        function = "tanh" if gate == "g" else "logistic"
        yield _Formula(gate, f"{function}({' + '.join(inputs)})", " ".join(inputs))
    yield _Formula("c", "f_t * c_s + i_t * g_t", "f_t c_s i_t g_t")
    yield _Formula("h", "o_t * tanh(c_t)", "o_t c_t")


def _backward(model: NumpyRNN) -> list[_Formula]:
    is_lstm = isinstance(model, NumpyLSTM)
    has_peepholes = isinstance(model, NumpyLSTM) and model.peepholes
    return [
        _Formula("e_y", "1/L (p_t - onehot(k_t))", "p_t onehot(k_t)"),
        _Formula("dW_y", "e_y_t h_t^T", "e_y_t h_t^T"),
        _Formula("e_h", "W_y^T e_y_t", "W_y^T e_y_t", (" + W_h^T e_a_u", " W_h^T e_a_u")),
        *(_lstm_errors(has_peepholes) if is_lstm else [_Formula("e_a", "f'(a_t) * e_h_t", "f'(a_t) e_h_t")]),
        _Formula("dW_x", "e_a_t z_t^T", "e_a_t z_t^T"),
        _Formula("dW_h", "e_a_t h_s^T", "e_a_t h_s^T"),
        *([_Formula("dW_c", "e_b_t c_s^T", "e_b_t c_s^T")] if has_peepholes else []),
        _Formula("e_z", "W_x^T e_a_t", "W_x^T e_a_t"),
        _Formula("dW_e", "e_z_t onehot(w_t)^T", "e_z_t onehot(w_t)^T"),
    ]


def _lstm_errors(has_peepholes: bool) -> list[_Formula]:
    along = (" + f_u * e_c_u", " f_u e_c_u")
    if has_peepholes:
        along = (along[0] + " + W_c^T e_b_u", along[1] + " W_c^T e_b_u")
    return [
        _Formula("e_a_o", "o_t * (1 - o_t) * tanh(c_t) * e_h_t", "o_t tanh(c_t) e_h_t"),
        _Formula("e_c", "o_t * tanh'(c_t) * e_h_t", "o_t tanh'(c_t) e_h_t", along),
        _Formula("e_a_i", "i_t * (1 - i_t) * g_t * e_c_t", "i_t g_t e_c_t"),
        _Formula("e_a_f", "f_t * (1 - f_t) * c_s * e_c_t", "f_t c_s e_c_t"),
        _Formula("e_a_g", "(1 - g_t * g_t) * i_t * e_c_t", "g_t i_t e_c_t"),
    ]


class _Values:
    """The quantities of a sentence by their names in formulas: arrays (n, L + 1), with a column of zeros for step 0."""

    def __init__(self, model: NumpyRNN, x: np.ndarray, y: np.ndarray) -> None:
        self.model, self.x = model, x
        quantities = model.quantities(x, y)
        gold = np.arange(len(x)), y
        quantities["C"] = -np.cumsum(log_softmax(quantities["y"]).T[gold] / len(x), dtype="float64")[np.newaxis]
        quantities["p[k]"] = quantities["p"].T[gold][np.newaxis]
        quantities["onehot(w)"] = _onehots(x, model.sizes.n_words)
        quantities["onehot(k)"] = _onehots(y, model.sizes.n_tags)
        if isinstance(model, NumpyLSTM):
            quantities["e_b"], quantities["tanh(c)"] = model.peephole_rows(quantities["e_a"]), np.tanh(quantities["c"])
            quantities["tanh'(c)"] = 1 - quantities["tanh(c)"] * quantities["tanh(c)"]
            for name, gates in {"a": "ifgo", "e_a": "ifgo", "b": "ifo"}.items():
                if name in quantities:
                    names = (f"{name}_{gate}" for gate in gates)
                    quantities |= zip(names, np.split(quantities[name], len(gates)), strict=True)
        else:
            quantities["f'(a)"] = model.slope(quantities["h"])
        self.columns = {name: np.pad(values, [(0, 0), (1, 0)]) for name, values in quantities.items() if name[0] != "W"}

    def step(self, direction: str, t: int, formula: _Formula) -> Step:
        """Return the value of a formula at step `t`."""
        name, text, operands, later = formula
        if t < len(self.x):
            text, operands = text + later[0], operands + later[1]
        arrays = {_numbered(operand, t): self._array(operand, t) for operand in operands.split()}
        if name.startswith("dW"):
            error, output = arrays.values()
            return Step(direction, t, name, name, _numbered(text, t), arrays, error @ output)
        return Step(direction, t, name, f"{name}_{t}", _numbered(text, t), arrays, self.columns[name][:, [t]])

    def _array(self, operand: str, t: int) -> np.ndarray:
        """Return the array of an operand: 'W_h^T', 'h_s', 'tanh(c_t)'."""
        name = operand.removesuffix("^T")
        if name in self.model.shapes(self.model.sizes):
            array: np.ndarray = getattr(self.model.param, name)
        else:
            number = t + STEPS[re.findall(STEP, name)[0]]
            array = self.columns[re.sub(STEP, "", name)][:, [number]]
        return array.T if operand.endswith("^T") else array


def _onehots(ids: np.ndarray, size: int) -> np.ndarray:
    """Return the onehot of each id as a column, (size, L)."""
    columns = np.zeros((size, len(ids)))
    columns[ids, np.arange(len(ids))] = 1
    return columns


STEP, STEPS = r"_([tsu])\b", {"t": 0, "s": -1, "u": 1}


def _numbered(text: str, t: int) -> str:
    """Return a formula with the number of a step in place of _t, and of its neighbours in place of _s and _u."""
    return re.sub(STEP, lambda match: f"_{t + STEPS[match[1]]}", text)


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
