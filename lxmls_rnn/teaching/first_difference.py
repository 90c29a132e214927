"""The first quantity, word and gate in which two models with the same parameters part.

Only the public passes are used, so any two models can be compared, also in different frameworks. The quantities that
they do not return come from probes: models of the same class with other matrices and more hidden units.

    h_t     W_y = [identity; 0], so that log p_t[k] - log p_t[n_hidd] is h_t[k]
    i_t, f_t, g_t, o_t, c_t of an LSTM
            Each gate of a real unit has a further unit whose other three gates are constants, so that its h shows the
            gate; the cell has one with only o constant. All constants are equal, so if a model exchanges two gates,
            only these two part. f_1 multiplies c_0 = 0, so it has no effect, and is returned as 0.
    e_y_t   h_t is the onehot of t and W_y holds the real scores: column t of dW_y is then e_y_t
    e_a_t   each position has its own word, whose embedding is W_x z_t, and W_x is the identity: dW_e is then e_a
    e_h_t   Two further units for each real one have a constant value. Columns of W_y and W_h that are equal except for
            the sign cancel the values, but not the errors: the e_a of such a unit is e_h_t times a constant slope. The
            scale comes from the last word, where e_h_t is W_y^T e_y_t; there, only the direction is compared.

The error e_c_t of a cell is left out, because no matrix adds to a cell: it is seen only through the slopes of the
gates, which is e_a_t.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np

from lxmls_rnn.deep_learning import model_file
from lxmls_rnn.deep_learning.activations import ACTIVATIONS
from lxmls_rnn.deep_learning.interface import Model
from lxmls_rnn.deep_learning.parameters import STACKED_GATES
from lxmls_rnn.deep_learning.rnn import MODELS, available, check_model_name, model_class, numpy_class
from lxmls_rnn.teaching.gradient_check import Comparison, comparison, pairs

FORWARD_QUANTITIES, ERROR_QUANTITIES = ("i_t", "f_t", "g_t", "o_t", "c_t", "h_t", "p_t"), ("e_y_t", "e_h_t", "e_a_t")
ROUNDING = (
    "Two correct models differ by rounding: they sum in another order, or round a product and a sum once (fused "
    "multiply-add) instead of twice. A GPU may also round factors to TF32, 10 bits; JAX and PyTorch do not do so here."
)

LSTM_GATES = STACKED_GATES["W_x"]
ROUNDED_TO_ZERO = 1e-5  # f_1 is 0 but for rounding
OPEN = 40.0  # input of a gate at which it is 1 in both dtypes; at -OPEN it is 0
# inputs of gates that a further unit of an LSTM has as constants; the others are those of its real unit
READ_GATES = {f"{read}_t": {gate: 1.0 for gate in LSTM_GATES if gate != read} for read in LSTM_GATES} | {
    "c_t": {"o": 1.0}
}
SIGMA, TANH = float(1 / (1 + np.exp(-1))), float(np.tanh(1))  # the gates of a further unit that are constant
READ_ERROR = {"a": 0.5, "i": 1.0, "f": -OPEN, "g": 1.0, "o": 1.0}  # where every slope is neither 0 nor 1


class Difference(NamedTuple):
    """The first difference between two models, in the order in which they compute."""

    quantity: str  # of `FORWARD_QUANTITIES` or `ERROR_QUANTITIES`, or a parameter, whose gradient differs
    step: int  # from 1; 0 for a gradient
    gates: list[str]  # of an LSTM, if only these part
    difference: float  # relative to the largest entry

    def in_words(self) -> str:
        """Return the difference as a phrase."""
        what = f"{self.quantity} of word {self.step}" if self.step else f"the gradient of {self.quantity}"
        gates = f", gate {' and '.join(self.gates)}" if self.gates else ""
        return f"{what}{gates} (by {self.difference:.1e} of the largest entry)"


def quantities(model: Model, x: np.ndarray, y: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the quantities of both passes, (n, L), and the gradient of every parameter, each when it is asked for."""
    values, H, L = model.get_values(), model.sizes.n_hidd, len(x)
    read = READ_GATES if _is_lstm(model) else {}
    probe = _with_units(model, [{}, *read.values()], [1] + [0] * len(read))
    n = len(read) * H + H
    log_p = np.log(_built(model, {**probe, "W_y": np.eye(n + 1, n)}).forward(x))
    h, *further = np.split(log_p[:-1] - log_p[-1], 1 + len(read))
    for name, found in zip(read, further, strict=True):
        yield name, _gate(name, found)
    yield "h_t", h
    yield "p_t", model.forward(x)

    e_y = _score_errors(model, values["W_y"] @ h, y)
    yield "e_y_t", e_y
    probe = _with_units(model, [{}, READ_ERROR, READ_ERROR], [1, 1, -1])
    inputs = probe["W_x"] @ probe["W_e"][:, x]
    dW_e = _built(model, {**probe, "W_e": inputs, "W_x": np.eye(len(inputs))}).grads(np.arange(L), y)[0]
    e_a, e_h, _ = np.split(dW_e.reshape(-1, 3 * H, L), 3, axis=1)
    e_h = e_h.sum(0)
    yield "e_h_t", e_h / _scale(e_h[:, -1], values["W_y"].T @ e_y[:, -1])
    yield "e_a_t", e_a.reshape(-1, L)
    yield from zip(model.shapes(model.sizes), model.grads(x, y), strict=True)


def _is_lstm(model: Model) -> bool:
    return "peepholes" in model.options


def _gate(name: str, h: np.ndarray) -> np.ndarray:
    """Return a gate or the cell, (H, L), from the hidden states of the units that read it, SIGMA tanh(c_t)."""
    if name == "o_t":  # h_t = o_t tanh(c_t), c_t = SIGMA c_{t-1} + SIGMA TANH
        return h / np.tanh(SIGMA * TANH * (1 - SIGMA ** np.arange(1, h.shape[1] + 1)) / (1 - SIGMA))
    rounding = np.finfo(h.dtype).eps
    c = np.arctanh(np.clip(h / SIGMA, rounding - 1, 1 - rounding))
    if name == "c_t":
        return c
    if name == "f_t":  # c_t = f_t c_{t-1} + SIGMA TANH
        f = (c - SIGMA * TANH) / np.column_stack([np.ones(len(c)), c[:, :-1]])
        return np.where(np.abs(f) < ROUNDED_TO_ZERO, 0, f)
    # c_t = SIGMA c_{t-1} + i_t TANH, or + SIGMA g_t
    added = c - SIGMA * np.column_stack([np.zeros(len(c)), c[:, :-1]])
    return added / (TANH if name == "i_t" else SIGMA)


def _with_units(model: Model, units: Sequence[dict[str, float]], columns: Sequence[float]) -> dict[str, np.ndarray]:
    """Return the parameters of `model` with blocks of n_hidd hidden units in place of its own.

    Parameters
    ----------
    model
        Any model. A row of ones is added to W_e, whose weights are the constants.
    units
        For each block, the inputs of gates that are constants ('a' for an RNN); the others are as in `model`.
    columns
        The factor with which the hidden states of each block enter the inputs and the scores.
    """
    values, (n_words, n_emb, H, _) = model.get_values(), model.sizes
    probe = {"W_e": np.vstack([values["W_e"], np.ones(n_words)]), "W_y": np.kron(columns, values["W_y"])}
    for name in values.keys() - probe.keys():
        gates, rows = STACKED_GATES[name] if _is_lstm(model) else "a", []
        for gate, W in zip(gates, np.split(values[name], len(gates)), strict=True):
            # the peepholes are those of the first block, which has the real cells
            wide = np.pad(W, [(0, 0), (0, 1)]) if name == "W_x" else np.kron(columns, W)
            if name == "W_c":
                wide[:, H:] = 0
            for constants in units:
                row = np.zeros_like(wide) if gate in constants else wide
                if name == "W_x" and gate in constants:
                    row[:, n_emb] = constants[gate]
                rows.append(row)
        probe[name] = np.concatenate(rows)
    return probe


def _score_errors(model: Model, scores: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return e_y, (n_tags, L), of a model of the same class whose output layer gets these scores."""
    L, is_lstm = len(y), _is_lstm(model)
    f = ACTIVATIONS[model.activation]
    low, high = f.bounds
    one, zero = 1.0 if high is None else OPEN, 0.0 if low or high is None else -OPEN  # inputs; f(zero) is 0
    onehot = np.column_stack([(one - zero) * np.eye(L), np.full(L, zero)])  # embeddings are [onehot(t); 1]
    constants = {"i": OPEN, "f": -OPEN, "o": OPEN}
    const = {gate: np.pad(np.full((L, 1), value), [(0, 0), (L, 0)]) for gate, value in constants.items()}
    gates, level = (LSTM_GATES, TANH) if is_lstm else ("a", float(f.f(np.array(one))))
    layer = {
        "W_e": np.vstack([np.eye(L), np.ones(L)]),
        "W_x": np.concatenate([const.get(gate, onehot) for gate in gates]),
        "W_h": np.zeros((len(gates) * L, L)),
        **({"W_c": np.zeros((3 * L, L))} if model.options.get("peepholes") else {}),
        "W_y": scores / level,
    }
    return _built(model, layer).grads(np.arange(L), y)[-1] / level


def _scale(found: np.ndarray, expected: np.ndarray) -> float:
    """Return the factor between two vectors; 1 if the expected one is zero, NaN if none of the other is along it."""
    square = float(expected @ expected)
    return (float(found @ expected) / square or float("nan")) if square else 1.0


def _built(model: Model, values: dict[str, np.ndarray]) -> Any:
    """Return a model of the same class with these parameters."""
    (n_emb, n_words), (n_tags, n_hidd) = values["W_e"].shape, values["W_y"].shape
    sizes = type(model.sizes)(n_words, n_emb, n_hidd, n_tags)
    return model_file.build(type(model), sizes, values, model.activation, model.dtype)


def compare_models(
    models: Iterable[str] | None = None,
    against: str | None = None,
    tolerance: float | None = None,
    **options: Any,
) -> Iterator[Comparison]:
    """Compare every quantity of both passes, and the gradients, between models with the same parameters.

    Parameters
    ----------
    models, options
        As in `gradient_check.pairs`; by default all installed models of the family of `against`.
    against
        Name of the model to compare with, which then has the same dtype; by default NumPy's, in float64.
    tolerance
        Largest difference, relative to the largest entry, up to which two quantities agree; by default that of the
        dtype, see `gradient_check.TOLERANCE`.

    Raises
    ------
    ValueError, IndexError, RuntimeError
        As `pairs`; or `against` is a model of another family.
    """
    if against is not None:
        family = MODELS[check_model_name(against)].family
        alike = [name for name in available() if MODELS[name].family == family and name != against]
        models = alike if models is None else list(models)
        for name in models:
            if MODELS[check_model_name(name)].family != family:
                raise ValueError(f"{name} and {against} have different parameters: expected two RNNs or two LSTMs")
    for name, model, reference, x, y in pairs(models, **options):
        cls = model_class(against) if against else numpy_class(name)
        if model.options.get("peepholes", False) not in (cls.peephole_options or (False,)):
            continue
        dtype = model.dtype if against else reference.dtype
        values = model.sizes, reference.get_values(), model.activation, dtype
        other = model_file.build(cls, *values)
        yield from compare_quantities(name, model, other, np.asarray(x), np.asarray(y), tolerance)


def compare_quantities(
    name: str, model: Model, other: Model, x: np.ndarray, y: np.ndarray, tolerance: float | None = None
) -> Iterator[Comparison]:
    """Compare every quantity of a sentence, (L,), between two models of a family; the first is called `name`."""
    for (quantity, one), (_, two) in zip(quantities(model, x, y), quantities(other, x, y), strict=True):
        yield comparison(name, model, quantity, one, two, type(other).__name__, tolerance)


def first_difference(rows: Iterable[Comparison]) -> Difference | None:
    """Return where two models part first by more than the tolerance, None if they do not.

    `rows` are those of `compare_quantities`. The forward pass goes from the first word to the last, back-propagation
    from the last to the first; then come the gradients.
    """
    parted = []
    for place, row in enumerate(rows):
        wrong = np.flatnonzero(~(row.differences <= row.tolerance).all(axis=0)) + 1
        if not len(wrong):
            continue
        if row.parameter in FORWARD_QUANTITIES:
            parted.append((0, int(wrong[0]), place, row))
        elif row.parameter in ERROR_QUANTITIES:
            parted.append((1, -int(wrong[-1]), place, row))
        else:
            parted.append((2, 0, place, row))
    if not parted:
        return None
    _, when, _, row = first = min(parted, key=lambda one: one[:3])
    step, name = abs(when), row.parameter
    differences = row.differences[:, [step - 1]] if step else row.differences
    if name in [f"{gate}_t" for gate in LSTM_GATES]:
        same = [other.parameter for *key, _, other in parted if tuple(key) == first[:2]]
        return Difference(" and ".join(one for one in same if one[0] in LSTM_GATES), step, [], float(differences.max()))
    gates = [] if row.peepholes is None else list(STACKED_GATES.get("W_x" if name == "e_a_t" else name, ""))
    blocks = np.split(differences, len(gates)) if gates else []
    parts = [gate for gate, block in zip(gates, blocks, strict=True) if not (block <= row.tolerance).all()]
    return Difference(name, step, parts if len(parts) < len(gates) else [], float(differences.max()))


def in_sentences(rows: Iterable[Comparison]) -> Iterator[str]:
    """Yield a sentence for each variant of a model that parts from the other; `rows` are those of `compare_models`."""
    for (name, activation, against), group in groupby(rows, lambda row: (row.name, row.activation, row.against)):
        if found := first_difference(group):
            name, *peepholes = name.split(", ")
            kind = ", ".join([name, activation, *peepholes])
            yield f"{kind}: the first difference from {against} is in {found.in_words()}."


def first_differences(models: Iterable[str] | None = None, **options: Any) -> Iterator[str]:
    """Yield a sentence for each variant of a model that parts from NumPy's; arguments as in `compare_models`."""
    yield from in_sentences(compare_models(models, **options))
