"""Every known mistake of the catalogue is not right, and its verdict names its cause."""

import linecache
import math

import pytest

from lab import check
from lab.exercises import progress
from lab.exercises.cause.mistakes import without_code_of
from lab.exercises.exercise import EXERCISES, answer_of
from lab.runtime import student_process
from lxmls_rnn.deep_learning.frameworks import NUMPY

COMPILED_DAILY = "lstm_step", "theano_gradients"  # one mistake for each cause


def _parameters(name):
    """Return a part of an exercise's mistakes for each tier: for the first every sixth, if nothing is compiled."""
    exercise = EXERCISES[name]
    missing = exercise.kind.framework.missing
    skip = pytest.mark.skipif(bool(missing), reason=missing)
    if exercise.kind.framework is not NUMPY:
        first = list({patch.cause: patch for patch in reversed(exercise.patches)}.values()) * (name in COMPILED_DAILY)
        daily = pytest.mark.daily("compiles each mistake")
        rest = pytest.mark.nightly("the same as lstm_step and theano_gradients, of all exercises that are compiled")
        marks = [skip, daily], [skip, rest]
    else:
        first = exercise.patches[::6]
        marks = [], [pytest.mark.daily("half a minute for all mistakes; `make test` tries every sixth")]
    parts = first, [patch for patch in exercise.patches if patch not in first]
    ids = name, f"{name}, the rest"
    return [
        pytest.param(name, part, marks=mark, id=id) for part, mark, id in zip(parts, marks, ids, strict=True) if part
    ]


@pytest.mark.parametrize(("name", "patches"), [one for name in EXERCISES for one in _parameters(name)])
def test_every_mistake_gets_its_cause(name, patches, monkeypatch):
    monkeypatch.setattr(check, "MAX_SEARCH_SECONDS", math.inf)
    monkeypatch.setattr(student_process, "can_fork", lambda framework: False)  # a mistake's numbers, computed once
    others = {}
    for patch in patches:
        file = f"<line {patch.line} of {name}>"
        linecache.cache[file] = len(patch.code), None, patch.code.splitlines(keepends=True), file
        verdict = getattr(check, name)(answer_of(name, patch.code, file))
        if verdict.state != "not right" or patch.cause not in verdict.text:
            others[patch.line] = f"{patch.cause} -> {verdict}"
        elif (kept := progress.FILE.read()[name].cause) != without_code_of(patch.cause):
            others[patch.line] = f"{patch.cause} -> kept {kept}"
    assert others == {}


def test_every_exercise_has_levels_of_hints_known_mistakes_and_formulas():
    for exercise in EXERCISES.values():
        assert exercise.hints
        if exercise.number < "7":  # of the school; a teacher's own may have fewer
            assert len(exercise.hints) == 3
            assert len(exercise.patches) > 10
        assert all(patch.cause.endswith((".", ")", "?")) for patch in exercise.patches)
        assert exercise.quantities
        assert all(quantity.formula for quantity in exercise.quantities.values())
        assert exercise.function in exercise.solution
