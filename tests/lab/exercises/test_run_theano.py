"""Answers in Theano that become named arrays."""

import numpy as np
import pytest
import theano
import theano.tensor as T

from lab.exercises.exercise import EXERCISES
from lab.exercises.inputs import cases
from lab.exercises.run import CHANGED, SCANS, BadResult, run


def test_a_theano_expression_and_its_scan():
    exercise = EXERCISES["squares"]
    got = run(exercise, lambda n: theano.scan(lambda i: 2 * i, sequences=T.arange(n))[0], {"n": np.array(3)})
    assert (got["squares"].tolist(), bool(got[SCANS])) == ([0, 2, 4], True)
    assert not run(exercise, lambda n: T.arange(n), {"n": np.array(3)})[SCANS]
    with pytest.raises(BadResult, match="scan's pair"):
        run(exercise, lambda n: theano.scan(lambda i: i, sequences=T.arange(n)), {"n": np.array(3)})


def test_updates_are_expressions_one_for_each_parameter_and_change_none_of_them():
    exercise, (given, _) = EXERCISES["updates"], cases("updates")
    with pytest.raises(BadResult, match="each of the 2 parameters; W_h has none"):
        run(exercise, lambda _cost, param, rate: [(W, W) for W in param[:-1]], given)
    got = run(exercise, lambda _cost, param, rate: [(W, W) for W in param], given)
    assert got[CHANGED].size == 0
    for name in ("W_x", "W_h"):
        assert np.array_equal(got[f"new {name}"] + 1, got[f"new {name} later"])
    got = run(exercise, lambda _cost, param, rate: [W.set_value(W.get_value() * 2) or (W, W) for W in param], given)
    assert got[CHANGED].tolist() == ["W_x", "W_h"]
