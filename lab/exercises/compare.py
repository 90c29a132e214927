"""Compare the named arrays of an answer with those of the solution, step by step, and stop at the first difference.

`expected(name)` runs the solution as `run.py` runs an answer; `cause/` explains a difference.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from lab.exercises.exercise import EXERCISES, Exercise, Quantity, answer_of
from lab.exercises.inputs import Case, cases
from lab.exercises.run import CHANGED, SCANS, Arrays, run
from lxmls_rnn.deep_learning.frameworks import THEANO
from lxmls_rnn.teaching.comparison import TOLERANCE

Place = tuple[int | None, str]  # a step and a quantity


@dataclass(frozen=True)
class Difference:
    """The first difference between an answer's arrays and the expected ones."""

    case: int
    quantity: str
    step: int | None  # 1, 2, ...; h also has step 0
    text: str
    advice: str = ""  # what the arrays themselves show; certain
    is_of_numbers: bool = False  # the shape and the kind of numbers are right


@functools.cache
def expected(name: str, seed: int = 0) -> list[Arrays]:
    """Return the arrays of the solution for each case."""
    exercise = EXERCISES[name]
    return [run(exercise, answer_of(name), case) for case in cases(name, seed)]


def unfilled(exercise: Exercise, right: Sequence[Arrays], got: Sequence[Arrays]) -> list[str]:
    """Return the quantities that are missing or all zeros, and should not be."""
    return [name for name in exercise.quantities
            if any(name in a and is_filled(a[name]) for a in right)
            and all(name not in b or (b[name].dtype.kind in "iufb" and not np.any(b[name])) for b in got)]  # fmt: skip


def is_filled(array: np.ndarray) -> bool:
    """Return whether an array has an entry other than 0 or ""; `np.any` of NumPy 1 does not accept texts."""
    return bool(np.any(array != array.dtype.type()))


def same(exercise: Exercise, right: np.ndarray, got: np.ndarray, least: float = 0.0) -> bool:
    """Return whether an array has the right shape and, up to rounding, the right numbers."""
    return right.shape == got.shape and is_close(exercise, right, right, got, least)


def is_close(exercise: Exercise, whole: np.ndarray, a: np.ndarray, b: np.ndarray, least: float = 0.0) -> bool:
    """Return whether two arrays differ by rounding at most.

    Rounding is a share of the largest entry of `whole`: the exercise's tolerance or the dtype's, and at least `least`.
    """
    if a.dtype.kind not in "iufb" or b.dtype.kind not in "iufb":
        return bool(np.array_equal(a, b))
    largest = max(float(np.abs(whole[np.isfinite(whole)]).max(initial=0)), 1e-12)
    off = np.abs(np.asarray(b, float) - np.asarray(a, float))
    rounding = max(exercise.tolerance, TOLERANCE.get(str(whole.dtype), 0.0), least) * largest
    return bool(np.all((off <= rounding) | (a == b) | (np.isnan(a) & np.isnan(b))))


def first_difference(exercise: Exercise, right: Sequence[Arrays], got: Sequence[Arrays]) -> Difference | None:
    """Return the first difference in the order of computation, of the first case that has one."""
    for n, (a, b) in enumerate(zip(right, got, strict=True)):
        if first := difference(exercise, n, a, b):
            return first
    return None


def difference(exercise: Exercise, n: int, right: Arrays, got: Arrays, seed: int = 0) -> Difference | None:
    """Return the first difference of case `n`, of the cases with this seed, in the order of computation."""
    if np.size(got.get(CHANGED, ())):
        text = f"{', '.join(got[CHANGED])} is changed in place: whoever called the function still needs it."
        shared = "; with a shared variable, leave set_value out" * (exercise.kind.framework is THEANO)
        return Difference(n, CHANGED, None, text, f"Assign to a new array, or to a copy{shared}.")
    quantities = {name: quantity for name, quantity in exercise.quantities.items() if name in right}
    if first := _order(exercise, n, quantities, right, got):
        return first
    begin = of_case(exercise, case := cases(exercise.name, seed)[n])
    for name, quantity in quantities.items():
        if name in got and (first := _form(exercise, n, begin, quantity, right[name], got[name])):
            return first
    for step, name in places(exercise, right):
        if name not in got:
            return Difference(n, name, None, f"{name} is missing.")
        a, b = at(quantities[name], right[name], step), at(quantities[name], got[name], step)
        if not is_close(exercise, right[name], a, b):
            where = f"{begin}{name}{_step_text(case, step)}"
            lead = _lead(exercise, right, step, name)
            text = f"{lead}First difference: {where} {_shown(b, a)}."
            return Difference(n, name, step, text, is_of_numbers=True)
    if SCANS in right and not np.array_equal(right[SCANS], got.get(SCANS)):
        return Difference(n, SCANS, None, "The numbers are correct, but there is no scan: use scan in this exercise.")
    return None


def places(exercise: Exercise, right: Arrays) -> list[Place]:
    """Return the steps and quantities of an exercise in the order of computation.

    Quantities that follow each other and run through the words in the same direction are computed together: all of
    them at a step, then all at the next.
    """

    def direction(name: str) -> int:
        return 0 if exercise.quantities[name].step_axis is None else -1 if name in exercise.backwards else 1

    order: list[Place] = []
    for sign, names in groupby([name for name in exercise.quantities if name in right], direction):
        together = [(step, name) for name in names for step in exercise.quantities[name].steps(right[name].shape)]
        order += sorted(together, key=lambda place: sign * (place[0] or 0))
    return order


def at(quantity: Quantity, array: np.ndarray, step: int | None) -> np.ndarray:
    """Return a quantity at a step, or all of it."""
    if step is None or quantity.step_axis is None:
        return array
    return np.take(array, step - quantity.first, quantity.step_axis)


def _order(
    exercise: Exercise, n: int, quantities: dict[str, Quantity], right: Arrays, got: Arrays
) -> Difference | None:
    """Return a difference if the results are correct, but in the wrong order."""
    filled = [name for name in quantities if is_filled(right[name])]
    places = {name: other for name in filled if name in got and not same(exercise, right[name], got[name])
              for other in filled[::-1] if other != name and same(exercise, right[other], got[name])}  # fmt: skip
    if places and set(places) == set(places.values()):
        names = ", ".join(exercise.results)
        how = f"{' and '.join(places)} are swapped" if len(places) == 2 else "The results are in the wrong order"
        return Difference(n, next(iter(places)), None, f"{how}: return {names}.", "The numbers are correct.")
    return None


def _form(
    exercise: Exercise, n: int, begin: str, quantity: Quantity, right: np.ndarray, got: np.ndarray
) -> Difference | None:
    """Return a difference in shape or dtype."""
    expected_shape = f"({', '.join(quantity.axes)}{',' * (len(quantity.axes) == 1)}) = {right.shape}"
    if got.shape != right.shape:
        text = f"{begin}{quantity.name} has shape {got.shape}, expected {expected_shape}."
        return Difference(n, quantity.name, None, text, shape_advice(exercise, quantity, right, got))
    if right.dtype.kind == "f" and got.dtype.kind not in "f" and np.any(right != np.round(right)):
        text = f"{quantity.name} has the dtype {got.dtype}, which drops fractions; expected {right.dtype}."
        return Difference(n, quantity.name, None, text, "Its array is made for whole numbers: make it of floats.")
    if right.dtype.kind in "iu" and got.dtype.kind not in "iu" and quantity.axes:
        text = f"{quantity.name} has the dtype {got.dtype}; expected {right.dtype}: ids are integers, as indices are."
        return Difference(n, quantity.name, None, text, "Give its array the dtype int32.")
    if exercise.tolerance >= 1e-7:
        return None
    if right.dtype == "float64" and got.dtype == "float32" and same(exercise, right, got, TOLERANCE["float32"]):
        text = f"{quantity.name} is correct only in float32 precision; expected float64."
        return Difference(n, quantity.name, None, text, "Does something on the way have its own dtype?")
    return None


def shape_advice(exercise: Exercise, quantity: Quantity, right: np.ndarray, got: np.ndarray) -> str:
    """Return a sentence about the likely mistake behind a wrong shape; an empty string if there is no guess."""
    axes = quantity.axes
    if got.ndim == 2 and got.shape == right.shape[::-1]:
        numbers = " The numbers are correct." if same(exercise, right, got.T, 1e-4) else ""
        return f"It is transposed: ({', '.join(axes[::-1])}) instead of ({', '.join(axes)}).{numbers}"
    if "n_tags" in axes and len(axes) == 2 and np.array_equal(got, right.argmax(axes.index("n_tags"))):
        return "These are the most likely tags, argmax; return the probabilities of all tags."
    for axis, name in enumerate(axes if got.ndim == right.ndim else ()):
        if all(got.shape[n] == size + (n == axis) for n, size in enumerate(right.shape)):
            for which, n in (("first", 0), ("last", -1)):
                if same(exercise, right, np.delete(got, n, axis)):
                    place = {0: "row", 1: "column"}[axis] if right.ndim == 2 else "number"
                    return f"The {which} {place} is too much: without it the numbers are correct."
            return f"It has one place too many along the axis {name}."
    if quantity.step_axis is not None and right.ndim == 2 and got.size == right.shape[1 - quantity.step_axis]:
        return "It seems to be one step only: return all steps."
    if got.ndim == right.ndim == 2 and quantity.step_axis is not None:
        longer = got.shape[quantity.step_axis] - right.shape[quantity.step_axis]
        if got.shape[1 - quantity.step_axis] == right.shape[1 - quantity.step_axis] and longer == -1:
            if "L + 1" in axes:
                return "h_0 = 0 has a column too, the first one: L + 1 columns."
            return "A step is missing: each word needs one, so look at the range, n_steps and slices."
        if longer == 0 and "n_tags" in axes:
            return "Each word needs one number for each tag: these seem to be the hidden states, without W_y."
    if got.ndim == right.ndim + 1:
        return "It has one axis too many: the product of a matrix and a vector is @ or T.dot, not * or np.outer."
    if right.ndim == 2 and got.ndim < 2 and axes[0].startswith("n_"):
        return "The gradient of a matrix is an outer product of two vectors: np.outer, not * or a dot product."
    if got.ndim == 0 and right.ndim:
        return "It is one number: a dot product of two vectors is a sum; * multiplies element by element."
    return ""


def of_case(exercise: Exercise, case: Case) -> str:
    """Describe the inputs of a case by its numbers, as the beginning of a sentence; "" if there are none."""
    parts = []
    for name in dict.fromkeys([*exercise.arguments, "accuracies", "patience", "step", "rate"]):
        value = case.get(name)
        if isinstance(value, list):
            if 0 < len(value) <= 12 and all(isinstance(part, float) for part in value):
                parts.append(f"{name} = {value}")
        elif value is not None and np.ndim(value) == 0:
            parts.append(f"{name} = {float(value):g}")
    return f"with {', '.join(parts)}, " if parts else ""


def _step_text(case: Case, step: int | None) -> str:
    if step is None:
        return ""
    index = f" (index {step - 1} in Python)" if step else ""
    words = len(case["x"]) if "x" in case else 0
    return f" at step {step}{index}" + (f" of a sentence of {words} word{'s' * (words > 1)}" if words else "")


def _lead(exercise: Exercise, right: Arrays, step: int | None, name: str) -> str:
    """Return a sentence that lists the steps and quantities before the first difference; "" if it is the first one."""
    order = places(exercise, right)
    before = order[: order.index((step, name))]
    is_backwards = [other in exercise.backwards for _, other in [*before, (step, name)]]
    turn = max((n + 1 for n, backwards in enumerate(is_backwards) if backwards != is_backwards[-1]), default=0)
    whole, before = dict.fromkeys(other for _, other in before[:turn]), before[turn:]
    done = list(dict.fromkeys(s for s, _ in before if s is not None and s != step and s > 0))
    here = [other for s, other in before if s == step]
    parts = [*whole]
    if done and step is not None:
        low, high = min(done), max(done)
        parts.append(f"step {low}" if low == high else f"steps {low} to {high}")
    if here:
        parts.append(", ".join(here) + (f" of step {step}" if step is not None else ""))
    return f"Correct: {', '.join(parts)}. " if parts else ""


def _shown(got: np.ndarray, right: np.ndarray) -> str:
    """Return both values in words: numbers, texts, the first numbers of a vector, the worst entry of a matrix."""
    if got.dtype.kind not in "iufb":
        n = int(np.argmax(got != right))
        return f"is {str(np.ravel(got)[n])!r}, expected {str(np.ravel(right)[n])!r}"
    if got.ndim < 2:
        return f"is {_vector(got)}, expected {_vector(right)}"
    off = np.abs(got.astype(float) - right.astype(float))
    off[~np.isfinite(off)] = np.inf
    place = np.unravel_index(int(off.argmax()), off.shape)
    rows, columns = (int((off > 1e-9 * (np.abs(right).max() or 1)).any(axis=axis).sum()) for axis in (1, 0))
    return (
        f"is {got[place]:.4g} at [{place[0]}, {place[1]}], expected {right[place]:.4g}; {rows} of {len(off)} rows and "
        f"{columns} of {off.shape[1]} columns differ"
    )


def _vector(value: np.ndarray) -> str:
    numbers = [f"{number:.4g}" for number in np.ravel(value)]
    return numbers[0] if value.ndim == 0 else f"[{', '.join(numbers if len(numbers) <= 6 else [*numbers[:6], '...'])}]"
