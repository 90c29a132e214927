"""Gradients against central finite differences and against each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from lxmls_rnn.deep_learning.rnn import MODELS, NumpyLSTM, NumpyRNN, model_class

STEP = 1e-3
TOLERANCE = {"float64": 1e-8, "float32": 1e-4}


@dataclass(frozen=True)
class Comparison:
    """How far two gradients of one parameter are from each other.

    Attributes
    ----------
    difference
        Largest difference of two entries, relative to the largest entry of both.
    where
        Index of that entry.
    """

    model: str
    activation: str
    parameter: str
    against: str
    difference: float
    where: tuple[int, ...]
    tolerance: float

    @property
    def agrees(self) -> bool:
        """Whether the difference is within the tolerance."""
        return self.difference <= self.tolerance


def finite_differences(
    loss: Callable[[], float], W: np.ndarray, piece: Callable[[], np.ndarray] | None = None
) -> np.ndarray:
    """Gradient of `loss` with respect to `W` by central differences of fourth order.

    (8 (f(+s) - f(-s)) - (f(+2s) - f(-2s))) / 12 s, whose error is of order s^4 (Fornberg 1988): with s = 1e-3 it is as
    small as the rounding of the difference, some 1e-12, which the usual two points never reach. Where a relu switches
    between the four points there is no derivative to find: then s is made smaller.

    Parameters
    ----------
    loss
        Takes no argument; reads `W`, which is changed in place and put back.
    W
        float64 array.
    piece
        For a loss that is smooth in pieces only: says which units are on.
    """
    gradient = np.zeros_like(W)
    for index in np.ndindex(*W.shape):
        value = W[index]
        for step in (STEP, STEP / 10, STEP / 100):
            f, pieces = {}, []
            for k in (-2, -1, 1, 2):
                W[index] = value + k * step
                f[k] = loss()
                if piece is not None:
                    pieces.append(piece())
            if all(np.array_equal(pieces[0], other) for other in pieces):
                break
        W[index] = value
        gradient[index] = (8 * (f[1] - f[-1]) - (f[2] - f[-2])) / (12 * step)
    return gradient


def relative_difference(a: np.ndarray, b: np.ndarray) -> tuple[float, tuple[int, ...]]:
    """Return the largest difference of two arrays' entries, relative to the largest entry of both, and its index."""
    difference = np.abs(a.astype("float64") - b)
    where = np.unravel_index(int(difference.argmax()), difference.shape)
    largest = max(float(np.abs(a).max()), float(np.abs(b).max()))
    return float(difference[where] / largest) if largest else 0.0, tuple(int(i) for i in where)


def compare(
    name: str, model: Any, gradients: Iterable[np.ndarray], reference: Iterable[np.ndarray], against: str
) -> Iterator[Comparison]:
    """Compare the gradients of every parameter of `model`, called `name`, with a reference."""
    for parameter, gradient, other in zip(model.shapes(model.sizes), gradients, reference, strict=True):
        difference, where = relative_difference(np.asarray(gradient), other)
        yield Comparison(name, model.activation, parameter, against, difference, where, TOLERANCE[model.dtype])


def check_gradients(
    models: Iterable[str] = tuple(MODELS),
    *,
    sizes: tuple[int, int, int, int] = (20, 6, 5, 4),
    length: int = 7,
    seed: int = 0,
    dtype: str = "float64",
) -> Iterator[Comparison]:
    """Check the gradients of a random sentence under random parameters.

    The NumPy models are compared with finite differences, the others with the NumPy model of their family.

    Parameters
    ----------
    models
        Names in `rnn.MODELS`.
    sizes
        n_words, n_emb, n_hidd, n_tags. Each entry of each parameter takes four forward passes.
    length
        Words in the sentence; the first comes twice where there is room for it.
    seed
        Of sentence and parameters.
    dtype
        Of the models; finite differences are always of a float64 model.

    Yields
    ------
    Comparison
        For every model, every activation that it knows and every parameter.
    """
    rng = np.random.RandomState(seed)
    x, y = rng.randint(0, sizes[0], length), rng.randint(0, sizes[3], length)
    x[-1] = x[0]
    for name in models:
        cls = model_class(name)
        reference_cls = NumpyRNN if cls.shapes is NumpyRNN.shapes else NumpyLSTM
        for activation in cls.activations:
            reference = reference_cls(*sizes, activation=activation)
            # as many columns as W has are summed up: divided by their root, no unit saturates and no chaos sets in
            values = {k: rng.uniform(-1, 1, W.shape) / W.shape[1] ** 0.5 for k, W in reference.get_values().items()}
            values["W_e"] = rng.uniform(-1, 1, values["W_e"].shape)
            reference.set_values(values)
            model = cls(*sizes, activation=activation, dtype=dtype)
            model.set_values(values)
            if name.startswith("Numpy"):
                expected = [_finite_differences_of(reference, x, y, W) for W in reference.param]
                yield from compare(name, model, model.grads(x, y), expected, "finite diff.")
            else:
                yield from compare(name, model, model.grads(x, y), reference.grads(x, y), reference_cls.__name__)


def _finite_differences_of(model: NumpyRNN, x: np.ndarray, y: np.ndarray, W: np.ndarray) -> np.ndarray:
    def loss() -> float:
        return model.forward(x, True, y).loss

    def units_on() -> np.ndarray:
        return model.forward(x, True).h > 0

    return finite_differences(loss, W, units_on if model.activation == "relu" else None)
