"""Find the mistake of the catalogue that gives the same numbers as an answer, or the same error."""

from __future__ import annotations

import ast
import functools
import linecache
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from lab.exercises import compare
from lab.exercises.cause.errors import Raised
from lab.exercises.cause.search import Outcome, Search, outcome
from lab.exercises.cause.source import targets_of
from lab.exercises.compare import Difference
from lab.exercises.exercise import EXERCISES, Exercise, Patch, answer_of
from lab.exercises.inputs import Case, cases
from lab.exercises.run import Arrays
from lxmls_rnn.deep_learning.frameworks import NUMPY, TORCH


def same_error(search: Search, n: int, failure: Raised) -> tuple[str, list[str]]:
    """Return the cause of a mistake with the same error of the same line in case `n`, or "".

    The second result are the causes of other mistakes with the same error.
    """
    mine, alike = {*search.source.lines.values()}, list[str]()
    for patch in _patches(search, targets_of(failure.line.text)):
        wrong = _outcome(search.exercise.name, patch, n, False)
        if isinstance(wrong, Raised) and wrong.key == failure.key:
            lines = _changed_lines(search.exercise.name, patch)
            if lines and lines <= mine:
                return patch.cause, alike
            alike.append(patch.cause)
    return "", alike


def same_numbers(search: Search, difference: Difference, got: Sequence[Arrays]) -> tuple[str, bool]:
    """Return the cause of a mistake that gives the same numbers for all inputs, or "", and if in all quantities.

    Best is a mistake that gives the same numbers in all quantities, then one that gives them in the quantity that
    differs.
    """
    exercise, name, best = search.exercise, difference.quantity, ""
    for patch in _patches(search, frozenset({name})):
        if _gives(search, patch, difference, got, [name]):
            if _gives(search, patch, difference, got, [*exercise.quantities]):
                if _agrees_elsewhere(search, patch, [*exercise.quantities]):
                    return patch.cause, True
            elif _is_telling(search, name) and _agrees_elsewhere(search, patch, [name]):
                best = best or patch.cause
    if best or not exercise.shares or name != "p":
        return best, False
    for patch in EXERCISES[exercise.shares].patches:
        wrong = [_shared_outcome(exercise.name, patch, n) for n in range(len(got))]
        if all(map(functools.partial(_alike, exercise, [name]), search.right, wrong, got)):
            return patch.cause, True
    return "", False


def _patches(search: Search, names: frozenset[str]) -> Iterator[Patch]:
    """Yield the mistakes of the catalogue while time is left, those in lines that compute `names` first.

    Code in a cause is left out if the answer does not have its names.
    """
    own = {getattr(node, "id", "") or getattr(node, "arg", "") for node in ast.walk(search.source.tree)}
    patches = [replace(patch, cause=without_code_of(patch.cause, own)) for patch in search.exercise.patches]
    for patch in sorted(patches, key=lambda patch: not names & _changed(search.exercise.name, patch)):
        if search.is_late():
            return
        yield patch


def without_code_of(cause: str, own: Collection[str] = ()) -> str:
    """Return a cause without code in parentheses that has other names of arrays, or t, than an answer's own."""

    def shown(code: re.Match[str]) -> str:
        return code[0] if {*own} >= set(re.findall(r"\w+(?=\[)|(?<=[\[, ])t\b", code[1])) else ""

    return re.sub(r" \(([^()]*\[[^()]*)\)", shown, cause)


def _gives(search: Search, patch: Patch, difference: Difference, got: Sequence[Arrays], names: Sequence[str]) -> bool:
    """Return whether a mistake has the same first difference, and the same numbers in these quantities."""
    exercise, name, n = search.exercise.name, difference.quantity, difference.case
    wrong = _outcome(exercise, patch, n, False)
    if isinstance(wrong, dict) and name not in wrong:
        first = search.first_of(n, wrong)
        if first is None or search.rank(first) > search.rank(difference):
            wrong = _outcome(exercise, patch, n, True)  # with the gradients through a model
    if not isinstance(wrong, dict) or name not in wrong or name not in got[n]:
        return False
    first = search.first_of(n, wrong)
    if first is None or (first.quantity, first.step) != (name, difference.step):
        return False
    return all(
        _alike(search.exercise, names, right, wrong if m == n else _outcome(exercise, patch, m, False), mine)
        for m, (right, mine) in enumerate(zip(search.right, got, strict=False))
    )


def _is_telling(search: Search, name: str) -> bool:
    """Return whether two mistakes can hardly give the same by accident: it is a text or has several numbers."""
    return any(a[name].dtype.kind == "U" or (a[name].dtype.kind in "iuf" and a[name].size > 2)
               for a in search.right if name in a)  # fmt: skip


def _agrees_elsewhere(search: Search, patch: Patch, names: Sequence[str]) -> bool:
    """Return whether a mistake gives the same for other inputs too; where code is compiled, they are not tried."""
    exercise = search.exercise
    if exercise.kind.framework is not NUMPY:
        return True
    for n, (right, mine) in enumerate(zip(compare.expected(exercise.name, 1), search.elsewhere, strict=True)):
        wrong = _outcome(exercise.name, patch, n, seed=1)
        if (isinstance(mine, dict) or isinstance(wrong, dict)) and not _alike(exercise, names, right, wrong, mine):
            return False
    return True


def _alike(exercise: Exercise, names: Sequence[str], right: Arrays, wrong: Outcome, got: Outcome) -> bool:
    """Return whether two wrong answers agree, up to rounding, in those of the quantities `names` that both have."""
    if not isinstance(wrong, dict) or not isinstance(got, dict):
        return False
    return all(
        wrong[name].shape == got[name].shape and compare.is_close(exercise, right[name], wrong[name], got[name])
        for name in names
        if name in wrong and name in got
    )


# --- what a mistake gives: for an exercise by its name, once in a process ---------------------------------------------


@functools.cache
def _changed(name: str, patch: Patch) -> frozenset[str]:
    """Return the names that are assigned in the lines in which a mistake differs from the solution."""
    return frozenset().union(*map(targets_of, _changed_lines(name, patch)))


@functools.cache
def _changed_lines(name: str, patch: Patch) -> frozenset[str]:
    """Return the lines in which a mistake differs from the solution."""
    known = EXERCISES[name].solution.splitlines()
    return frozenset(line.strip() for line in patch.code.splitlines() if line not in known)


@functools.cache
def _outcome(name: str, patch: Patch, n: int, through: bool = True, seed: int = 0) -> Outcome:
    """Return what the solution with a mistake gives for a case; gradients through a model only if `through`."""
    case = cases(name, seed)[n]
    return _run_patch(name, patch, case if through or "through" not in case else case | {"through": False})


@functools.cache
def _shared_outcome(name: str, patch: Patch, n: int) -> Arrays | None:
    """Return p, (L, n_tags), that a mistake in the NumPy exercise `shares` gives for a case of this exercise."""
    exercise = EXERCISES[name]
    code = patch.code
    if exercise.kind.framework is TORCH:  # its network has tanh
        code = code.replace("from scipy.special import expit as logistic", "from numpy import tanh as logistic")
    wrong = _run_patch(exercise.shares, Patch(patch.cause, code, patch.line), cases(name)[n])
    if not isinstance(wrong, dict) or "p" not in wrong:
        return None
    return {"p": wrong["p"].T.astype(compare.expected(name)[n]["p"].dtype)}


def _run_patch(name: str, patch: Patch, case: Case) -> Outcome:
    file = f"<mistake in line {patch.line} of {name}>"
    linecache.cache[file] = len(patch.code), None, patch.code.splitlines(keepends=True), file
    return outcome(EXERCISES[name], answer_of(name, patch.code, file), case, frozenset({file}))
