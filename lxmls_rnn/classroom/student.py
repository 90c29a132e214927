"""The process of a student's code, for `lxmls-rnn class check`: read the notebooks, run each exercise in a fork.

There is one process per student, isolated, without a file of the library or the lab (`boot`), and without solutions and
expected values. It reads a line of JSON, the `Job`, and writes lines, each a `Report`. A fork sends back named arrays
(`Said`); another process judges them, so what the code does here to NumPy, Theano or this module changes only its own
arrays.
"""

from __future__ import annotations

import base64
import importlib
import linecache
import os
import resource
import secrets
import select
import signal
import sys
import time
import traceback
import types
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np

from lxmls_rnn.classroom import harness, isolation, notebook
from lxmls_rnn.classroom.tasks import (
    AGAIN,
    ANSWER,
    BEGIN,
    END,
    MAX_TEXT,
    NOT_CHECKED,
    NOT_RIGHT,
    NOT_YET,
    PROBLEM,
    READY,
    Exercise,
    Job,
    Report,
    Said,
    to_json,
)
from lxmls_rnn.deep_learning.frameworks import FRAMEWORKS

CELL_SECONDS = 10.0  # of the processor, for a cell
READ_SECONDS = 60  # of the processor, to read the notebooks and import the frameworks
WAIT_FACTOR, WAIT_SECONDS = 2, 30  # an answer may take `WAIT_FACTOR` times its processor time, and this
MAX_SAID_BYTES = 8 << 20
MAX_WRITTEN_BYTES = 64 << 20
MAX_PROCESSES = 256
_POLL_SECONDS = 0.2


def main() -> None:
    """Read the job, isolate this process if the job says so, and answer its tasks."""
    job = Job.from_json(sys.stdin.buffer.readline())
    reports = os.fdopen(os.dup(1), "w", encoding="utf-8")
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1):
        os.dup2(null, descriptor)
    if job.hidden is None:
        isolation.close()
    else:
        isolation.enter(job.hidden)
    os.environ["HOME"] = home = f"/tmp/home-{secrets.token_hex(4)}"
    os.makedirs(home)
    os.chdir(home)

    def say(report: Report) -> None:
        reports.write(to_json(report) + "\n")
        reports.flush()

    say(Report(READY))
    os.dup2(null, 2)
    _limit({resource.RLIMIT_AS: job.megabytes << 20, resource.RLIMIT_CORE: 0})
    resource.setrlimit(resource.RLIMIT_CPU, (READ_SECONDS, resource.RLIM_INFINITY))
    tasks = list(_tasks(job, say))
    modules = {"theano": "theano.tensor", "torch": "torch", "jax": "jax.numpy"}  # they start no thread
    for kind in {job.exercises[task.exercise].kind.split("_")[0] for _, task in tasks} & set(modules):
        with suppress(Exception):  # once for all exercises; an error is that of each of them
            importlib.import_module(modules[kind])
    for name, task in tasks:
        say(Report(BEGIN, notebook=name, exercise=task.exercise))
        said = _run(task, job, reports.fileno())
        say(Report(ANSWER, said, name, task.exercise, task.code))
    say(Report(END))


def _tasks(job: Job, say: Callable[[Report], None]) -> Iterator[tuple[str, notebook.Task]]:
    for name, content in job.notebooks.items():
        try:
            cells = notebook.read(base64.b64decode(content), job.out)
            for exercise in job.out.names:
                if [name, exercise] not in job.answered and (task := notebook.task(cells, exercise, job.out)):
                    yield name, task
        except (ValueError, RecursionError, MemoryError) as error:
            say(Report(PROBLEM, str(error) or type(error).__name__, name))


def _run(task: notebook.Task, job: Job, reports: int) -> str:
    """Return what a fresh process has said on a task, a line of JSON for `Said`; it may be anything."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.setsid()
            os.close(read)
            os.close(reports)
            limits = {resource.RLIMIT_CPU: int(job.seconds), resource.RLIMIT_FSIZE: MAX_WRITTEN_BYTES}
            if job.hidden is not None:  # else all processes of the user count
                limits[resource.RLIMIT_NPROC] = MAX_PROCESSES
            _limit(limits)
            said = f"{to_json(_answer(task, job.exercises[task.exercise]))}\n".encode()
            while said:
                said = said[os.write(write, said) :]
        finally:
            os._exit(0)
    os.close(write)
    said, used = _read(read, child, job.seconds * WAIT_FACTOR + WAIT_SECONDS)
    os.close(read)
    if said.endswith(b"\n"):
        return said.decode(errors="replace")
    if used is None:
        text = "It has waited for long without computing: does it wait for something? Or this machine is too busy."
        return to_json(Said(state=AGAIN, text=text))
    if used > 0.9 * int(job.seconds):
        text = f"Stopped after {job.seconds:g} s of the processor: does a loop or a recursion never end?"
    else:
        text = "The process ended without a result: it took too much memory, or the code ended it."
    return to_json(Said(state=NOT_RIGHT, text=text))


def _read(pipe: int, child: int, seconds: float) -> tuple[bytes, float | None]:
    """Read a line from a child and end it; return the line, and its processor time in seconds, None if time was up."""
    said, end, ended = b"", time.monotonic() + seconds, None
    while not said.endswith(b"\n") and len(said) < MAX_SAID_BYTES and time.monotonic() < end:
        if select.select([pipe], [], [], _POLL_SECONDS)[0]:
            if not (part := os.read(pipe, 1 << 16)):
                break
            said += part
        elif ended:
            break
        elif os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            ended = True  # what it has written is read first
    is_late = time.monotonic() >= end and not said.endswith(b"\n")
    with suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    _, _, usage = os.wait4(child, 0)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    if os.getpid() == 1:  # of a namespace: nothing else runs in it
        with suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    return said, None if is_late else usage.ru_utime + usage.ru_stime


def _limit(limits: dict[int, int]) -> None:
    for kind, most in limits.items():
        resource.setrlimit(kind, (most, most))


def _answer(task: notebook.Task, exercise: Exercise) -> Said:
    """Run the cells of a task and then its answer on all inputs."""
    framework = exercise.kind.split("_")[0]
    if framework in FRAMEWORKS and FRAMEWORKS[framework].missing:
        return Said(state=NOT_CHECKED, text=f"{FRAMEWORKS[framework].missing}.")
    main = types.ModuleType("__main__")
    sys.modules["__main__"] = main
    skipped, failed = [], ""
    for cell in task.cells:
        name = _name(cell.number)
        linecache.cache[name] = len(cell.source), None, cell.source.splitlines(keepends=True), name
        try:
            with _at_most(CELL_SECONDS):
                exec(compile(cell.source, name, "exec"), main.__dict__)
        except BaseException as error:
            if cell.is_changed:
                skipped.append(f"cell {cell.number}: {in_words(error)}")
                failed = failed or (skipped[-1] if cell in task.own else "")
    answer: Any = None
    for expression in (*task.answers, *(() if failed else task.renamed)):
        try:
            answer = eval(expression, main.__dict__)
            break
        except BaseException:
            continue
    else:
        what = f"{task.answers[0]} is not defined."
        return Said(state=NOT_RIGHT if failed else NOT_YET, text=f"{what} {failed}".strip(), skipped=skipped)
    results: list[str] = []
    state = text = ""
    for case in exercise.inputs:
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                results.append(harness.to_json(harness.run(exercise, answer, harness.from_json(case))))
        except harness.Unfinished as error:
            state, text = NOT_YET, str(error)
        except harness.BadResult as error:
            state, text = NOT_RIGHT, str(error)
        except BaseException as error:
            state, text = NOT_RIGHT, in_words(error)
        if state:
            break
    return Said(results, state, text[:MAX_TEXT], skipped)


def _name(cell: int) -> str:
    return f"<cell {cell}>"


class _TooLong(BaseException):
    """A cell takes too long; a BaseException, since code with `except Exception` does not catch it."""

    def __str__(self) -> str:
        return f"stopped after {CELL_SECONDS:g} s of the processor"


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """Raise `_TooLong` in the block, again and again, when it has used so much time of the processor."""

    def stop(*_: object) -> None:
        raise _TooLong

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds, _POLL_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def in_words(error: BaseException) -> str:
    """Return an error of a student's code, with its last line in a cell."""
    text = str(error) if isinstance(error, _TooLong) else f"{type(error).__name__}: {error}"
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__}: {error.msg}, line {error.lineno}"
    lines = [line for line in traceback.extract_tb(error.__traceback__, -1000) if line.filename.startswith("<cell ")]
    if not lines:
        return text[:MAX_TEXT]
    return f"{text[:MAX_TEXT]} (line {lines[-1].lineno} of {lines[-1].filename[1:-1]}: {lines[-1].line})"
