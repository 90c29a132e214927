"""Comparison of two arrays: their relative difference, and the tolerance of each dtype."""

from dataclasses import dataclass, field

import numpy as np

from lxmls_rnn.deep_learning.parameters import Model

TOLERANCE = {"float64": 1e-8, "float32": 1e-4}  # maximum difference relative to the largest entry


@dataclass(frozen=True)
class Comparison:
    """Comparison of two gradients of one parameter, or of two arrays of another quantity."""

    model: str
    activation: str
    peepholes: bool | None  # None for an RNN
    parameter: str
    against: str
    difference: float  # largest difference, relative to the largest entry of both gradients
    where: tuple[int, ...]  # index of the largest difference
    tolerance: float
    gradient: np.ndarray = field(repr=False, compare=False)
    expected: np.ndarray = field(repr=False, compare=False)

    @property
    def name(self) -> str:
        """The model's name, with a note if it is an LSTM without peepholes."""
        return f"{self.model}, no peepholes" if self.peepholes is False else self.model

    @property
    def agrees(self) -> bool:
        """Whether the difference is within the tolerance."""
        return self.difference <= self.tolerance

    @property
    def differences(self) -> np.ndarray:
        """Difference of every entry, relative to the largest entry of both gradients."""
        return relative_differences(self.gradient, self.expected)

    @property
    def wrong(self) -> np.ndarray:
        """Whether each entry differs by more than the tolerance, or is NaN."""
        return ~(self.differences <= self.tolerance)

    def wrong_gates(self, gates: str, columns: slice = slice(None)) -> list[str]:
        """Return which of the `gates` that are stacked in the rows are wrong in some of the columns; [] if all are."""
        blocks = np.split(self.wrong[:, columns], len(gates)) if gates else []
        wrong = [gate for gate, block in zip(gates, blocks, strict=True) if block.any()]
        return wrong if len(wrong) < len(gates) else []


def relative_differences(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the differences of two arrays' entries, relative to the largest entry of both."""
    largest = max(float(np.abs(a).max()), float(np.abs(b).max()))
    difference = np.abs(a.astype("float64") - b)
    return difference / largest if largest else np.zeros_like(difference)


def relative_difference(a: np.ndarray, b: np.ndarray) -> tuple[float, tuple[int, ...]]:
    """Return the largest of the `relative_differences` and its index."""
    difference = relative_differences(a, b)
    where = np.unravel_index(int(np.argmax(difference)), difference.shape)
    return float(difference[where]), tuple(int(i) for i in where)


def comparison(
    name: str,
    model: Model,
    quantity: str,
    found: np.ndarray,
    expected: np.ndarray,
    against: str,
    tolerance: float | None = None,
) -> Comparison:
    """Compare a quantity of `model`, called `name`, with a reference; the tolerance is by default that of its dtype."""
    found = np.asarray(found)
    difference, where = relative_difference(found, expected)
    kind = name, model.activation, model.options.get("peepholes")
    known = TOLERANCE[model.dtype] if tolerance is None else tolerance
    return Comparison(*kind, quantity, against, difference, where, known, found, expected)
