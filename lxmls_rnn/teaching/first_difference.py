"""The first quantity, word and gate in which two models with the same parameters part.

Only the public passes are used, so any two models can be compared, also in different frameworks. The quantities that
they do not return come from probes: models of the same class with other matrices around the same recurrent layer.

    h_t     W_y = [identity; 0], so that log p_t[k] - log p_t[n_hidd] is h_t[k]
    e_a_t   each position has its own word, whose embedding is W_x z_t, and W_x is the identity: dW_e is then e_a
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from lxmls_rnn.deep_learning import model_file
from lxmls_rnn.deep_learning.interface import Model
from lxmls_rnn.deep_learning.parameters import STACKED_GATES
from lxmls_rnn.deep_learning.rnn import numpy_class
from lxmls_rnn.teaching.gradient_check import TOLERANCE, pairs, relative_differences


class Difference(NamedTuple):
    """The first difference between two models, in the order in which they compute."""

    quantity: str  # 'h_t', 'p_t', 'e_a_t', or a parameter, whose gradient differs
    step: int  # from 1; 0 for a gradient
    gates: list[str]  # of an LSTM, if only these part
    difference: float  # relative to the largest entry

    def in_words(self) -> str:
        """Return the difference as a phrase."""
        what = f"{self.quantity} of word {self.step}" if self.step else f"the gradient of {self.quantity}"
        gates = f", gate {' and '.join(self.gates)}" if self.gates else ""
        return f"{what}{gates} (by {self.difference:.1e} of the largest entry)"


def quantities(model: Model, x: np.ndarray, y: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Yield h_t, p_t and e_a_t, (n, L), and the gradient of every parameter, each when it is asked for."""
    values, H, own_words = model.get_values(), model.sizes.n_hidd, np.arange(len(x))
    inputs = values["W_x"] @ values["W_e"][:, x]
    layer = {**values, "W_e": inputs, "W_x": np.eye(len(inputs))}
    log_p = np.log(_built(model, {**layer, "W_y": np.eye(H + 1, H)}).forward(own_words))
    yield "h_t", log_p[:-1] - log_p[-1]
    yield "p_t", model.forward(x)
    yield "e_a_t", _built(model, layer).grads(own_words, y)[0]
    yield from zip(model.shapes(model.sizes), model.grads(x, y), strict=True)


def _built(model: Model, values: dict[str, np.ndarray]) -> Any:
    """Return a model of the same class with these parameters."""
    (n_emb, n_words), (n_tags, n_hidd) = values["W_e"].shape, values["W_y"].shape
    sizes = type(model.sizes)(n_words, n_emb, n_hidd, n_tags)
    return model_file.build(type(model), sizes, values, model.activation, model.dtype)


def first_difference(model: Model, other: Model, x: np.ndarray, y: np.ndarray, tolerance: float) -> Difference | None:
    """Return where two models of a family part by more than the tolerance; None if they do not.

    The forward pass goes from the first word to the last, back-propagation from the last to the first. `x` and `y` are
    the ids of a sentence, (L,).
    """
    for (name, one), (_, two) in zip(quantities(model, x, y), quantities(other, x, y), strict=True):
        differences = relative_differences(one, two)
        if (differences <= tolerance).all():
            continue
        step = 0
        if name.endswith("_t"):
            steps = np.flatnonzero(~(differences <= tolerance).all(axis=0))
            step = int(steps[-1 if name == "e_a_t" else 0]) + 1
            differences = differences[:, [step - 1]]
        gates = STACKED_GATES.get("W_x" if name == "e_a_t" else name, "") if "peepholes" in model.options else ""
        blocks = zip(gates, np.split(differences, len(gates)), strict=True) if gates else ()
        wrong = [gate for gate, block in blocks if not (block <= tolerance).all()]
        return Difference(name, step, wrong if len(wrong) < len(gates) else [], float(differences.max()))
    return None


def first_differences(models: Iterable[str] | None = None, **options: Any) -> Iterator[str]:
    """Yield a sentence for each variant of a model that parts from NumPy's; arguments as in `check_gradients`."""
    for name, model, reference, x, y in pairs(models, **options):
        right = model_file.convert(reference, numpy_class(name))
        if found := first_difference(model, right, np.asarray(x), np.asarray(y), TOLERANCE[model.dtype]):
            kind = f"{name}, {model.activation}{', no peepholes' if model.options.get('peepholes') is False else ''}"
            yield f"{kind}: the first difference from {type(right).__name__} is in {found.in_words()}."
