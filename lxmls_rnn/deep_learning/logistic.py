"""The logistic function, SciPy's where there is SciPy: the benchmark's PyTorch may live in a Python without it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np


@cache
def logistic_function() -> Callable[[Any], Any]:
    """Return 1 / (1 + exp(-a)) as a function; SciPy's is imported here, as that doubles the time of a start."""
    try:
        from scipy.special import expit
    except ImportError:
        return lambda a: 0.5 + 0.5 * np.tanh(0.5 * a)  # in this form nothing overflows
    return expit
