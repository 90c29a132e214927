"""Gradient descent for FastRNN and FastLSTM on the CPU: many steps in one call of one Op, `SGDSteps`.

On a short sentence, calling a Theano function takes longer than the arithmetic of the step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import TypeGuard

import numpy as np

from lxmls_rnn import theano_env  # noqa: F401  refuses a stock Theano, so it comes first
from lxmls_rnn.deep_learning.batches import Batch
from lxmls_rnn.deep_learning.numpy_batches import flat
from lxmls_rnn.deep_learning.ops.cpu.sgd_steps import SGDSteps
from lxmls_rnn.deep_learning.parameters import Model
from lxmls_rnn.deep_learning.theano_fast import FastLSTM, FastRNN
from lxmls_rnn.deep_learning.theano_rnn import trusting
from lxmls_rnn.deep_learning.update import Descent, Step, Steps

import theano.tensor as T  # isort: skip

# Words times entries of the matrices. A call cannot be interrupted; this many take 50 ms at 1 Gflop/s.
MAX_WORK_PER_CALL = 8_000_000


def covers(model: Model) -> TypeGuard[FastRNN | FastLSTM]:
    """Whether the Op can train this model; it cannot train a model on a GPU or a subclass with other formulas."""
    return type(model) in (FastRNN, FastLSTM) and isinstance(model.param.W_e.type, T.TensorType)


def compile_steps(model: FastRNN | FastLSTM, descent: Descent) -> Callable[..., tuple[np.ndarray, ...]]:
    """Compile a function that takes the first five inputs of `SGDSteps` and the learning rate."""
    inputs = [T.lvector(), T.lmatrix(), T.ivector(), T.ivector(), *(T.vector(dtype=model.dtype) for _ in range(2))]
    costs, correct, norms, *changed = SGDSteps(model.layer)(*inputs, *model.param)
    updates = list(zip(model.param, changed, strict=True))
    function = trusting(inputs, [costs, correct, norms], updates=updates, accept_inplace=True)
    # an input, because with constants each value would be compiled again
    rule = np.array([0, np.nan if descent.clip is None else descent.clip, descent.freeze_embeddings], model.dtype)

    def compute(*arrays: np.ndarray, rate: float) -> tuple[np.ndarray, ...]:
        rule[0] = rate
        found: tuple[np.ndarray, ...] = function(*arrays, rule)
        return found

    return compute


def fused_step(model: FastRNN | FastLSTM, descent: Descent) -> Step:
    """Return the step function that `sgd.make_step` describes."""
    function = compile_steps(model, descent)
    number = np.zeros(1, "int64")

    def step(x: np.ndarray, y: np.ndarray, weights: np.ndarray, rate: float) -> tuple[float, int, float]:
        arrays = [np.ascontiguousarray(flat(array)) for array in (x, y, weights)]
        costs, correct, norms = function(number, only_batch(x.shape), *arrays, rate=rate)
        return costs.item(), correct.item(), norms.item()

    return step


@cache
def only_batch(shape: tuple[int, ...]) -> np.ndarray:
    """Return the input `batches` of `SGDSteps` for one batch of this shape, ([B,] L)."""
    return np.array([[0, shape[-1], shape[0] if len(shape) == 2 else 1]])


def fused_steps(model: FastRNN | FastLSTM, batches: Sequence[Batch], descent: Descent) -> Steps:
    """Return the function that `sgd.make_steps` describes."""
    function = compile_steps(model, descent)
    sizes = np.array([batch.x.size for batch in batches])
    places = np.concatenate([only_batch(batch.x.shape) for batch in batches])
    places[1:, 0] = np.cumsum(sizes)[:-1]
    arrays = [np.concatenate([flat(getattr(batch, name)) for batch in batches]) for name in ("x", "y", "weights")]
    words_per_call = max(1, MAX_WORK_PER_CALL // sum(W.get_value(borrow=True).size for W in model.param[1:]))

    def steps(numbers: np.ndarray, rate: float) -> Iterator[tuple[list[float], list[int], list[float]]]:
        call = (np.cumsum(sizes[numbers]) - 1) // words_per_call
        for part in np.split(numbers, np.flatnonzero(np.diff(call)) + 1) if len(numbers) else []:
            costs, correct, norms = function(part, places, *arrays, rate=rate)
            yield costs.tolist(), correct.tolist(), norms.tolist()

    return steps
