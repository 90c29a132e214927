"""Checks of the exercises: ``from lab import check``, then ``check.forward(my_forward)`` and so on.

A check confirms that the code is correct, or reports the first difference and the likely mistake.
``check.hint(name)`` gives a hint, and a longer one each time; ``check.solution(name)`` shows the solution;
``check.progress()`` shows which exercises are done.
"""

import time
import warnings
from contextlib import suppress
from functools import partial
from html import escape
from typing import Any

import numpy as np
from IPython import get_ipython

from lab.drawing import html
from lab.exercises import explanation, failed_cells, fork, guard, harness
from lab.exercises import progress as _progress
from lab.exercises.exercise import EXERCISES, Exercise
from lab.exercises.inputs import cases
from lab.exercises.own import use as use  # `check.use`
from lab.exercises.verdict import Note, Verdict
from lab.runtime import limit
from lxmls_rnn.classroom.students import NOT_RIGHT, NOT_YET, RIGHT, Attempts
from lxmls_rnn.deep_learning.frameworks import FRAMEWORKS
from lxmls_rnn.storage.files import in_words

MAX_SECONDS, MAX_COMPILING_SECONDS = 5.0, 15.0  # of the processor, for an answer and all inputs; Theano and JAX compile
MAX_EXPLAINING_SECONDS = 20.0  # of the wall from the beginning of a check; then the verdict is what is known

_passed: set[str] = set()
failed_cells.watch(get_ipython())


def _max_seconds(exercise: Exercise) -> float:
    return MAX_COMPILING_SECONDS if exercise.kind in harness.COMPILING else MAX_SECONDS


def _judged(exercise: Exercise, answer: Any, known: list[str]) -> tuple[str, str]:
    """Return the state of an answer and the text of its verdict; add to `known` what is wrong once it is found."""
    until = time.monotonic() + MAX_EXPLAINING_SECONDS
    got: list[harness.Arrays] = []
    failure: BaseException | None = None
    for case in cases(exercise.name):
        try:
            with guard.library_calls() as called, limit.timed(_max_seconds(exercise)):
                got.append(harness.run(exercise, answer, case))
        except harness.Unfinished as error:
            return NOT_YET, f'{error}\nA hint: check.hint("{exercise.name}")'
        except (Exception, SystemExit, KeyboardInterrupt) as error:
            if isinstance(error, NotImplementedError) and explanation.is_from_student(error):
                return NOT_YET, "The cell is not filled in yet."
            failure = error
            break
        if called:
            return NOT_RIGHT, f"The library's `{called[0]}` did the work: the exercise is to write it yourself."
    return explanation.Explanation(exercise, answer, until, known).verdict(got, failure)


def _checked(name: str, *arguments: Any) -> Verdict:
    """Check an answer: the function or class that the exercise asks for."""
    if not arguments:
        return Verdict(name, NOT_YET, f"Expected your function or class in check.{name}(...), got nothing.")
    _passed.discard(name)
    exercise, tried = EXERCISES[name], True
    if missing := FRAMEWORKS[exercise.framework].missing:
        return Verdict(name, NOT_YET, f"{missing}.")

    def tried_out() -> None:
        for case in cases(name) if exercise.kind in harness.IN_NUMPY else cases(name)[:1]:  # others take longer
            harness.run(exercise, arguments[0], case)

    def quietly() -> tuple[str, str]:
        with warnings.catch_warnings(), np.errstate(all="ignore"):  # NumPy's are a setting of the thread
            warnings.simplefilter("ignore")
            return _judged(exercise, arguments[0], known)

    known: list[str] = []
    end = time.monotonic() + limit.MAX_WALL_SECONDS
    try:
        if fork.survives_a_fork(exercise.kind):
            cases(name)  # the fork need not build them
            fork.run(tried_out, _max_seconds(exercise), limit.MAX_WALL_SECONDS)
        seconds = MAX_COMPILING_SECONDS + 2 * explanation.MAX_SECONDS
        state, text = limit.in_thread(quietly, seconds, end - time.monotonic())
        if state == RIGHT:
            _passed.add(name)
    except limit.TimeUp as error:
        if known:
            state, text = NOT_RIGHT, f"{known[-1]}\n{explanation.TIME_IS_UP}{error.remark}"
        elif isinstance(error, limit.Busy):
            state, text, tried = NOT_YET, f"{error} This was no try.{explanation.line_of(error)}", False
        else:
            state, text = NOT_RIGHT, _too_long(error)
    except fork.OutOfMemory as error:
        state, text = NOT_RIGHT, str(error)
    except Exception as error:  # the check itself fails on unexpected input
        state, text = NOT_RIGHT, f"The check cannot handle this result: {type(error).__name__}: {error}"
    if stale := failed_cells.stale(*arguments):
        text = f"{stale}\n{text}"
    try:
        _progress.update(name, state=state, tries=int(tried and state != NOT_YET))
    except OSError as error:
        text = f"{text}\n{_not_saved(error)}"
    return Verdict(name, state, text)


def _too_long(error: limit.TimeUp) -> str:
    advice = f"does a loop or a recursion never end?{error.remark}"
    return f"The function is still running after {error.seconds:g} s: {advice}{explanation.line_of(error)}"


for _name in EXERCISES:
    globals()[_name] = partial(_checked, _name)


def __getattr__(name: str) -> Any:
    """Return a check that says that there is no such exercise, for the cells of one that a teacher has left out."""
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return lambda *_: _unknown(name)


def installed(framework: str) -> bool:
    """Return whether "theano", "jax" or "torch" is installed; print how to install it if not."""
    if missing := next(one.missing for one in FRAMEWORKS.values() if one.module == framework):
        print(f"{missing}.")
    return not missing


def passed(*names: str) -> bool:
    """Return whether these checks have passed in this kernel; if not, print which of them to run."""
    missing = [name for name in names if name not in _passed]
    entries, _ = _stored()
    if left_out := [name for name in missing if name not in EXERCISES]:
        print(_unknown(left_out[0]))
    elif missing and all(entries[name].state == RIGHT for name in missing):
        its = "its check" if len(missing) == 1 else "their checks"
        print(f"This kernel is new: run the cells of {' and '.join(missing)} and {its} again.")
    elif missing:
        checks = " and ".join(f"check.{name}" for name in missing)
        verb = "says" if len(missing) == 1 else "say"
        print(f"This cell runs only after {checks} {verb} that your code is right.")
    return not missing


def _not_saved(error: OSError) -> str:
    return f"(Progress is not saved: {in_words(error)})"


def _stored() -> tuple[dict[str, Attempts], str]:
    """Return the stored progress in all exercises, and a message if it cannot be read."""
    entries, failure = {}, ""
    try:
        entries = _progress.FILE.read()
    except OSError as error:
        failure = _not_saved(error)
    return {name: entries.get(name, Attempts()) for name in EXERCISES}, failure


def _unknown(name: str) -> Note:
    return Note(f"No exercise {name!r}: expected one of {', '.join(EXERCISES)}.")


def hint(name: str) -> Note:
    """Show the next hint of an exercise, below the previous ones."""
    if name not in EXERCISES:
        return _unknown(name)
    hints = EXERCISES[name].hints
    try:
        shown, more = hints[: _progress.update(name, hints=1).hints], ""
    except OSError as error:
        shown, more = hints, _not_saved(error)
    if not more and len(shown) < len(hints):
        more = f"The next call shows hint {len(shown) + 1} of {len(hints)}."
    more = more or f'That was the last hint. The solution: check.solution("{name}")'
    lines = [f"{n}. {text}" for n, text in enumerate(shown, 1)]
    items = "".join(f"<li><div style='white-space:pre-wrap'>{escape(text)}</div></li>" for text in shown)
    return Note("\n".join([*lines, more]), f'<div class="lab-hint"><ol>{items}</ol>{escape(more)}</div>')


def solution(name: str) -> Note:
    """Show the solution of an exercise, the code of its cell."""
    if name not in EXERCISES:
        return _unknown(name)
    with suppress(OSError):
        _progress.update(name, solution=True)
    code = EXERCISES[name].solution
    return Note(code, f'<pre class="lab-solution" tabindex="0">{escape(code)}</pre>')


def progress() -> Note:
    """Show the table of exercises and their states."""
    entries, failure = _stored()
    done = {name for name, entry in entries.items() if entry.state == RIGHT}
    optional = {name for name, exercise in EXERCISES.items() if exercise.optional}
    rows = [["", "exercise", "title", "state", "tries", "hints", "solution"]]
    for name, exercise in EXERCISES.items():
        entry = entries[name]
        state = "done" if name in done else entry.state
        if name in optional and not entry.tries and state == NOT_YET:
            state = "optional"
        hints = f"{entry.hints} of {len(exercise.hints)}"
        rows.append([exercise.number, name, exercise.title, state, str(entry.tries), hints, "seen" * entry.solution])
    counted = f"{len(done - optional)} of {len(EXERCISES) - len(optional)} done"
    extra = f"{len(done & optional)} of {len(optional)} optional"
    summary = failure or f"{counted}, {extra}. Saved in {_progress.FILE.path}."
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    header, *cells = [[html.Raw(f'<div style="text-align:left">{escape(cell)}</div>') for cell in row] for row in rows]
    return Note("\n".join([*lines, summary]), f"{html.table(header, cells)}<p>{escape(summary)}</p>")


def reset(name: str | None = None) -> Note:
    """Reset state, tries and hints of one exercise, or of all."""
    if name is not None and name not in EXERCISES:
        return _unknown(name)
    names = EXERCISES if name is None else [name]
    _passed.difference_update(names)
    try:
        _progress.forget(*names)
    except OSError as error:
        return Note(_not_saved(error))
    return Note(f"Reset: {name or 'all exercises'}.")
