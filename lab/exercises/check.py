"""Checks of the exercises: ``from lab import check``, then ``check.forward(my_forward)`` and so on.

A check confirms that the code is correct, or reports the first difference and the likely mistake.
``check.hint(name)`` gives a hint, and a longer one each time; ``check.solution(name)`` shows the solution;
``check.progress()`` shows which exercises are done.
"""

import functools
import warnings
from collections.abc import Callable
from dataclasses import replace
from html import escape
from typing import Any

import numpy as np
from IPython import get_ipython

from lab.drawing import html
from lab.exercises import (
    data_exercises,
    failed_cells,
    framework_exercises,
    lstm_exercises,
    numpy_exercises,
    repair,
    solutions,
    source,
    theano_exercises,
    training_exercises,
)
from lab.exercises import progress as _progress
from lab.exercises.hints import EXERCISES, HINTS
from lab.exercises.own import use as use  # `check.use`
from lab.exercises.verdict import (
    CHECKED_FILES,
    NOT_RIGHT,
    NOT_YET,
    RIGHT,
    Note,
    NotYet,
    Unavailable,
    Verdict,
    Wrong,
    explain,
    files_of,
    too_long,
)
from lab.widgets import limit
from lxmls_rnn.classroom import OPTIONAL
from lxmls_rnn.deep_learning.frameworks import FRAMEWORKS
from lxmls_rnn.storage.files import in_words

_passed: set[str] = set()
failed_cells.watch(get_ipython())


def _quietly(function: Callable[..., str], *arguments: object) -> str:
    """Call a function without warnings; NumPy's are a setting of the thread."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return function(*arguments)


def _exercise(function: Callable[..., str]) -> Callable[..., Verdict]:
    """Turn a function that returns a text or raises `NotYet` or `Wrong` into a check that returns a `Verdict`."""
    name = function.__name__

    @functools.wraps(function)
    def check(*arguments: object) -> Verdict:
        if not arguments:
            return Verdict(name, NOT_YET, f"Expected your function or class in check.{name}(...), got nothing.")
        _passed.discard(name)
        outer = CHECKED_FILES.set(files_of(*arguments))
        try:
            verdict = Verdict(name, RIGHT, limit.in_thread(lambda: _quietly(function, *arguments)))
            _passed.add(name)
        except Unavailable as error:
            return Verdict(name, NOT_YET, str(error))
        except NotYet as error:
            advice = source.mistake(name, arguments[0]) or f'A hint: check.hint("{name}")'
            verdict = Verdict(name, NOT_YET, f"{error}\n{advice}")
        except Wrong as error:
            seen = source.mistake(name, arguments[0]) if not error.certain else ""
            if error.is_open and not seen:
                seen = repair.repaired(arguments[0], lambda changed: _quietly(function, changed), error.what)
            verdict = Verdict(name, NOT_RIGHT, f"{error.what}\n{seen}" if seen else str(error))
        except limit.TimeUp as error:
            verdict = Verdict(name, NOT_RIGHT, str(too_long(error)))
        except Exception as error:  # the check itself fails on unexpected input
            verdict = Verdict(name, NOT_RIGHT, f"The check cannot handle this result. {explain(error)}")
        finally:
            CHECKED_FILES.reset(outer)
        if stale := failed_cells.stale(*arguments):
            verdict = replace(verdict, text=f"{stale}\n{verdict.text}")
        try:
            tried = verdict.state != NOT_YET
            _progress.update(name, lambda entry: {"state": verdict.state, "tries": entry["tries"] + tried})
        except OSError as error:
            return Verdict(name, verdict.state, f"{verdict.text}\n{_not_saved(error)}")
        return verdict

    return check


forward = _exercise(numpy_exercises.forward)
errors = _exercise(numpy_exercises.errors)
gradients = _exercise(numpy_exercises.gradients)
numeric = _exercise(numpy_exercises.numeric)
squares = _exercise(theano_exercises.squares)
markov = _exercise(theano_exercises.markov)
rnn = _exercise(theano_exercises.rnn)
theano_gradients = _exercise(theano_exercises.theano_gradients)
updates = _exercise(theano_exercises.updates)
lstm_gates = _exercise(lstm_exercises.lstm_gates)
lstm_step = _exercise(lstm_exercises.lstm_step)
lstm = _exercise(lstm_exercises.lstm)
torch_loop = _exercise(framework_exercises.torch_loop)
torch_gradients = _exercise(framework_exercises.torch_gradients)
torch_layer = _exercise(framework_exercises.torch_layer)
jax_scan = _exercise(framework_exercises.jax_scan)
jax_gradients = _exercise(framework_exercises.jax_gradients)
unknown_words = _exercise(data_exercises.unknown_words)
early_stopping = _exercise(training_exercises.early_stopping)
pad_batch = _exercise(data_exercises.pad_batch)
clip = _exercise(training_exercises.clip)
forget_gate = _exercise(training_exercises.forget_gate)


def installed(framework: str) -> bool:
    """Return whether "jax" or "torch" is installed; print how to install it if not."""
    if missing := FRAMEWORKS[framework].missing:
        print(f"{missing}.")
    return not missing


def passed(*names: str) -> bool:
    """Return whether these checks have passed in this kernel; print which have not, or must be run again."""
    missing = [name for name in names if name not in _passed]
    done, _ = _try_store(_progress.read)
    if missing and all(done.get(name, {}).get("state") == RIGHT for name in missing):
        its = "its check" if len(missing) == 1 else "their checks"
        print(f"This kernel is new: run the cells of {' and '.join(missing)} and {its} again.")
    elif missing:
        checks = " and ".join(f"check.{name}" for name in missing)
        verb = "says" if len(missing) == 1 else "say"
        print(f"This cell runs only after {checks} {verb} that your code is right.")
    return not missing


def _not_saved(error: OSError) -> str:
    return f"(Progress is not saved: {in_words(error)})"


def _try_store(action: Callable[..., dict[str, Any] | None], *arguments: object) -> tuple[dict[str, Any], str]:
    """Call an action on the progress; return its result, and a message if it failed with OSError."""
    try:
        return action(*arguments) or {}, ""
    except OSError as error:
        return {}, _not_saved(error)


def _unknown(name: str) -> Note:
    return Note(f"No exercise {name!r}: expected one of {', '.join(EXERCISES)}.")


def hint(name: str) -> Note:
    """Show the next hint of an exercise, below the previous ones."""
    if name not in EXERCISES:
        return _unknown(name)
    entry, failure = _try_store(_progress.update, name, lambda e: {"hints": min(e["hints"] + 1, len(HINTS[name]))})
    level = entry.get("hints", len(HINTS[name]))  # all of them, if progress cannot be saved
    lines = [f"{n}. {text}" for n, text in enumerate(HINTS[name][:level], 1)]
    more = f"The next call shows hint {level + 1} of {len(HINTS[name])}."
    if level == len(HINTS[name]):
        more = f'That was the last hint. The solution: check.solution("{name}")'
    if failure:
        more = failure
    shown = "".join(f"<li><div style='white-space:pre-wrap'>{escape(text)}</div></li>" for text in HINTS[name][:level])
    return Note("\n".join([*lines, more]), f'<div class="lab-hint"><ol>{shown}</ol>{escape(more)}</div>')


def solution(name: str) -> Note:
    """Show the solution of an exercise, the code of its cell."""
    if name not in EXERCISES:
        return _unknown(name)
    _try_store(_progress.update, name, lambda entry: {"solution": True})
    code = solutions.code(name)
    return Note(code, f'<pre class="lab-solution" tabindex="0">{escape(code)}</pre>')


def progress() -> Note:
    """Show the table of exercises and their states."""
    entries, failure = _try_store(_progress.read)
    rows = []
    for name, (number, title) in EXERCISES.items():
        entry = {**_progress.EMPTY, **entries.get(name, {})}
        state = "done" if entry["state"] == RIGHT else entry["state"]
        if name in OPTIONAL and not entry["tries"] and state == NOT_YET:
            state = "optional"
        hints = f"{entry['hints']} of {len(HINTS[name])}"
        rows.append([number, name, title, state, entry["tries"], hints, "seen" if entry["solution"] else ""])
    header = ["", "exercise", "title", "state", "tries", "hints", "solution"]
    done = [row[1] for row in rows if row[3] == "done"]
    extra = len(OPTIONAL.intersection(done))
    counted = f"{len(done) - extra} of {len(rows) - len(OPTIONAL)} done, {extra} of {len(OPTIONAL)} optional"
    summary = failure or f"{counted}. Saved in {_progress.path()}."
    widths = [max(len(str(row[n])) for row in [header, *rows]) for n in range(len(header))]
    lines = [
        "  ".join(str(cell).ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [header, *rows]
    ]
    left = '<div style="text-align:left">{}</div>'.format
    aligned = [[html.Raw(left(escape(str(cell)))) for cell in row] for row in [header, *rows]]
    return Note("\n".join([*lines, summary]), f"{html.table(aligned[0], aligned[1:])}<p>{escape(summary)}</p>")


def reset(name: str | None = None) -> Note:
    """Reset state, tries and hints of one exercise, or of all."""
    if name is not None and name not in EXERCISES:
        return _unknown(name)
    _, failure = _try_store(_progress.forget, name)
    _passed.difference_update(EXERCISES if name is None else [name])
    return Note(failure or f"Reset: {name or 'all exercises'}.")
