"""Tests of the known mistakes: one test for each, and whether it changes a result."""

import numpy as np
import pytest


def each(mistakes):
    """Run a test once for each mistake of a table."""
    return pytest.mark.parametrize("mistake", [pytest.param(m, id=text) for text, m in mistakes])


def differs(got, right):
    """Whether a quantity of `right` has other numbers in `got`."""
    return any(not np.allclose(got[name], value, rtol=1e-6) for name, value in right.items())
