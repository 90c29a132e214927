"""FastRNN and FastLSTM: `RNN` and `LSTM` with the recurrent layer as one Op instead of a `scan`.

On the CPU they make many steps of gradient descent in one call of one more Op, `SGDSteps`: on a short sentence, calling
a Theano function takes longer than the arithmetic of the step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache

import numpy as np

from lxmls_rnn.deep_learning.batches import Batch
from lxmls_rnn.deep_learning.numpy_batches import flat
from lxmls_rnn.deep_learning.ops.cpu.lstm_layer import LSTMLayer
from lxmls_rnn.deep_learning.ops.cpu.rnn_layer import RNNLayer
from lxmls_rnn.deep_learning.ops.cpu.sgd_steps import SGDSteps
from lxmls_rnn.deep_learning.theano_lstm import LSTM
from lxmls_rnn.deep_learning.theano_rnn import RNN, Symbol, trusting
from lxmls_rnn.deep_learning.update_rule import UNCLIPPED, Descent, Step, Steps

import theano.tensor as T  # isort: skip

# Words times entries of the matrices. A call cannot be interrupted; this many take 50 ms at 1 Gflop/s.
MAX_WORK_PER_CALL = 8_000_000


class FusedSteps(RNN):
    """Base of `FastRNN` and `FastLSTM`: steps of gradient descent as one Op."""

    @property
    def layer(self) -> RNNLayer | LSTMLayer:
        """The Op of the recurrent layer."""
        return LSTMLayer(self.peepholes) if isinstance(self, LSTM) else RNNLayer(self.activation)

    @property
    def has_fused_steps(self) -> bool:
        """Whether the Op can train this model; it cannot train one on a GPU or a subclass with other formulas."""
        return type(self) in (FastRNN, FastLSTM) and isinstance(self.param.W_e.type, T.TensorType)

    def make_step(self, descent: Descent = UNCLIPPED, *, batched: bool = False) -> Step:
        """Return the step function that `NumpyRNN.make_step` describes."""
        if not self.has_fused_steps:
            return super().make_step(descent, batched=batched)
        function = self._compile_steps(descent)
        number = np.zeros(1, "int64")

        def step(x: np.ndarray, y: np.ndarray, weights: np.ndarray, rate: float) -> tuple[float, int, float]:
            arrays = [np.ascontiguousarray(flat(array)) for array in (x, y, weights)]
            costs, correct, norms = function(number, only_batch(x.shape), *arrays, rate=rate)
            return costs.item(), correct.item(), norms.item()

        return step

    def make_steps(self, batches: Sequence[Batch], descent: Descent = UNCLIPPED) -> Steps:
        """Return the function that `Model.make_steps` describes."""
        if not self.has_fused_steps:
            return super().make_steps(batches, descent)
        function = self._compile_steps(descent)
        sizes = np.array([batch.x.size for batch in batches])
        places = np.concatenate([only_batch(batch.x.shape) for batch in batches])
        places[1:, 0] = np.cumsum(sizes)[:-1]
        arrays = [np.concatenate([flat(getattr(batch, name)) for batch in batches]) for name in ("x", "y", "weights")]
        words_per_call = max(1, MAX_WORK_PER_CALL // sum(W.get_value(borrow=True).size for W in self.param[1:]))

        def steps(numbers: np.ndarray, rate: float) -> Iterator[tuple[list[float], list[int], list[float]]]:
            call = (np.cumsum(sizes[numbers]) - 1) // words_per_call
            for part in np.split(numbers, np.flatnonzero(np.diff(call)) + 1) if len(numbers) else []:
                costs, correct, norms = function(part, places, *arrays, rate=rate)
                yield costs.tolist(), correct.tolist(), norms.tolist()

        return steps

    def _compile_steps(self, descent: Descent) -> Callable[..., tuple[np.ndarray, ...]]:
        """Compile a function that takes the first five inputs of `SGDSteps` and the learning rate."""
        inputs = [T.lvector(), T.lmatrix(), T.ivector(), T.ivector(), *(T.vector(dtype=self.dtype) for _ in range(2))]
        costs, correct, norms, *changed = SGDSteps(self.layer)(*inputs, *self.param)
        updates = list(zip(self.param, changed, strict=True))
        function = trusting(inputs, [costs, correct, norms], updates=updates, accept_inplace=True)
        # an input, because with constants each value would be compiled again
        rule = np.array([0, np.nan if descent.clip is None else descent.clip, descent.freeze_embeddings], self.dtype)

        def compute(*arrays: np.ndarray, rate: float) -> tuple[np.ndarray, ...]:
            rule[0] = rate
            results: tuple[np.ndarray, ...] = function(*arrays, rule)
            return results

        return compute


class FastRNN(FusedSteps):
    """Faster `RNN` with the same parameters, results and interface."""

    def _layer(self, _a: Symbol, _first: list[Symbol], names: tuple[str, ...]) -> dict[str, Symbol]:
        """Return the hidden states after each step, (L, n_hidd) or (L, B, n_hidd), from all W_x z_t."""
        return {"h": self.layer(_a, self.param.W_h, *_first)}


class FastLSTM(FusedSteps, LSTM):
    """Faster `LSTM` with the same parameters, results and interface."""

    def _layer(self, _a: Symbol, _first: list[Symbol], names: tuple[str, ...]) -> dict[str, Symbol]:
        """Return the layer's quantities, (L, n_hidd) or (L, B, n_hidd) each, from all W_x z_t."""
        _h, _c, _gates = self.layer(_a, *self.param[2:-1], *_first)
        H = self.sizes.n_hidd
        return {"h": _h, "c": _c, **{name: _gates[..., n * H : (n + 1) * H] for n, name in enumerate("ifgo")}}


@cache
def only_batch(shape: tuple[int, ...]) -> np.ndarray:
    """Return the input `batches` of `SGDSteps` for one batch of this shape, ([B,] L)."""
    return np.array([[0, shape[-1], shape[0] if len(shape) == 2 else 1]])
