"""The rule of update, and what the steps of all frameworks share; each model makes its own steps (`make_step`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

# step(x, y, weights, rate) -> cost, number of correct words before the update, norm of the gradient
Step = Callable[[np.ndarray, np.ndarray, np.ndarray, float], tuple[float, int, float]]
# steps(numbers, rate) -> for each call, the costs, numbers of correct words and norms of its batches
Steps = Callable[[np.ndarray, float], Iterator[tuple[list[float], list[int], list[float]]]]


class Descent(NamedTuple):
    """Gradient descent, as NumPy and PyTorch compute it; `theano_rnn.py` and `sgd_steps.cpp` have the same formulas.

    Attributes
    ----------
    clip
        Maximum Euclidean norm of the whole gradient; a longer gradient is scaled down to it (Pascanu, Mikolov & Bengio
        2013). Infinity computes the norm without scaling, None does not compute it.
    freeze_embeddings
        Do not train W_e.
    """

    clip: float | None = None
    freeze_embeddings: bool = False

    def clipped(self, rate: float, norm: float, dtype: str) -> float:
        """Return the rate that, with a gradient of this norm, makes the step of the clipped gradient."""
        return rate if self.clip is None else rate * min(1.0, self.clip / max(norm, float(np.finfo(dtype).tiny)))


UNCLIPPED = Descent()


def count_correct(predicted: np.ndarray, y: np.ndarray, weights: np.ndarray) -> int:
    """Return the number of words, ([B,] L), padding left out, whose predicted tag is the gold tag."""
    return int(np.count_nonzero((predicted == y) & (weights > 0)))


def norm(gradients: list[np.ndarray]) -> float:
    """Return the Euclidean norm of all gradients as one vector."""
    return float(np.sqrt(sum(np.vdot(g, g) for g in gradients)))
