"""Every known mistake of the catalogue is not right, and its verdict names its cause."""

import linecache

import pytest

from lab import check
from lab.exercises import diagnosis
from lab.exercises.exercise import EXERCISES, answer_of
from lab.runtime import limit
from lxmls_rnn.classroom import harness
from lxmls_rnn.deep_learning.frameworks import FRAMEWORKS

pytestmark = pytest.mark.theano


def _parameter(name):
    exercise = EXERCISES[name]
    missing = FRAMEWORKS[exercise.framework].missing
    marks = [pytest.mark.skipif(bool(missing), reason=missing)]
    if exercise.spec.kind in harness.COMPILING or exercise.framework != "numpy":
        marks.append(pytest.mark.slow("compiles each mistake, up to a minute an exercise"))
    return pytest.param(name, marks=marks)


@pytest.mark.parametrize("name", [_parameter(name) for name in EXERCISES])
def test_every_mistake_gets_its_cause(name, monkeypatch):
    monkeypatch.setattr(diagnosis, "MAX_SECONDS", 60.0)
    monkeypatch.setattr(check, "MAX_EXPLAINING_SECONDS", 600.0)  # of the wall: other tests run at the same time
    monkeypatch.setattr(limit, "MAX_WALL_SECONDS", 600.0)
    others = {}
    for patch in EXERCISES[name].patches:
        file = f"<line {patch.line} of {name}>"
        linecache.cache[file] = len(patch.code), None, patch.code.splitlines(keepends=True), file
        verdict = getattr(check, name)(answer_of(name, patch.code, file))
        if verdict.state != "not right" or patch.cause not in verdict.text:
            others[patch.line] = f"{patch.cause} -> {verdict}"
    assert others == {}


def test_every_exercise_has_levels_of_hints_and_known_mistakes():
    assert {len(exercise.hints) for exercise in EXERCISES.values()} == {3}
    assert min(len(exercise.patches) for exercise in EXERCISES.values()) > 10
    assert all(patch.cause.endswith((".", ")", "?")) for exercise in EXERCISES.values() for patch in exercise.patches)


@pytest.mark.parametrize("name", EXERCISES)
def test_each_result_has_a_formula(name):
    exercise = EXERCISES[name]
    assert exercise.quantities
    assert all(quantity.formula for quantity in exercise.quantities.values())
    assert exercise.function in exercise.solution
