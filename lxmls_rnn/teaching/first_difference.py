"""The first quantity, word and gate in which two models with the same parameters differ.

Each model returns the quantities of both passes by name, see `NumpyRNN.quantities`. Those that both models return are
compared: PyTorch's own layers return no gates, and a subclass with its own `_forward` only p_t and the gradients. The
error e_c_t of a cell is left out, because Theano does not return it; a mistake in it shows in e_a_t, its product
with the slopes of the gates.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np

from lxmls_rnn.deep_learning.models import MODELS, available, build, check_model_name, model_class, numpy_class
from lxmls_rnn.deep_learning.parameters import STACKED_GATES, Model
from lxmls_rnn.teaching.comparison import Comparison, comparison
from lxmls_rnn.teaching.gradient_check import pairs

FORWARD_QUANTITIES, ERROR_QUANTITIES = ("i_t", "f_t", "g_t", "o_t", "c_t", "h_t", "p_t"), ("e_y_t", "e_h_t", "e_a_t")
ROUNDING = (
    "Two correct models differ by rounding: they sum in another order, or round a product and a sum once (fused "
    "multiply-add) instead of twice. A GPU may also round factors to TF32, 10 bits; PyTorch does not do so here."
)
WITH_STEPS = FORWARD_QUANTITIES + ERROR_QUANTITIES
GATES = tuple(f"{gate}_t" for gate in STACKED_GATES["W_x"])  # quantities of an LSTM, each a gate's own


class FirstDifference(NamedTuple):
    """The first difference between two models, in the order in which they compute."""

    quantity: str  # of `FORWARD_QUANTITIES` or `ERROR_QUANTITIES`, or a parameter, whose gradient differs
    step: int  # 0 for a gradient
    gates: list[str]  # of an LSTM, if not all differ
    difference: float  # relative to the largest entry

    def in_words(self) -> str:
        """Return the difference as a phrase."""
        quantity = f"{self.quantity} of word {self.step}" if self.step else f"the gradient of {self.quantity}"
        gates = f", gate {' and '.join(self.gates)}" if self.gates else ""
        return f"{quantity}{gates} (by {self.difference:.1e} of the largest entry)"


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
        dtype, see `comparison.TOLERANCE`.

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
        if not _has_variant(cls, model):
            continue
        dtype = model.dtype if against else reference.dtype
        other = build(cls, model.sizes, reference.get_values(), model.activation, dtype)
        yield from compare_quantities(name, model, other, np.asarray(x), np.asarray(y), tolerance)


def _has_variant(cls: type[Model], model: Model) -> bool:
    """Return whether a class of the family of `model` has its activation and, for an LSTM, its choice of peepholes."""
    peepholes = model.options.get("peepholes")  # None for an RNN
    return model.activation in cls.activations and (peepholes is None or peepholes in cls.peephole_options)


def compare_quantities(
    name: str, model: Model, other: Model, x: np.ndarray, y: np.ndarray, tolerance: float | None = None
) -> Iterator[Comparison]:
    """Yield the comparison of each quantity of a sentence, (L,), that both models have; `name` stands for `model`."""
    quantities, expected = model.quantities(x, y), other.quantities(x, y)
    for quantity in (*WITH_STEPS, *model.shapes(model.sizes)):
        key = quantity.removesuffix("_t")  # the name of a quantity is shown with its step
        if key in quantities.keys() & expected.keys():
            yield comparison(name, model, quantity, quantities[key], expected[key], type(other).__name__, tolerance)


def first_difference(rows: Iterable[Comparison]) -> FirstDifference | None:
    """Return where two models first differ by more than the tolerance, None if they agree.

    `rows` are those of `compare_quantities`. The forward pass goes from the first word to the last, back-propagation
    from the last to the first; then come the gradients.
    """
    by_name = {row.parameter: row for row in rows}
    wrong = {name: row.wrong for name, row in by_name.items()}

    def turn(place: tuple[int, str]) -> tuple[int, int]:
        step, name = place
        return (0, step) if name in FORWARD_QUANTITIES else (1, -step) if name in ERROR_QUANTITIES else (2, 0)

    places = [(step, name) for name, array in wrong.items()
              for step in (range(1, 1 + array.shape[1]) if name in WITH_STEPS else [0])
              if array[:, _columns(step)].any()]  # fmt: skip
    differ = sorted(places, key=turn)
    if not differ:
        return None
    step, name = differ[0]
    row, largest = by_name[name], float(by_name[name].differences[:, _columns(step)].max())
    if name in GATES:
        return FirstDifference(" and ".join(gate for gate in GATES if (step, gate) in differ), step, [], largest)
    gates = "" if row.peepholes is None else STACKED_GATES.get("W_x" if name == "e_a_t" else name, "")
    return FirstDifference(name, step, row.wrong_gates(gates, _columns(step)), largest)


def _columns(step: int) -> slice:
    """Return the column of a step in an array, (n, L), as a slice; all columns for 0."""
    return slice(step - 1, step) if step else slice(None)


def in_sentences(rows: Iterable[Comparison]) -> Iterator[str]:
    """Yield a sentence for each variant of a model that differs from the other; `compare_models` yields the rows."""
    for (name, activation, against), group in groupby(rows, lambda row: (row.name, row.activation, row.against)):
        if difference := first_difference(group):
            name, *peepholes = name.split(", ")
            kind = ", ".join([name, activation, *peepholes])
            yield f"{kind}: the first difference from {against} is in {difference.in_words()}."
