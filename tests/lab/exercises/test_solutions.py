"""The solutions of the exercises: they can be read, run, and pass their checks."""

import pytest

from lab import check
from lab.exercises import solutions
from lab.exercises.hints import EXERCISES
from tests.lab.answers import BEFORE, IMPORTS

pytestmark = pytest.mark.theano


@pytest.mark.parametrize("exercise", EXERCISES)
def test_a_solution_runs_in_a_cell_and_passes_its_check(exercise):
    if (framework := exercise.partition("_")[0]) in IMPORTS:
        pytest.importorskip(framework, reason=f"{framework} is not installed: `make setup WITH={framework}` brings it")
    space = {}
    exec(IMPORTS.get(framework, ""), space)
    for name in (*BEFORE.get(exercise, ()), exercise):
        before = set(space)
        exec(solutions.code(name), space)
    defined = [value for name, value in space.items() if name not in before and name.lower().startswith("my")]
    assert len(defined) == 1
    assert getattr(check, exercise)(defined[0])


def test_an_exercise_without_a_solution_is_an_error():
    with pytest.raises(FileNotFoundError, match=r"nothing\.py"):
        solutions.code("nothing")
