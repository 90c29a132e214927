"""The logistic function, SciPy's where there is SciPy: the benchmark's PyTorch may live in a Python without it."""

from __future__ import annotations

import numpy as np

try:
    from scipy.special import expit
except ImportError:

    def expit(a: np.ndarray) -> np.ndarray:
        """Return 1 / (1 + exp(-a)); in this form nothing overflows."""
        return 0.5 + 0.5 * np.tanh(0.5 * a)
