"""The activations f of the recurrent layer, h_t = f(a_t): one row for each, read by every framework, export and panel.

CONTRIBUTING.md lists the steps to add one. f must not decrease, so that its slope f'(a) is a function of its value
h = f(a); back-propagation keeps only h.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np

Function = Callable[[np.ndarray], np.ndarray]


class Activation(NamedTuple):
    """An activation f in all languages of the project; `a` is its argument, `h` its value."""

    load: Callable[[], Function]  # returns f in NumPy; a function, because SciPy is imported only when it is needed
    slope: Function  # f'(a), in NumPy, from h
    # f(a) in C and CLUDA; elementary.hpp and layer.cluda define `logistic`, `hyperbolic`. Numbers are whole, a * 3 / 2
    # instead of 1.5 * a: a literal with a point is a double, and tests of the float32 kernels then fail with an error
    # such as "unknown instruction: abs.f64".
    c: str
    c_slope: str  # f'(a) in C and CLUDA, from h, with whole numbers too
    javascript: str  # a function
    formula: str  # f(a) in HTML
    bounds: tuple[float, float | None]  # of h; None if it is unbounded
    steepest: str  # the largest slope, in words
    in_nn_rnn: bool = False  # whether PyTorch's nn.RNN has it, under the same name
    is_smooth: bool = True  # False: f has one formula for a > 0 and another for a < 0

    @property
    def f(self) -> Function:
        """The activation in NumPy."""
        return self.load()

    @property
    def largest(self) -> float | None:
        """The largest possible absolute value of h, None if there is none."""
        low, high = self.bounds
        return None if high is None else max(abs(low), abs(high))


@cache
def logistic_function() -> Function:
    """Return 1 / (1 + exp(-a)) as a function. SciPy is imported here only, because it doubles the start-up time."""
    try:
        from scipy.special import expit
    except ImportError:  # the Python of the benchmark's PyTorch may lack SciPy
        return lambda a: 0.5 + 0.5 * np.tanh(0.5 * a)  # this form cannot overflow
    return expit


# the first is the default of an RNN
ACTIVATIONS = {
    "logistic": Activation(
        load=logistic_function,
        slope=lambda h: h * (1 - h),
        c="logistic(a)",
        c_slope="h * (1 - h)",
        javascript="a => 1 / (1 + Math.exp(-a))",
        formula="1 / (1 + e<sup>−a</sup>)",
        bounds=(0, 1),
        steepest="1/4: the error shrinks at every word",
    ),
    "tanh": Activation(
        load=lambda: np.tanh,
        slope=lambda h: 1 - h * h,
        c="hyperbolic(a)",
        c_slope="1 - h * h",
        javascript="Math.tanh",
        formula="tanh(a)",
        bounds=(-1, 1),
        steepest="1",
        in_nn_rnn=True,
    ),
    "relu": Activation(
        load=lambda: lambda a: np.maximum(a, 0),
        slope=lambda h: (h > 0).astype(h.dtype),
        c="a > 0 ? a : 0",
        c_slope="h > 0",
        javascript="a => Math.max(a, 0)",
        formula="max(0, a)",
        bounds=(0, None),
        steepest="1, and 0 for a unit that is off",
        in_nn_rnn=True,
        is_smooth=False,
    ),
    "softsign": Activation(
        load=lambda: lambda a: a / (1 + np.abs(a)),
        slope=lambda h: (1 - np.abs(h)) ** 2,
        c="a / (1 + (a < 0 ? -a : a))",
        c_slope="(1 - (h < 0 ? -h : h)) * (1 - (h < 0 ? -h : h))",
        javascript="a => a / (1 + Math.abs(a))",
        formula="a / (1 + |a|)",
        bounds=(-1, 1),
        steepest="1, and less the farther the state is from 0",
        is_smooth=False,  # its slope has a kink at 0
    ),
}
OF_RNN = tuple(ACTIVATIONS)
OF_LSTM = ("tanh",)
OF_NN_RNN = tuple(name for name, row in ACTIVATIONS.items() if row.in_nn_rnn)
OF_FAST_TORCH = ("logistic", *OF_NN_RNN)  # FastTorchRNN computes the logistic function with tanh
