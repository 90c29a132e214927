"""Answers in Theano that become named arrays."""

import numpy as np
import pytest
import theano
import theano.tensor as T

from lab.exercises.exercise import EXERCISES
from lab.exercises.run import SCANS, BadResult, run


def test_a_theano_expression_and_its_scan():
    exercise = EXERCISES["squares"]
    got = run(exercise, lambda n: theano.scan(lambda i: 2 * i, sequences=T.arange(n))[0], {"n": np.array(3)})
    assert (got["squares"].tolist(), bool(got[SCANS])) == ([0, 2, 4], True)
    assert not run(exercise, lambda n: T.arange(n), {"n": np.array(3)})[SCANS]
    with pytest.raises(BadResult, match="scan's pair"):
        run(exercise, lambda n: theano.scan(lambda i: i, sequences=T.arange(n)), {"n": np.array(3)})
