"""Every known mistake of the catalogue is not right, and its verdict names its cause."""

import linecache

import pytest

from lab import check
from lab.exercises import diagnosis, trial
from lab.exercises.exercise import EXERCISES, answer_of
from lab.runtime import limit
from lxmls_rnn.classroom import harness
from lxmls_rnn.deep_learning.frameworks import FRAMEWORKS

pytestmark = pytest.mark.theano


def _parameters(name):
    """Return every third mistake, and the rest as a slow test; all of an exercise that is compiled as one slow test."""
    exercise = EXERCISES[name]
    missing = FRAMEWORKS[exercise.framework].missing
    skip = pytest.mark.skipif(bool(missing), reason=missing)
    patches = exercise.patches
    if exercise.spec.kind in harness.COMPILING or exercise.framework != "numpy":
        slow = pytest.mark.daily("compiles each mistake, up to some minutes an exercise")
        return [pytest.param(name, patches, id=name, marks=[skip, slow])]
    rest = [patch for n, patch in enumerate(patches) if n % 3]
    slow = pytest.mark.daily("half a minute for all mistakes; `make test` tries every third")
    return [
        pytest.param(name, patches[::3], id=name, marks=skip),
        pytest.param(name, rest, id=f"{name}-rest", marks=[skip, slow]),
    ]


@pytest.mark.parametrize(("name", "patches"), [one for name in EXERCISES for one in _parameters(name)])
def test_every_mistake_gets_its_cause(name, patches, monkeypatch):
    monkeypatch.setattr(trial, "survives_a_fork", lambda kind: False)  # a trial before each check is in test_trial.py
    monkeypatch.setattr(diagnosis, "MAX_SECONDS", 60.0)
    monkeypatch.setattr(check, "MAX_EXPLAINING_SECONDS", 600.0)  # of the wall: other tests run at the same time
    monkeypatch.setattr(limit, "MAX_WALL_SECONDS", 600.0)
    others = {}
    for patch in patches:
        file = f"<line {patch.line} of {name}>"
        linecache.cache[file] = len(patch.code), None, patch.code.splitlines(keepends=True), file
        verdict = getattr(check, name)(answer_of(name, patch.code, file))
        if verdict.state != "not right" or patch.cause not in verdict.text:
            others[patch.line] = f"{patch.cause} -> {verdict}"
    assert others == {}


def test_every_exercise_has_levels_of_hints_known_mistakes_and_formulas():
    for exercise in EXERCISES.values():
        assert len(exercise.hints) == 3
        assert len(exercise.patches) > 10
        assert all(patch.cause.endswith((".", ")", "?")) for patch in exercise.patches)
        assert exercise.quantities
        assert all(quantity.formula for quantity in exercise.quantities.values())
        assert exercise.function in exercise.solution
