"""Sentences, and a model of their sizes with its probabilities, on which the checks compare."""

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lab.exercises.difference import compare_steps
from lab.exercises.slips import Slip
from lab.exercises.verdict import Wrong
from lxmls_rnn.deep_learning.numpy_rnn import NumpyRNN

# n_words, n_emb, n_hidd, n_tags: all different, so that most mix-ups fail at once
SIZES = (9, 4, 5, 3)
# a word comes twice, and not at the start, so that a step that is left out differs; the second has one word only
SENTENCES = ((np.array([7, 2, 0, 2, 5, 8]), np.array([1, 0, 2, 2, 0, 2])), (np.array([3]), np.array([2])))


def model_of(cls: Any = NumpyRNN, **options: Any) -> Any:
    """Return a model of the checks' sizes whose numbers saturate no unit."""
    model = cls(*SIZES, **options)
    rng = np.random.RandomState(6)
    values = {
        name: rng.uniform(-2, 2, W.shape) / (1 if name == "W_e" else W.shape[1] ** 0.5)
        for name, W in sorted(model.get_values().items())
    }
    model.set_values(values)
    return model


def compare_probabilities(
    x: np.ndarray, p: np.ndarray, param: Sequence[np.ndarray], pass_: Callable[..., Any], slips: list[Slip], dtype: str
) -> None:
    """Raise Wrong at the first step where p (n_tags, L) differs from what `pass_` computes."""
    compute, steps = functools.partial(pass_, x, param), range(1, len(x) + 1)
    compare_steps({"p": p}, compute, slips, steps, dtype, lambda _, t: not_one(p[:, t - 1]))


def not_one(p: np.ndarray) -> str:
    """Return a sentence where the probabilities of a step do not sum to 1."""
    total = float(p.sum())
    return "" if np.isclose(total, 1) else f" It is not normalised: it sums to {total:.4g}, not to 1."


def class_of(student: Any) -> Any:
    """Return the class of a student's model, be it a class or an instance."""
    return student if inspect.isclass(student) else type(student)


def several(result: Any, expected: str, n: int | None = None) -> Sequence[Any]:
    """Return what a student's function returned; Wrong if it is no tuple or list, or not of `n` values."""
    if not isinstance(result, (tuple, list)) or n not in (None, len(result)):
        raise Wrong(f"It should return {expected}; got {what(result)}.")
    return result


def what(result: Any) -> str:
    """Describe a value that is not what was asked for."""
    return f"{len(result)} values" if isinstance(result, (tuple, list)) else type(result).__name__
