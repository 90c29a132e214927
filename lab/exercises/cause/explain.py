"""Explain what is wrong with an answer: where, and why.

`judge.py` finds the first difference between the answer's arrays and the expected ones. The search for its cause has
five parts, for wrong numbers in this order (a known mistake goes before its line where the answer raises an error):

1. `rules.py`: a rule for mistakes of any exercise has a repair that makes the answer right, or says what is certain.
2. `where.py`: statements of the solution replace statements of the answer. The line whose replacement helps is wrong.
3. `mistakes.py`: the first mistake of the catalogue that gives the same numbers, or the same error, names the cause.
4. `change.py`: a small change of the wrong line may make the answer right, also for inputs that were not used before.
5. Otherwise the error, the statements or the numbers may show something, and the formula of the line is shown.
"""

from __future__ import annotations

import ast
import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from lab.exercises import compare
from lab.exercises.cause import mistakes, rules, where
from lab.exercises.cause.change import KINDS, small_change
from lab.exercises.cause.errors import CUT_OFF, ERRORS, Raised, misused, raised, usual_meaning
from lab.exercises.cause.search import Search, outcome
from lab.exercises.cause.source import Source, blocks, names_in, substitutions, targets_of
from lab.exercises.compare import Difference
from lab.exercises.exercise import EXERCISES, Exercise, answer_of
from lab.exercises.inputs import cases
from lab.exercises.judge import Wrong, compared
from lab.exercises.run import Arrays, BadResult, Unfinished
from lab.exercises.verdict import WHOLE
from lxmls_rnn.classroom.students import NOT_RIGHT, NOT_YET

# how the sentence of a rule begins, as far as it holds nothing of the answer
_BEGINNINGS = (rules.RETURN_IN_LOOP, rules.NO_RETURN, *ERRORS.values(), *KINDS.values())


def explain(
    exercise: Exercise, answer: Any, wrong: Wrong, tell: Callable[[str], None], seconds: float
) -> tuple[str, str]:
    """Return the state of an answer that is wrong, or not filled in, and the text of its verdict.

    The search for a cause takes so many seconds of the processor. `tell` is called with what is wrong before the search
    begins, which may be killed.
    """
    source = Source(answer, exercise.kind.method)
    return _verdict(Search(exercise, answer, source, tell, time.thread_time() + seconds), wrong)


def kept(exercise: Exercise, text: str) -> str:
    """Return what the progress keeps of a verdict: the sentence of a mistake in the catalogue, or the beginning of one.

    None of these holds code or values of the answer. For a mistake without such a sentence it is "another mistake".
    """
    patches = (*exercise.patches, *(EXERCISES[exercise.shares].patches if exercise.shares else ()))
    causes = {mistakes.without_code_of(patch.cause) for patch in patches}
    for line in map(mistakes.without_code_of, text.partition(WHOLE)[0].splitlines()):
        if line in causes:
            return line
        if begun := [one for one in _BEGINNINGS if line.startswith(one)]:
            return max(begun, key=len)
    return "another mistake"


def _verdict(search: Search, wrong: Wrong) -> tuple[str, str]:
    source = search.source
    if isinstance(wrong.failure, Unfinished):
        is_open = source.placeholder or not source.lines
        cause = "" if is_open else rules.sentence(search) or rules.of_return(source.tree)
        last = cause or f'A hint: check.hint("{search.exercise.name}")'
        return NOT_RIGHT if cause else NOT_YET, f"{wrong.failure}\n{last}"
    if wrong.failure is None and (unfilled := _unfilled(search, wrong.got)):
        state, text = unfilled
    else:
        state, text = NOT_RIGHT, _of_earlier(search)
        if not text and wrong.difference:
            text = _of_difference(search, wrong.difference, wrong.got)
        elif not text and wrong.failure:
            text = _of_error(search, len(wrong.got), wrong.failure)
    if state == NOT_RIGHT and source.placeholder:
        return NOT_YET, f"A line is not filled in: {source.placeholder}\n{text}"
    return state, text


def _of_earlier(search: Search) -> str:
    """Return a verdict if the answer calls a function of an earlier exercise that fails its own check, else "".

    The answer itself is then judged with the solution's function.
    """
    source = search.source
    needed = [EXERCISES[name] for name in search.exercise.needs]
    for earlier in [one for one in needed if one.function in names_in(source.tree)]:
        mine = (source.function.__globals__ | source.space).get(earlier.function)
        if source.placeholder or mine is None:
            continue
        if _is_right(earlier, mine):
            search.accepted[earlier.function] = mine
            continue
        source.space[earlier.function] = answer_of(earlier.name)
        first = f"Finish exercise {earlier.name} first: check.{earlier.name}({earlier.function})."
        if wrong := compared(search.exercise, *search.run_again(source.tree)):
            return f"Your `{earlier.function}` is not right yet. {first}\nWith the lab's: {_verdict(search, wrong)[1]}"
        return f"With the lab's `{earlier.function}` this answer is right, but not with yours. {first}"
    return ""


def _is_right(exercise: Exercise, answer: Any) -> bool:
    """Return whether an answer passes the check of an exercise."""
    got = [outcome(exercise, answer, case) for case in cases(exercise.name)]
    arrays = [part for part in got if isinstance(part, dict)]
    return len(arrays) == len(got) and not compared(exercise, arrays)


# --- what is not filled in --------------------------------------------------------------------------------------------


def _unfilled(search: Search, got: Sequence[Arrays]) -> tuple[str, str] | None:
    """Return a verdict if quantities are not filled in: missing, or zeros that no line of a loop writes to.

    The rest is judged in a copy of the answer that computes them as in the solution.
    """
    exercise, source = search.exercise, search.source
    names = []
    for name in compare.unfilled(exercise, search.right, got):
        is_there = any(name in arrays for arrays in got)
        if _is_untouched(source, name) if is_there else name in exercise.results:
            names.append(name)
    if not names:
        return None
    unfilled = f"Fill in {', '.join(names)}: missing, or still all zeros."
    search.tell(unfilled)
    filled = _filled(search, names)
    fine = [name for name in exercise.quantities if name not in names
            and all(name in a and name in b and compare.same(exercise, a[name], b[name])
                    for a, b in zip(search.right, filled or got, strict=True) if name in a)]  # fmt: skip
    lead = f"Correct so far: {', '.join(fine)}. " if fine else ""
    if cause := rules.sentence(search) or rules.seen(search):
        return NOT_RIGHT, f"{unfilled}\n{cause}"
    if change := small_change(search, source.lines_of("return"), only=("variable",)):
        return NOT_YET, f"{unfilled}\n{change}"
    rest = filled and compare.first_difference(exercise, search.right, filled)
    if rest and rest.quantity not in names:
        text = _of_difference(search, rest, filled or got)
        return NOT_RIGHT, text if search.is_repaired else f"{text}\nThen fill in {', '.join(names)}."
    return NOT_YET, f'{lead}{unfilled}\nA hint: check.hint("{exercise.name}")'


def _is_untouched(source: Source, name: str) -> bool:
    """Return whether no line below the first assignment writes to a quantity."""
    has_loop = any("loop" in path for path, _ in blocks(source.tree))
    is_written_once = len(source.lines_of(name)) == 1 and has_loop
    return is_written_once or not source.lines or bool(source.placeholder)


def _filled(search: Search, names: Sequence[str]) -> list[Arrays] | None:
    """Return the arrays of the answer with these quantities computed as in the solution; None if that fails.

    The answer so changed takes the place of the student's.
    """
    if not search.source.lines:
        return None
    tree: ast.AST = search.source.tree
    for name in names:
        for replaced, _, changed in substitutions(tree, search.solution):
            if replaced == {name}:
                tree = changed
    filled, error = search.run_again(tree)
    if error is None:
        search.answer = search.source.compiled(tree)
    return None if error else filled


# --- an exception -----------------------------------------------------------------------------------------------------


def _of_error(search: Search, n: int, error: BaseException) -> str:
    """Explain an exception that the answer raised for case `n`."""
    source = search.source
    if isinstance(error, BadResult):
        cause = rules.sentence(search) or rules.seen(search) or small_change(search, source.lines_of("return"))
        return f"{error}\n{cause}".strip()
    called = misused(error, search.accepted.values())
    failure = raised(error, frozenset({source.file}))
    short = replace(failure, message=failure.short)
    lead = f"It {short}\n({failure.shapes})" if failure.shapes else f"It {short}"
    usual = called or usual_meaning(failure, error, source)
    search.tell("\n".join(filter(None, (lead, usual))))
    text = _of_failure(search, n, failure, lead, usual)
    return f"{text}{WHOLE}{failure.message}" if short != failure else text


def _of_failure(search: Search, n: int, failure: Raised, lead: str, usual: str) -> str:
    """Return `lead` and the cause of a failure for case `n`, or else `usual`, what such a failure usually means."""
    line, alike = failure.line, list[str]()
    if not (cause := rules.sentence(search)):
        cause, alike = mistakes.same_error(search, n, failure)
    if not cause:
        lines, title, _ = where.located(search, None, search.source.step_of(line.number))
        cause = small_change(search, lines or ([line.number] if line.text else []), is_wide=not title)
        if not cause and lines and line.number not in lines:
            lead = f"{lead}\n{title}\n{where.quoted(search.source, lines)}"
    if not cause and len(set(alike)) == 1 and "scan(" not in line.text:
        cause = alike[0]
    if cause := cause or rules.seen(search):
        return f"{lead}\n{cause}"
    formula = _formula(search.exercise, targets_of(line.text))
    return "\n".join(filter(None, (lead, usual, formula, CUT_OFF * search.is_late())))


# --- a difference -----------------------------------------------------------------------------------------------------


def _of_difference(search: Search, difference: Difference, got: Sequence[Arrays]) -> str:
    """Explain the first difference between the answer's arrays and the expected ones."""
    text, source = difference.text, search.source
    search.tell(text)
    if cause := rules.sentence(search, difference, got):
        return f"{text}\n{cause}"
    if not difference.is_of_numbers:
        is_right = "The numbers are correct." in difference.advice
        cause = "" if is_right else small_change(search, source.lines_of("return"), only=("variable",))
        if not cause and difference.advice and difference.quantity in search.exercise.quantities:
            cause = mistakes.same_numbers(search, difference, got)[0]
        if cause or difference.advice:
            return f"{text}\n{cause or difference.advice}"
    lines, title, changed = where.located(search, difference)
    cause, is_all = mistakes.same_numbers(search, difference, got)
    cause = cause or rules.seen(search)
    own = source.lines_of(difference.quantity, innermost=True)
    if not cause and (change := small_change(search, lines or own, is_wide=not title)):
        return f"{text}\n{change}"
    formula = _formula(search.exercise, frozenset({difference.quantity}))
    hints = [cause] if cause else [_remark(search, difference, got), formula, CUT_OFF * search.is_late()]
    shown = where.shown(search, lines, title, difference.quantity, own)
    second = _second(search, *changed) if cause and changed and not is_all else ""
    return "\n".join(filter(None, (text, shown, *hints, second)))


def _second(search: Search, tree: Any, difference: Difference) -> str:
    """Return the mistake with whose repair a changed answer, in which one mistake is repaired already, is right."""
    source = copy.copy(search.source)
    source.tree = tree
    other = replace(search, source=source, answer=source.compiled(tree))
    got, error = search.run_again(tree)
    lines, title, _ = where.located(other, difference)
    if error or not title:
        return ""
    cause, is_all = mistakes.same_numbers(other, difference, got)
    cause = cause * is_all or small_change(other, lines)
    return cause and f"A second mistake, in {difference.quantity}:\n{where.quoted(source, lines)}\n{cause}"


def _remark(search: Search, difference: Difference, got: Sequence[Arrays]) -> str:
    """Return what the numbers show: NaN, zeros, a factor, or probabilities whose sum is not 1."""
    exercise, name, n = search.exercise, difference.quantity, difference.case
    if not difference.is_of_numbers or got[n][name].dtype.kind not in "iuf":
        return ""
    right, mine, quantity = search.right[n][name], got[n][name].astype(float), exercise.quantities[name]
    a, b = (compare.at(quantity, array, difference.step) for array in (right, mine))
    if not np.isfinite(mine).all():
        return "It contains NaN or infinity: is there a division by zero, or a logarithm of zero?"
    if np.any(a) and not np.any(b):
        question = " here: is this step missing, or what it is computed from?"
        return f"It is all zeros{question if difference.step else '.'}"
    if right.size > 1 and (factor := _factor(exercise, right, mine)):
        pairs = [(whole[name], arrays[name]) for whole, arrays in zip(search.right, got, strict=False)]
        others = [_factor(exercise, a, b.astype(float)) for a, b in pairs if a.shape == b.shape and np.any(a)]
        is_one = all(np.isclose(other, factor) for other in others)
        return f"It is {factor:.4g} times the correct one{' everywhere' if is_one else ' for this input'}."
    if name == "p" and b.ndim == 1 and not np.isclose(b.sum(), 1):
        return f"The sum of the probabilities is {b.sum():.4g}, expected 1. Is exp(y) divided by its sum?"
    return ""


def _factor(exercise: Exercise, right: np.ndarray, mine: np.ndarray) -> float:
    """Return the factor between two arrays, or 0 if there is none."""
    factor = float((mine * right).sum()) / (float((right**2).sum()) or 1)
    return factor if compare.same(exercise, factor * right, mine) else 0.0


def _formula(exercise: Exercise, names: frozenset[str]) -> str:
    """Return the formula of the quantity that a line computes."""
    known = [exercise.quantities[name] for name in names if name in exercise.quantities]
    if len(exercise.results) == 1:
        known += exercise.quantities.values()
    return f"The formula: {known[0].formula}." if known else f'A hint: check.hint("{exercise.name}")'
