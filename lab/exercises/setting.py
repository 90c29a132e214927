"""Sentences and models of the checks, and helpers for results of student code."""

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lab.exercises.difference import compare_steps
from lab.exercises.slips import Slip
from lab.exercises.source import is_students
from lab.exercises.verdict import Wrong
from lxmls_rnn.deep_learning.numpy_rnn import NumpyRNN

# n_words, n_emb, n_hidd, n_tags: all different, so that swapped sizes fail
MODEL_SIZES = (9, 4, 5, 3)
# the first has a repeated word, not at the start, so that a skipped step shows; the second has one word
SENTENCES = ((np.array([7, 2, 0, 2, 5, 8]), np.array([1, 0, 2, 2, 0, 2])), (np.array([3]), np.array([2])))


def model_of(cls: Any = NumpyRNN, **options: Any) -> Any:
    """Return a model of the checks' sizes, with weights that saturate no unit."""
    model = cls(*MODEL_SIZES, **options)
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
    compare_steps({"p": p}, compute, slips, steps, dtype)


def class_of(student: Any) -> Any:
    """Return the class of a student's model, given a class or an instance."""
    return student if inspect.isclass(student) else type(student)


def _is_own(cls: Any, name: str) -> bool:
    code = getattr(vars(cls).get(name), "__code__", None)
    return code is not None and is_students(code.co_filename)


def own_method(cls: Any, *names: str) -> None:
    """Raise Wrong unless a class defines one of these methods itself, in a student's code."""
    if any(_is_own(base, name) for base in cls.__mro__ for name in names):
        return
    other = {"_forward": "forward", "forward": "_forward"}.get(names[0], "")
    advice = f"Rename its `{other}` to `{names[0]}`." if _is_own(cls, other) and other not in names else ""
    own = " of its own: the library's would do the work" if hasattr(cls, names[0]) else ""
    raise Wrong(f"{cls.__name__} has no method `{names[0]}`{own}.", advice, True)


def several(result: Any, expected: str, n: int | None = None) -> Sequence[Any]:
    """Return `result`; raise Wrong unless it is a tuple or list, of `n` values if given."""
    if not isinstance(result, (tuple, list)) or n not in (None, len(result)):
        raise Wrong(f"Expected the results {expected}; got {what(result)}.")
    return result


def what(result: object) -> str:
    """Describe an unexpected value."""
    return f"{len(result)} values" if isinstance(result, (tuple, list)) else type(result).__name__
