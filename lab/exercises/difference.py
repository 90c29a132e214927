"""Find the first difference between a student's result and the correct one, and the known mistake that explains it."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from lab.exercises.slips import Quantities, Slip
from lab.exercises.verdict import NotYet, Wrong
from lxmls_rnn.teaching.gradient_check import TOLERANCE

_LEFT_OUT = "It is all zeros: is this step missing?"
_LAST = "It is the last step's result: a collected array is changed in place, so make a new one for each step."


def close(a: np.ndarray, b: np.ndarray, dtype: str = "float64") -> bool:
    """Return whether two arrays of the same shape are equal up to rounding."""
    largest = max(float(np.abs(b).max(initial=0)), 1e-12)
    return bool(np.all(np.abs(a - b) <= TOLERANCE[dtype] * largest))


def as_numbers(name: str, got: Any, axes: Sequence[str], right: np.ndarray) -> np.ndarray:
    """Convert a student's result `name` to an array; raise Wrong unless it has numbers and the shape of `right`."""
    try:
        array = np.asarray(got)
    except Exception:
        array = np.asarray(None)
    expected = shape_text(axes, right.shape)
    if array.dtype.kind not in "iufb":
        hint = ""
        if type(got).__module__.startswith("theano"):
            hint = " It is a Theano variable; this exercise uses NumPy."
        raise Wrong(f"{name} should be an array of numbers of shape {expected}, got {type(got).__name__}.{hint}")
    if array.shape != right.shape:
        raise Wrong(f"{name} has shape {array.shape}, expected {expected}.", _shape_hint(array, right, axes) or None)
    one_sentence = "L" in axes and "B" not in axes
    if one_sentence and not close(array, right, "float32") and close(np.flip(array, axes.index("L")), right, "float32"):
        raise Wrong(f"{name} is in reverse order: the last word comes first.", certain=True)
    if array.dtype.kind != "f":
        raise Wrong(f"{name} has the dtype {array.dtype}, which drops fractions; expected float64.")
    return array


def check_order(got: Sequence[Any], right: Quantities, dtype: str = "float64") -> None:
    """Raise Wrong if some results are correct, but in the place of others."""
    places: dict[str, str] = {}
    for name, value in zip(right, got, strict=False):
        try:
            array = np.asarray(value, "float64")
        except Exception:
            continue
        same = [n for n, b in right.items() if array.shape == b.shape and np.any(b) and close(array, b, dtype)]
        if same and name not in same:
            places[name] = same[0]
    swapped = [(a, b) for a, b in places.items() if places.get(b) == a]
    if len(swapped) == len(places) == 2:
        raise Wrong(f"{' and '.join(places)} are swapped: return {', '.join(right)}.", certain=True)
    if places and set(places) == set(places.values()):
        raise Wrong(f"The results are in the wrong order: return {', '.join(right)}.", certain=True)


def shape_text(axes: Sequence[str], shape: Sequence[int]) -> str:
    """Return a shape as text, with names and numbers."""
    return f"({', '.join(axes)}{',' * (len(axes) == 1)}) = {tuple(shape)}"


def _shape_hint(got: np.ndarray, right: np.ndarray, axes: Sequence[str]) -> str:
    if got.shape == right.shape[::-1] and got.ndim == 2:
        same = " The numbers are correct." if close(got.T, right, "float32") else ""
        each = f"; expected one {'column' if axes[1] == 'L' else 'row'} for each word" if "L" in axes else ""
        return f"It is transposed: ({', '.join(axes[::-1])}) instead of ({', '.join(axes)}){each}.{same}"
    if "n_tags" in axes and "L" in axes:
        tags, words = axes.index("n_tags"), axes.index("L")
        if np.array_equal(got, right.argmax(tags)):
            return "These are the most likely tags, argmax; return the probabilities of all tags."
        for number, step in (("first", 0), ("last", -1)):
            if got.size == right.shape[tags] and close(got.ravel(), right.take(step, words), "float32"):
                return f"It is the {number} step only: return all steps."
    if got.ndim == right.ndim == 2 and got.shape[0] == right.shape[0]:
        if axes[1] == "L + 1" and got.shape[1] == right.shape[1] - 1:
            return "h_0 = 0 has a column too, the first one: L + 1 columns."
        if axes[1] == "L" and got.shape[1] == right.shape[1] + 1:
            return "Only h has a column for step 0."
    if axes[0] == "L" and got.ndim == right.ndim == 2:
        if got.shape == (len(right) + 1, right.shape[1]):
            return "A row too many: h_0 is among the states, collect only h_1 ... h_L."
        if got.shape == (len(right) - 1, right.shape[1]):
            return "A row is missing: each word needs a step, so look at n_steps, ranges and slices."
        if axes[1] == "n_tags" and len(got) == len(right):
            return "Each word needs one number for each tag: these seem to be the hidden states, without W_y."
    if got.ndim == right.ndim + 1:
        return "One axis too many: the product of a matrix and a vector is @ or T.dot, not * or np.outer."
    if got.ndim < right.ndim and [*axes] == ["n_hidd", "n_hidd"]:
        return "The gradient of a matrix is an outer product of two vectors: np.outer, not * or a dot product."
    if got.ndim == 0 and right.ndim == 1:
        return "It is one number: T.dot of two vectors is a sum; * multiplies element by element."
    if got.ndim == right.ndim - 1:
        return "It seems to be one step only: return all steps."
    return ""


def vector(values: np.ndarray) -> str:
    """Return the first four numbers of a vector as text."""
    numbers = [f"{value:.4g}" for value in np.ravel(values)]
    return f"[{', '.join(numbers if len(numbers) <= 4 else [*numbers[:4], '...'])}]"


def column(name: str, array: np.ndarray, t: int) -> np.ndarray:
    """Return a quantity at step t = 1, 2, ..., L; h also has step 0."""
    return array[:, t if name == "h" else t - 1]


def recognise(
    got: np.ndarray, right: np.ndarray, variants: Iterable[tuple[str, np.ndarray]], dtype: str = "float64"
) -> str:
    """Return the message of the first wrong variant that equals `got`, or an empty string."""
    for message, wrong in variants:
        is_wrong = wrong.shape != right.shape or not close(wrong, right, dtype)
        if wrong.shape == got.shape and is_wrong and close(got, wrong, dtype):
            return message
    return ""


def compare_steps(
    got: Quantities,
    compute: Callable[..., Quantities],
    slips: Iterable[Slip],
    steps: Iterable[int],
    dtype: str = "float64",
) -> None:
    """Raise Wrong at the first quantity of the first step that differs; NotYet if some quantities are not filled in.

    A quantity is not filled in if it is all zeros and should not be. The others then also count as correct if they
    follow from these zeros.

    `got` has the quantities by name, with a column for each step; they and the `steps` are in the order of computation.
    `compute` returns the correct quantities. The keywords of a slip introduce its mistake, and `skip` names quantities
    that stay zero. The `slips` are tried only at the first difference, and only those that
    agree in everything before it.
    """
    right = compute()
    untouched = [name for name in got if not np.any(got[name]) and np.any(right[name])]
    if untouched:
        touched = {name: value for name, value in got.items() if name not in untouched}
        without = compute(skip=untouched) if touched else {}
        if not all(close(a, right[name], dtype) or close(a, without[name], dtype) for name, a in touched.items()):
            compare_steps(touched, compute, slips, steps, dtype)
        fine = [name for name, a in touched.items() if close(a, right[name], dtype)]
        lead = f"Correct so far, in every step: {', '.join(fine)}. " if fine else ""
        raise NotYet(f"{lead}Fill in {', '.join(untouched)}: still all zeros.")
    done: list[int] = []
    same: list[tuple[int, str]] = []
    for t in steps:
        for name in got:
            a, b = column(name, got[name], t), column(name, right[name], t)
            if close(a, b, dtype):
                same.append((t, name))
                continue
            before = [f"step {done[0]}" if len(done) == 1 else f"steps {done[0]} to {done[-1]}"] if done else []
            before += [f"{other} of step {t}" for other in list(got)[: list(got).index(name)]]
            likely = [
                (message, wrong)
                for message, wrong in ((message, compute(**mistake)) for message, mistake in slips)
                if all(close(column(n, wrong[n], s), column(n, right[n], s), dtype) for s, n in same)
            ]
            likely.sort(
                key=lambda slip: not close(got[name], slip[1][name], dtype)
            )  # first the mistakes that explain every step
            partly = " But later steps differ from that: is it another mistake?"
            tried = [(m + partly * (not close(got[name], w[name], dtype)), column(name, w[name], t)) for m, w in likely]
            if all(close(column(name, got[name], s), a, dtype) for s in steps):
                tried.append((_LAST, right[name][:, -1]))
            rest = list(got)[list(got).index(name) :]
            left_out = len(rest) > 1 and not any(np.any(column(other, got[other], t)) for other in rest)
            kind = _LEFT_OUT if left_out else _not_finite(a) or recognise(a, b, tried, dtype)
            kind = kind or _factor(a, b, len(done)) or (_not_one(a) if name == "p" else "")
            if not kind and dtype == "float64" and close(a, b, "float32"):
                kind = "It is correct only in float32 precision: use float64, NumPy's default."
            everywhere = any(kind == message and close(got[name], wrong[name], dtype) for message, wrong in likely)
            guess = kind in dict(likely) and not everywhere
            raise first_difference(f"{name} at step {t} (index {t - 1} in Python)", a, b, kind, before, guess)
        done.append(t)


def first_difference(
    what: str, got: np.ndarray, right: np.ndarray, kind: str, before: Sequence[str], guess: bool = False
) -> Wrong:
    """Return a `Wrong` that names the correct parts `before`, the first difference, and the `kind` of mistake."""
    lead = f"Correct: {', '.join(before)}. " if before else ""
    text = f"{lead}First difference: {what} is {vector(got)}, expected {vector(right)}."
    return Wrong(text, kind or None, guess=guess)


def _not_finite(got: np.ndarray) -> str:
    if np.isfinite(got).all():
        return ""
    return "It contains NaN or infinity: is there a division by zero, or a logarithm of zero?"


def _factor(got: np.ndarray, right: np.ndarray, done: int) -> str:
    if not np.any(got):
        return _LEFT_OUT if done else "It is all zeros."
    if close(got, -right):
        return "The sign is wrong."
    return ""


def _not_one(p: np.ndarray) -> str:
    total = float(p.sum())
    text = f"It is not normalised: the sum is {total:.4g}, expected 1. Is exp(y) divided by its sum?"
    return "" if np.isclose(total, 1) else text


def compare_gradients(
    got: Sequence[Any],
    right: dict[str, np.ndarray],
    n_words: int,
    wrong: dict[str, list[tuple[str, np.ndarray]]] | None = None,
    dtype: str = "float64",
) -> None:
    """Raise Wrong at the first gradient that differs, with the parameter, the entry and the kind of mistake.

    `got` is in the order of `right`, the correct gradients by parameter. `wrong` has typical wrong gradients by
    parameter, with messages. `n_words` is the length of the sentence: a gradient that lacks the mean is that many times
    too large.
    """
    if len(got) != len(right):
        raise Wrong(f"Expected {len(right)} gradients, of {', '.join(right)}; got {len(got)}.")
    check_order(got, right, dtype)
    fine: list[str] = []
    untouched: list[str] = []
    for (name, b), value in zip(right.items(), got, strict=True):
        lead = f"Correct: the gradient of {', '.join(fine)}. " if fine else ""
        try:
            a = as_numbers(f"The gradient of {name}", value, ("rows", "columns"), b)
        except Wrong as error:
            raise Wrong(f"{lead}{error.what}", error.advice) from None
        if close(a, b, dtype):
            fine.append(name)
            continue
        if not np.any(a):
            untouched.append(name)
            continue
        difference = np.abs(a - b)
        difference[~np.isfinite(difference)] = np.inf
        row, col = np.unravel_index(int(difference.argmax()), b.shape)
        kind = _not_finite(a) or _gradient_kind(name, a, right, n_words, (wrong or {}).get(name, []), dtype)
        raise Wrong(
            f"{lead}First difference: the gradient of {name}, most at row {row}, column {col}"
            f"{' (a word)' if name == 'W_e' else ''}: {a[row, col]:.4g}, expected {b[row, col]:.4g}."
            f"{'' if kind else _extent(a, b, dtype)}",
            kind or None,
        )
    if untouched:
        lead = f"Correct so far: the gradient of {', '.join(fine)}. " if fine else ""
        raise NotYet(f"{lead}Fill in the gradient of {', '.join(untouched)}: still all zeros.")


def _gradient_kind(
    name: str, a: np.ndarray, right: dict[str, np.ndarray], L: int, wrong: list[tuple[str, np.ndarray]], dtype: str
) -> str:
    b = right[name]
    if kind := recognise(a, b, wrong, dtype):
        return kind
    factors = {
        L: f"It is L = {L} times too large: the cost is the mean over the words, not the sum.",
        1 / L: f"It is L = {L} times too small: it is divided by L twice.",
        -1: "The sign is wrong.",
        -L: f"The sign is wrong, and it is L = {L} times too large: the mean is missing.",
        -1 / L: f"The sign is wrong, and it is L = {L} times too small.",
    }
    for factor, message in factors.items():
        if close(a, factor * b, dtype):
            return message
    if a.shape == a.T.shape and close(a, b.T, dtype):
        return "It is transposed: e_a h^T, not h e_a^T."
    for other, gradient in right.items():
        if other != name and gradient.shape == a.shape and close(a, gradient, dtype):
            return f"This is the gradient of {other}."
    return ""


def _extent(a: np.ndarray, b: np.ndarray, dtype: str) -> str:
    """Return how much of a gradient differs."""
    factor = float((a * b).sum() / (b * b).sum())
    if close(a, factor * b, dtype):
        return f" It is {factor:.4g} times the correct one everywhere."
    differs = np.abs(a - b) > TOLERANCE[dtype] * np.abs(b).max()
    rows, cols = differs.any(axis=1).sum(), differs.any(axis=0).sum()
    return f" {rows} of {b.shape[0]} rows and {cols} of {b.shape[1]} columns differ."
