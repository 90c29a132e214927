"""Update of all parameters on the GPU; the kernel is in descent.cluda."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lxmls_rnn.deep_learning.ops.gpu.kernel_source import descent_source
from lxmls_rnn.deep_learning.ops.gpu.layer_op import contiguous, launch_for_each
from lxmls_rnn.deep_learning.ops.gpu.rows import GpuAddRows, from_start, steps, upload_index

import theano  # isort: skip
from theano.gpuarray.basic_ops import as_gpuarray_variable, infer_context_name  # isort: skip


def descend(
    rate: Any, matrices: Sequence[Any], gradients: Sequence[Any], embeddings: tuple[Any, Any, Any] | None
) -> list[tuple[Any, Any]]:
    """Return the updates, for `theano.function`, that subtract the rate times the gradient from float32 parameters.

    `embeddings` are W_e, the ids of words, and the gradients of their embeddings, one row each; None if W_e is frozen.
    """
    updates = list(zip(matrices, GpuDescend()(rate, *gradients, *matrices, return_list=True), strict=True))
    if embeddings is not None:
        W_e, ids, rows = embeddings
        matrix = as_gpuarray_variable(W_e.T, infer_context_name(W_e))
        updates.append((W_e, GpuAddRows(subtract=True)(matrix, rows, upload_index(matrix, ids), rate).T))
    return updates


class GpuDescend(theano.Op):
    """``W - rate * g`` for several gradients g and matrices W, float32, in 1 launch if `inplace`."""

    __props__ = ("inplace", "count")

    def __init__(self, inplace: bool = False, count: int = 0) -> None:
        self.inplace, self.count = inplace, count
        if inplace:
            self.destroy_map = {i: [1 + count + i] for i in range(count)}

    def make_node(self, rate: Any, *matrices: Any) -> theano.Apply:
        """Return the node for a rate, as many gradients as matrices, and the matrices."""
        context = infer_context_name(rate, *matrices)
        inputs = [as_gpuarray_variable(value, context) for value in (rate, *matrices)]
        return theano.Apply(self, inputs, [W.type() for W in inputs[1 + len(matrices) // 2 :]])

    def infer_shape(self, node: theano.Apply, shapes: list[Any]) -> list[Any]:
        return shapes[1 + len(node.outputs) :]

    def perform(self, node: theano.Apply, inputs: list[Any], outputs: list[Any]) -> None:
        """Subtract; ValueError if the shapes do not fit."""
        rate, *others = inputs
        arguments, count = [], len(outputs)
        for g, W, output in zip(others[:count], others[count:], outputs, strict=True):
            if g.shape != W.shape:
                raise ValueError(f"{self}: a matrix {W.shape} and its gradient {g.shape} have different shapes")
            output[0] = W = contiguous(W) if self.inplace else W.copy()
            g = from_start(g)
            arguments += [W.size, max(W.shape[1], 1), *steps(g), g, W]
        largest = max(arguments[::6])
        launch_for_each(largest, descent_source(count), "descend", rate.offset // 4, rate, *arguments)
