import json

import numpy as np
import pytest

from lab.exercises.exercise import EXERCISES, answer_of
from lab.exercises.inputs import cases
from lab.exercises.marking import MAX_SEED, Marking
from lxmls_rnn.classroom import harness
from lxmls_rnn.classroom.tasks import Said

NUMPY = [name for name, one in EXERCISES.items() if one.framework == "numpy"]
SLOW = [name for name in NUMPY if EXERCISES[name].spec.kind in harness.COMPILING and name != "squares"]


@pytest.fixture
def marking():
    return Marking({"squares": "import theano.tensor as T\ndef my_squares(_n):\n    return T.zeros(3)"})


def returned(marking, name, code=""):
    """Return the lines that a student's process writes for a code, by default the solution."""
    exercise = EXERCISES[name]
    inputs = map(harness.from_json, marking.exercise(name).inputs)
    return [harness.to_json(harness.run(exercise.spec, answer_of(name, code), case)) for case in inputs]


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.daily("compiles") if name in SLOW else ()) for name in NUMPY],
)
def test_the_solution_is_right_for_drawn_inputs_and_only_for_these(marking, name):
    lines = returned(marking, name)
    assert marking.verdict(name, Said(lines)).state == "right"
    other = Marking({})
    assert other.seeds[name] != marking.seeds[name]
    assert other.verdict(name, Said(lines)).state != "right"


def test_no_input_is_a_value_that_another_exercise_expects(marking):
    given: dict[bytes, str] = {}
    for name in NUMPY:
        for line in marking.exercise(name).inputs:
            given |= {one.tobytes(): name for one in harness.from_json(line).values() if _is_drawn(one)}
    results = [
        (name, harness.from_json(line))
        for name in ("forward", "errors", "gradients")
        for line in returned(marking, name)
    ]
    found = [(name, key, given[one.tobytes()]) for name, arrays in results for key, one in arrays.items()
             if _is_drawn(one) and given.get(one.tobytes(), name) != name]  # fmt: skip
    assert not found
    assert not any(set(harness.from_json(line)) & set("zahyp") for line in marking.exercise("forward").inputs)


def _is_drawn(value):
    return isinstance(value, np.ndarray) and value.dtype == "float64" and value.size > 1 and bool(np.ptp(value))


@pytest.mark.parametrize("name", EXERCISES)
def test_the_largest_seed_draws_inputs(name):
    assert cases(name, MAX_SEED)


def array(dtype, shape, data):
    """Return a line with an array z."""
    return json.dumps({"z": {"dtype": dtype, "shape": shape, "data": data}})


@pytest.mark.parametrize(
    ("said", "state", "text"),
    [
        (Said(), "not right", "There is no result."),
        (Said(state="not yet", text="Later."), "not yet", "Later."),
        (Said(state="mark again", text="Busy."), "mark again", "Busy."),
        (Said(["{"]), "not right", "cannot be read"),
        (Said(['{"z": 3}']), "not right", "cannot be read"),
        (Said(["[" * 100_000]), "not right", "cannot be read"),
        (Said([array("str", [2], ["x" * 10_000_000, ""])]), "not right", "too long"),
        (Said([array("float64", [1 << 60], [1])]), "not right", "cannot be read"),
        (Said([array("int64", [1], [1 << 70])]), "not right", "cannot be read"),
        (Said([array("float64", [], None)] * 4), "not yet", ""),
        (Said([array("float64", [1], [np.nan])] * 4), "not yet", ""),
        (Said(["{}"] * 100), "not yet", "Fill in z, a, h, y, p."),
    ],
)  # fmt: skip
def test_a_result_of_any_form_is_judged(marking, said, state, text):
    verdict = marking.verdict("forward", said)
    assert (verdict.state, verdict.share) == (state, 0)
    assert text in verdict.text


def test_arrays_that_are_right_as_handed_out_do_not_count():
    code = EXERCISES["forward"].solution
    with_z = Marking({"forward": code.replace("for t in range(L):", "for t in range(0):")})
    without = Marking({})
    wrong = code.replace("np.exp(y[:, t]).sum()", "2")
    assert with_z.verdict("forward", Said(returned(with_z, "forward", wrong))).share == pytest.approx(3 / 4)
    assert without.verdict("forward", Said(returned(without, "forward", wrong))).share == pytest.approx(4 / 5)
