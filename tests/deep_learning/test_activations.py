"""The logistic function, with and without SciPy, and the largest slope of each activation."""

import re
import sys
from fractions import Fraction

import numpy as np
import pytest

from lxmls_rnn.deep_learning.activations import ACTIVATIONS, logistic_function


@pytest.fixture(params=["with SciPy", "without SciPy"])
def logistic(request, monkeypatch):
    if request.param == "without SciPy":
        monkeypatch.setitem(sys.modules, "scipy.special", None)
    logistic_function.cache_clear()
    yield logistic_function()
    logistic_function.cache_clear()


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-15), ("float32", 1e-7)])
def test_it_is_the_formula_in_the_type_of_its_argument(logistic, dtype, tolerance):
    a = np.linspace(-20, 20, 41, dtype=dtype).reshape(1, 41)
    values = logistic(a)
    assert (values.dtype, values.shape) == (dtype, (1, 41))
    assert np.allclose(values, 1 / (1 + np.exp(-a.astype("float64"))), rtol=0, atol=tolerance)


def test_it_saturates_without_overflow(logistic):
    with np.errstate(all="raise", under="ignore"):
        assert logistic(np.array([-1e4, 0.0, 1e4])).tolist() == [0.0, 0.5, 1.0]


@pytest.mark.parametrize("row", ACTIVATIONS.values(), ids=ACTIVATIONS)
def test_the_largest_slope_in_words_begins_with_its_number(row):
    slopes = row.slope(row.f(np.linspace(-5, 5, 101)))
    assert slopes.max() == Fraction(re.match(r"[\d/]+", row.steepest)[0])
