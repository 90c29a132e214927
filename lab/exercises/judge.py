"""Judge an answer: run it on the cases of its exercise, and find the first difference from what is expected."""

from __future__ import annotations

import functools
import inspect
import io
import logging
import os
import sys
import sysconfig
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

import lab
import lxmls_rnn.deep_learning
from lab.exercises import compare
from lab.exercises.compare import Difference
from lab.exercises.exercise import Exercise
from lab.exercises.inputs import cases
from lab.exercises.run import Arrays, run
from lab.exercises.verdict import WHOLE
from lab.runtime import student_process
from lab.runtime.student_process import Child
from lxmls_rnn.classroom.students import NOT_RIGHT, NOT_YET, RIGHT

# files in these folders are not student code
_LAB_FOLDERS = (os.path.dirname(str(package.__file__)) for package in (lab, lxmls_rnn))
_LIBRARY_FOLDERS = tuple(
    f"{folder}/" for folder in (*_LAB_FOLDERS, sysconfig.get_path("purelib"), sysconfig.get_path("stdlib"))
)
# names, in place of a file's, of code that the lab and Python compile: solutions, mistakes of the catalogue, modules
_NO_FILES = ("<before ", "<solution of ", "<mistake in ", "<frozen", "<__array_function__")
# methods of the library's models that do the work of an exercise
_ANSWERS = {
    *("forward", "_forward", "grads", "backward", "quantities", "backpropagation", "_log_forward"),
    *("_scores", "_recurrent", "layer", "_layer", "_steps", "_step"),
}

_numpy = {name: getattr(np, name) for name in np.__all__}


class Wrong(NamedTuple):
    """A wrong answer's first difference or exception, and its arrays for the cases before the exception."""

    got: list[Arrays]
    difference: Difference | None  # the first one
    failure: BaseException | None


Explain = Callable[[Wrong, Child], tuple[str, str]]  # it returns what `judge` returns


def judge(exercise: Exercise, answer: Any, seconds: float, explain: Explain, child: Child) -> tuple[str, str]:
    """Return the state of an answer and the text of its verdict; `explain` is called only if something is wrong.

    The answer may take so many seconds of the processor for each case.
    """
    got: list[Arrays] = []
    failure: BaseException | None = None
    with child.without_warnings(), np.errstate(all="ignore"), _theano_log() as log:
        for case in cases(exercise.name):
            child.allow(seconds)
            try:
                with library_calls() as called:
                    got.append(run(exercise, answer, case))
            except student_process.ERRORS as error:
                failure = error
            if replaced := replaced_in_numpy():
                return NOT_RIGHT, replaced
            if isinstance(failure, NotImplementedError) and _is_from_student(failure):
                return NOT_YET, "The cell is not filled in yet."
            if failure:
                break
            if called:
                return NOT_RIGHT, f"The library's `{called[0]}` did the work: the exercise is to write it yourself."
        child.allow(seconds)
        logged = log.getvalue().partition("\n\n")[0]  # of tracebacks, the first one
        wrong = compared(exercise, got, failure)
        state, text = explain(wrong, child) if wrong else (RIGHT, exercise.right)
        return state, f"{text}{'' if WHOLE in text else WHOLE}\n{logged}" if logged else text


def compared(exercise: Exercise, got: list[Arrays], failure: BaseException | None = None) -> Wrong | None:
    """Return what is wrong with an answer that gives these arrays, up to a `failure`; None if it is right."""
    difference = compare.first_difference(exercise, compare.expected(exercise.name)[: len(got)], got)
    return Wrong(got, difference, failure) if difference or failure else None


def replaced_in_numpy() -> str:
    """Put back what student code has replaced in NumPy, and return a sentence about it; "" if nothing was replaced."""
    names = [name for name, value in _numpy.items() if getattr(np, name, None) is not value]
    for name in names:
        setattr(np, name, _numpy[name])
    if not names:
        return ""
    return f"Your code replaces np.{', np.'.join(names)} for all code, the lab's too: use names of your own."


@contextmanager
def _theano_log() -> Iterator[io.StringIO]:
    """Collect what Theano logs, such as tracebacks through its own code, instead of writing it to the error output."""
    logger, stream = logging.getLogger("theano"), io.StringIO()
    handlers, logger.handlers = logger.handlers, [logging.StreamHandler(stream)]
    try:
        yield stream
    finally:
        logger.handlers = handlers


def _is_from_student(error: BaseException) -> bool:
    """Return whether student code itself raised an exception."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return bool(frames) and is_students(frames[-1].f_code.co_filename)


def is_students(filename: str) -> bool:
    """Return whether a file is student code: not part of the lab, the library, or Python."""
    return not filename.startswith((*_LIBRARY_FOLDERS, *_NO_FILES))


@contextmanager
def library_calls() -> Iterator[list[str]]:
    """Collect the names of the library's methods that student code calls."""
    called: list[str] = []
    package = lxmls_rnn.deep_learning.__name__
    modules = [module for name, module in list(sys.modules.items()) if name.startswith(package)]
    classes = {cls for module in modules for cls in list(vars(module).values()) if inspect.isclass(cls)}
    classes = {cls for cls in classes if cls.__module__.startswith(package)}
    methods = [(cls, name, vars(cls)[name]) for cls in classes for name in _ANSWERS.intersection(vars(cls))]
    methods = [(cls, name, method) for cls, name, method in methods if inspect.isfunction(method)]
    for cls, name, method in methods:
        setattr(cls, name, _noting(method, called))
    try:
        yield called
    finally:
        for cls, name, method in methods:
            setattr(cls, name, method)


def _noting(method: Callable[..., Any], called: list[str]) -> Callable[..., Any]:
    thread = threading.get_ident()  # a panel may be training a student's model in another one

    @functools.wraps(method)
    def noting(*arguments: Any, **options: Any) -> Any:
        if threading.get_ident() == thread and is_students(sys._getframe(1).f_code.co_filename):
            called.append(method.__name__)
        return method(*arguments, **options)

    return noting
