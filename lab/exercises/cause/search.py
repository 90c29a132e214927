"""The search for the cause of a wrong answer: what it knows, and how it runs changed answers."""

from __future__ import annotations

import ast
import functools
import io
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lab.exercises import compare
from lab.exercises.cause.errors import Raised, raised
from lab.exercises.cause.source import Source, nodes
from lab.exercises.compare import Difference
from lab.exercises.exercise import Exercise
from lab.exercises.inputs import Case, cases
from lab.exercises.run import Arrays, BadResult, Unfinished, run
from lab.runtime import student_process

Outcome = Arrays | Raised | None  # of an answer for a case; None if it returns something else


@dataclass
class Search:
    """An answer in which mistakes are searched for, the solution beside it, and the time that is left."""

    exercise: Exercise
    answer: Any
    source: Source
    tell: Callable[[str], None]  # is called with what is wrong before the search begins, which may be killed
    end: float  # of `time.thread_time()`
    accepted: dict[str, Any] = field(default_factory=dict)  # functions of earlier exercises that it calls, by name
    is_repaired: bool = False  # the last change that was found makes all of the answer right

    @property
    def right(self) -> list[Arrays]:
        """The arrays of the solution for each case."""
        return compare.expected(self.exercise.name)

    @functools.cached_property
    def solution(self) -> ast.Module:
        """The solution's function, or its method, as a tree."""
        names = (self.exercise.function, self.exercise.kind.method)
        functions = [node for node in nodes(ast.parse(self.exercise.solution), ast.FunctionDef) if node.name in names]
        return ast.Module([functions[-1]], [])

    @functools.cached_property
    def elsewhere(self) -> list[Outcome]:
        """The outcomes of the answer for other inputs."""
        return [outcome(self.exercise, self.answer, case) for case in cases(self.exercise.name, 1)]

    def is_late(self) -> bool:
        """Return whether no time is left."""
        return time.thread_time() >= self.end

    def run_again(self, tree: ast.AST) -> tuple[list[Arrays], Exception | None]:
        """Return the arrays of a changed answer for all cases, up to an exception."""
        got: list[Arrays] = []
        try:
            answer = self.source.compiled(tree)
            for case in cases(self.exercise.name):
                got.append(_run(self.exercise, answer, case))
        except Exception as error:
            return got, error
        return got, None

    def first_difference(self, answer: Any, likely: Difference | None = None, seed: int = 0) -> Difference | None:
        """Return the first difference of a changed answer, or raise its exception.

        The case of a `likely` difference is tried first, without gradients through a model if it is not in a gradient.
        """
        name = self.exercise.name
        if likely is not None:
            case = cases(name)[likely.case]
            if "through" in case and likely.quantity in list(self.exercise.quantities)[:1]:
                case = case | {"through": False}
            if first := self.first_of(likely.case, _run(self.exercise, answer, case)):
                return first
        for n, (case, right) in enumerate(zip(cases(name, seed), compare.expected(name, seed), strict=True)):
            if first := compare.difference(self.exercise, n, right, _run(self.exercise, answer, case), seed):
                return first
        return None

    def accepts(self, answer: Any, likely: Difference | None = None) -> bool:
        """Return whether a changed answer is right, for other inputs too, or raise its exception."""
        return not any(self.first_difference(answer, likely, seed) for seed in (0, 1))

    def first_of(self, n: int, got: Arrays) -> Difference | None:
        """Return the first difference for case `n` in the quantities that a wrong answer has."""
        right = {name: value for name, value in self.right[n].items() if name in got}
        return compare.difference(self.exercise, n, right, got)

    def rank(self, difference: Difference) -> tuple[int, int]:
        """Return how far an answer is right: the case of its first difference, and the place there."""
        order = compare.places(self.exercise, self.right[difference.case])
        place = (difference.step, difference.quantity)
        return difference.case, order.index(place) if place in order else -1


def outcome(exercise: Exercise, answer: Any, case: Case, files: frozenset[str] = frozenset()) -> Outcome:
    """Return what an answer in these files gives for a case."""
    try:
        return _run(exercise, answer, case)
    except (BadResult, Unfinished):
        return None
    except Exception as error:
        return raised(error, files)


def _run(exercise: Exercise, answer: Any, case: Case) -> Arrays:
    with np.errstate(all="ignore"), redirect_stdout(io.StringIO()):
        try:
            return run(exercise, answer, case)
        except Exception:
            raise
        except student_process.ERRORS as error:  # a changed answer still raises it: the search goes on
            raise RuntimeError(type(error).__name__) from error
