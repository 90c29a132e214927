"""Checks of the exercises: ``from lab import check``, then ``check.forward(my_forward)`` and so on.

A check confirms that the code is correct, or reports the first difference and the likely mistake.
``check.hint(name)`` gives a hint, and a longer one each time; ``check.solution(name)`` shows the solution;
``check.progress()`` shows which exercises are done.
"""

import re
import threading
from contextlib import suppress
from functools import partial
from html import escape
from typing import Any

from IPython import get_ipython
from IPython.core.interactiveshell import ExecutionInfo, ExecutionResult, InteractiveShell

from lab.drawing import html
from lab.exercises import compare
from lab.exercises import progress as _progress
from lab.exercises.exercise import EXERCISES, Exercise
from lab.exercises.judge import Wrong, is_students, judge, replaced_in_numpy
from lab.exercises.own_code import use as use  # `check.use`
from lab.exercises.verdict import CheckStopped, Note, Verdict
from lab.runtime import out_of_memory, student_process
from lab.runtime.student_errors import failed_line
from lxmls_rnn.classroom.students import NOT_RIGHT, NOT_YET, RIGHT, Attempts
from lxmls_rnn.deep_learning.frameworks import FRAMEWORKS
from lxmls_rnn.storage.messages import in_words

MAX_SECONDS, MAX_COMPILING_SECONDS = 5.0, 15.0  # of the processor, for an answer and one input; Theano compiles
MAX_SEARCH_SECONDS = 10.0  # of the processor, for the search for a mistake; its last run of code may take longer

NOTICE_SECONDS = 2.0  # of the wall, until a check says that it runs the answer
NOTICE = "The check is running your code. To stop it: Kernel > Interrupt Kernel, or the square button above."

_passed: set[str] = set()
_DEFINED = re.compile(r"^(?:def|class)\s+(\w+)", re.MULTILINE)

_before: dict[str, object] = {}  # previous values of the names that the running cell defines
_stale: dict[str, tuple[object, str]] = {}  # name: stale function, error of its cell


def _judged(exercise: Exercise, answer: Any) -> tuple[str, str]:
    """Return the state of an answer and the text of its verdict; raise `CheckStopped` at an interrupt."""
    seconds = MAX_COMPILING_SECONDS if exercise.kind.framework.compile_time else MAX_SECONDS

    def explained(wrong: Wrong, child: student_process.Child) -> tuple[str, str]:
        from lab.exercises.cause.explain import explain  # a right answer needs no cause

        child.allow(MAX_SEARCH_SECONDS + seconds)
        return explain(exercise, answer, wrong, child.tell, MAX_SEARCH_SECONDS)

    notice = threading.Timer(NOTICE_SECONDS, print, [NOTICE])
    try:
        notice.start()
        if replaced := replaced_in_numpy():
            return NOT_RIGHT, replaced
        compare.expected(exercise.name)  # the child need not compute it
        judged = partial(judge, exercise, answer, seconds, explained)
        return student_process.run(judged, exercise.kind.framework, seconds)
    except student_process.Ended as error:
        from lab.exercises.cause.errors import of_ended

        return of_ended(error)
    except KeyboardInterrupt as error:
        raise CheckStopped(_where(error)) from None
    except Exception as error:  # the check itself fails on unexpected input
        return NOT_RIGHT, f"The check cannot handle this result: {type(error).__name__}: {error}"
    finally:
        notice.cancel()


def _where(error: KeyboardInterrupt) -> str:
    """Return where a check was when the user interrupted it."""
    if known := getattr(error, "known", ""):
        return f"Stopped while the check looked for the cause of this:\n{known}"
    line = failed_line(error, is_students)
    return f"Stopped in line {line.number} of your code:  {line.text}" if line else "Stopped."


def _watch(shell: InteractiveShell | None) -> None:
    """Watch the cells of an IPython shell for functions whose cell was run again but failed before it redefined them.

    Do nothing for None (outside IPython).
    """
    if shell is None:
        return

    def begin(info: ExecutionInfo) -> None:
        _before.clear()
        names = _DEFINED.findall(info.raw_cell or "")
        _before.update({name: shell.user_ns[name] for name in names if name in shell.user_ns})

    def end(result: ExecutionResult) -> None:
        error = result.error_before_exec or result.error_in_exec
        for name, function in _before.items():
            _stale.pop(name, None)
            if error is not None and shell.user_ns.get(name) is function:
                # Python 3.13 raises private subclasses of SyntaxError
                kind = next(cls.__name__ for cls in type(error).__mro__ if not cls.__name__.startswith("_"))
                _stale[name] = function, f"{kind}: {getattr(error, 'msg', None) or error}"
        _before.clear()

    shell.events.register("pre_run_cell", begin)
    shell.events.register("post_run_cell", end)


def _stale_among(*functions: object) -> str:
    """Return a message that names the stale functions among these; an empty string if none is stale."""
    return " ".join(
        f"The cell that defines {name} failed ({error}): this verdict is about the previous {name}."
        for name, (function, error) in _stale.items()
        if any(function is given for given in functions)
    )


_watch(get_ipython())


def _checked(name: str, *arguments: Any) -> Verdict:
    """Check an answer: the function or class that the exercise asks for."""
    if not arguments:
        return Verdict(name, NOT_YET, f"Expected your function or class in check.{name}(...), got nothing.")
    _passed.discard(name)
    exercise = EXERCISES[name]
    if missing := exercise.kind.framework.missing:
        return Verdict(name, NOT_YET, f"{missing}.")
    state, text = _judged(exercise, arguments[0])
    cause = ""
    if state == RIGHT:
        _passed.add(name)
    else:
        from lab.exercises.cause.explain import kept  # here, so that the next child need not import it

        cause = kept(exercise, text) if state == NOT_RIGHT else ""
    if stale := _stale_among(*arguments):
        text = f"{stale}\n{text}"
    if noticed := out_of_memory.notice():  # and none later if memory ran out in this check
        text = f"{noticed}\n{text}"
    try:
        _progress.update(name, state=state, cause=cause, tries=int(state != NOT_YET))
    except OSError as error:
        text = f"{_not_saved(error)}\n{text}"
    return Verdict(name, state, text)


for _name in EXERCISES:
    globals()[_name] = partial(_checked, _name)


def __getattr__(name: str) -> Any:
    """Return a check that says that there is no such exercise, for the cells of one that a teacher has left out."""
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return lambda *_: _unknown(name)


def installed(framework: str) -> bool:
    """Return whether "theano" or "torch" is installed; print how to install it if not."""
    if missing := next(candidate.missing for candidate in FRAMEWORKS.values() if candidate.module == framework):
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
    """Show the exercises and their states, those that are required first, and name the next one."""
    entries, failure = _stored()
    done = {name for name, entry in entries.items() if entry.state == RIGHT}
    optional = {name for name, exercise in EXERCISES.items() if exercise.optional}
    names = sorted(EXERCISES, key=optional.__contains__)
    rows = [["", "exercise", "title", "state", "tries", "hints", "solution"]]
    for name in names:
        entry, exercise = entries[name], EXERCISES[name]
        states = {RIGHT: "done", NOT_YET: "optional" if exercise.optional else NOT_YET}
        state = states.get(entry.state, entry.state)
        hints = f"{entry.hints} of {len(exercise.hints)}"
        rows.append([exercise.number, name, exercise.title, state, str(entry.tries), hints, "seen" * entry.solution])
    counted = f"{len(done - optional)} of {len(EXERCISES) - len(optional)} done"
    extra = f"{len(done & optional)} of {len(optional)} optional"
    following = next((f"Next: {EXERCISES[name].number}, {name}. " for name in names if name not in done), "")
    summary = failure or f"{counted}, {extra}. {following}Saved in {_progress.FILE.path}."
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    header, *cells = [[html.Raw(f'<div style="text-align:left">{escape(cell)}</div>') for cell in row] for row in rows]
    return Note("\n".join([summary, *lines]), f"<p>{escape(summary)}</p>{html.table(header, cells)}")


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
