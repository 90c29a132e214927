"""Check of gradients: by finite differences, and against the NumPy model of the family."""

from collections.abc import Callable, Iterable, Iterator
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from lxmls_rnn.deep_learning.activations import ACTIVATIONS, OF_RNN
from lxmls_rnn.deep_learning.models import MODELS, available, model_class, numpy_class
from lxmls_rnn.deep_learning.numpy_lstm import NumpyLSTM
from lxmls_rnn.deep_learning.numpy_rnn import NumpyRNN
from lxmls_rnn.deep_learning.parameters import Model, check_choice
from lxmls_rnn.teaching.comparison import Comparison, comparison

STEP = 4e-4


def finite_differences(
    loss: Callable[[], float], W: np.ndarray, piece: Callable[[], np.ndarray] | None = None
) -> np.ndarray:
    """Return the gradient of `loss` with respect to `W`, by central differences of sixth order.

    The formula is (45 (f(+s) - f(-s)) - 9 (f(+2s) - f(-2s)) + f(+3s) - f(-3s)) / 60 s. Its error is of order s^6
    (Fornberg 1988): with s = 4e-4 it is as small as the rounding error of the difference, about 1e-12, even where the
    loss is steep; the usual two-point formula never reaches this. `W` is a float64 array that `loss` reads; it is
    changed in place and restored. For a piecewise smooth loss, `piece` returns which units are active: if one
    switches between the six points, s is reduced.
    """
    gradient = np.zeros_like(W)
    for index in np.ndindex(*W.shape):
        value = W[index]
        for step in (STEP, STEP / 10, STEP / 100):
            f, pieces = {}, []
            for k in (-3, -2, -1, 1, 2, 3):
                W[index] = value + k * step
                f[k] = loss()
                if piece is not None:
                    pieces.append(piece())
            if all(np.array_equal(pieces[0], other) for other in pieces):
                break
        W[index] = value
        gradient[index] = (45 * (f[1] - f[-1]) - 9 * (f[2] - f[-2]) + f[3] - f[-3]) / (60 * step)
    return gradient


def random_values(model: Model, rng: np.random.RandomState) -> dict[str, np.ndarray]:
    """Draw parameters of both signs for `model`, large enough for mistakes to show and too small for saturation."""
    # a unit sums over the columns of W: the division by their square root prevents saturation and chaotic dynamics
    values = {k: rng.uniform(-1, 1, shape) / shape[1] ** 0.5 for k, shape in model.shapes(model.sizes).items()}
    values["W_e"] = rng.uniform(-1, 1, values["W_e"].shape)
    return values


def random_sentence(
    sizes: tuple[int, int, int, int], length: int, rng: np.random.RandomState
) -> tuple[np.ndarray, np.ndarray]:
    """Draw word ids and tag ids; the first word is repeated at the end."""
    x, y = rng.randint(0, sizes[0], length), rng.randint(0, sizes[3], length)
    x[-1] = x[0]
    return x, y


def check_gradients(
    models: Iterable[str] | None = None, *, tolerance: float | None = None, **options: Any
) -> Iterator[Comparison]:
    """Check the gradients of a sentence, by default a random one, under random parameters.

    The NumPy models are compared with finite differences, the others with the NumPy model of their family.

    Parameters
    ----------
    models, options
        As in `pairs`; finite differences are always computed in float64.
    tolerance
        Largest difference, relative to the largest entry, up to which two gradients agree; by default `TOLERANCE`.

    Yields
    ------
    Comparison
        One for each model, activation, peephole option of an LSTM, and parameter.

    Raises
    ------
    ValueError, IndexError, RuntimeError
        As `pairs`.
    """
    for name, model, reference, x, y in pairs(models, **options):
        gradients, against = model.grads(x, y), numpy_class(name).__name__
        if MODELS[name].backend == "numpy":
            against, expected = "finite diff.", [_finite_differences_of(reference, x, y, W) for W in reference.param]
        else:
            expected = reference.grads(x, y)
        for parameter, gradient, other in zip(model.shapes(model.sizes), gradients, expected, strict=True):
            yield comparison(name, model, parameter, gradient, other, against, tolerance)


def pairs(
    models: Iterable[str] | None = None,
    *,
    sizes: tuple[int, int, int, int] = (20, 6, 5, 4),
    length: int = 7,
    seed: int = 0,
    dtype: str = "float64",
    x: npt.ArrayLike | None = None,
    y: npt.ArrayLike | None = None,
    values: dict[str, np.ndarray] | None = None,
    activation: str | None = None,
    instead: type[NumpyRNN] | None = None,
    on_model: Callable[[str], object] = lambda name: None,
) -> Iterator[tuple[str, Model, NumpyRNN, npt.ArrayLike, npt.ArrayLike]]:
    """Yield each variant of each model together with NumPy's model with the same parameters.

    Parameters
    ----------
    models
        Names in `MODELS`; by default all whose framework is installed.
    sizes
        n_words, n_emb, n_hidd, n_tags. For finite differences, each entry of each parameter takes six forward passes.
    length
        Words in the random sentence; its first word is repeated at the end.
    seed
        Seed of the sentence and the parameters.
    dtype
        Data type of the models.
    x, y
        Word ids and gold tag ids, (L,), instead of a random sentence; give both or neither.
    values
        Parameters by name, instead of random ones; they fit only one family of models.
    activation
        Only this activation, for the models that have it; LSTMs keep theirs. By default all.
    instead
        Class to test in place of `NumpyRNN`, or of `NumpyLSTM` if it is a subclass of that: your own, or one of
        `mistakes`.
    on_model
        Called with a name before each variant of its model is made.

    Yields
    ------
    tuple
        A name, its model, NumPy's model in float64, and the word ids and tag ids of the sentence.

    Raises
    ------
    ValueError, IndexError
        Unknown model or activation; x, y or values that do not fit the sizes.
    RuntimeError
        The framework of a model is missing.
    """
    rng = np.random.RandomState(seed)
    random_x, random_y = random_sentence(sizes, length, rng)
    if (x is None) != (y is None):
        raise ValueError("x and y are one sentence: expected both or neither, got only one")
    x, y = (random_x, random_y) if x is None or y is None else (x, y)
    if activation is not None:
        check_choice("activation", activation, OF_RNN)
    for name in available() if models is None else models:
        right = numpy_class(name)
        if instead is not None and issubclass(instead, NumpyLSTM) == (MODELS[name].family == "LSTM"):
            right = instead
        cls = right if MODELS[name].backend == "numpy" else model_class(name)
        known = [f for f in cls.activations if f in right.activations]
        # given values decide whether an LSTM has peepholes
        fit = [{"peepholes": p} for p in cls.peephole_options if values is None or p == ("W_c" in values)]
        kinds = fit if cls.peephole_options else [{}]
        for f, kind in product([activation] if activation in known else known, kinds):
            on_model(name)
            options: dict[str, Any] = {"activation": f, **kind}
            reference = right(*sizes, **options)
            reference.set_values(random_values(reference, rng) if values is None else values)
            model = cls(*sizes, **options, dtype=dtype)
            model.set_values(reference.get_values())
            yield name, model, reference, x, y


def _finite_differences_of(model: NumpyRNN, x: npt.ArrayLike, y: npt.ArrayLike, W: np.ndarray) -> np.ndarray:
    def loss() -> float:
        return model.forward(x, True, y).loss

    def units_on() -> np.ndarray:
        return model.forward(x, True).h > 0

    return finite_differences(loss, W, None if ACTIVATIONS[model.activation].is_smooth else units_on)
