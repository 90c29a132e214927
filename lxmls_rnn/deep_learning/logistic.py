"""The logistic function: SciPy's if it is installed; the Python of the benchmark's PyTorch may lack SciPy."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np


@cache
def logistic_function() -> Callable[[np.ndarray], np.ndarray]:
    """Return 1 / (1 + exp(-a)) as a function. SciPy is imported here only, because it doubles the start-up time."""
    try:
        from scipy.special import expit
    except ImportError:
        return lambda a: 0.5 + 0.5 * np.tanh(0.5 * a)  # this form cannot overflow
    return expit
