"""`SoftmaxCost` on the GPU; the formulas are in softmax_cost.cluda."""

from __future__ import annotations

from typing import Any

from lxmls_rnn.deep_learning.ops.gpu.kernel_source import BLOCK_THREADS, softmax_cost_source
from lxmls_rnn.deep_learning.ops.gpu.layer_op import contiguous, launch, launch_for_each
from lxmls_rnn.deep_learning.ops.gpu.transfers import GpuUpload

import pygpu  # isort: skip
import theano  # isort: skip
import theano.tensor as T  # isort: skip
from theano.gpuarray.basic_ops import as_gpuarray_variable, infer_context_name  # isort: skip
from theano.gpuarray.type import GpuArrayType  # isort: skip


class GpuSoftmaxCost(theano.Op):
    """`SoftmaxCost` on the GPU, float32; 1 launch up to twice as many words as a block has threads, 2 for more.

    Gold tags and weights are on the host, or uploaded by `GpuUpload`. The fourth output is both the cost and the number
    of correct words, for `GpuFetch`.

    The cost is NaN if a gold tag is outside the K tags; an exception would have to wait for the device.
    """

    __props__ = ("block",)
    block = BLOCK_THREADS

    def make_node(self, y: Any, gold: Any, weights: Any) -> theano.Apply:
        """Check the inputs; TypeError if their dimensions or types are wrong."""
        context = infer_context_name(y, gold, weights)
        inputs = [as_gpuarray_variable(y, context), *map(T.as_tensor_variable, (gold, weights))]
        for name, variable, wanted in zip(
            ("y", "gold", "weights"), inputs, (("float32", 2), ("int32", 1), ("float32", 1)), strict=True
        ):
            if (variable.dtype, variable.ndim) != wanted:
                raise TypeError(f"{self}: {name} must be {wanted[0]} of {wanted[1]} dimensions, got {variable.type}")
        inputs[1:] = (GpuUpload(context)(variable) for variable in inputs[1:])
        outputs = [("float32", ()), ("float32", (False, False)), ("int64", ()), ("int64", (False,))]
        return theano.Apply(self, inputs, [GpuArrayType(*output, context_name=context)() for output in outputs])

    def infer_shape(self, node: theano.Apply, shapes: list[Any]) -> list[Any]:
        return [(), shapes[0], (), (T.constant(2),)]

    def perform(self, node: theano.Apply, inputs: list[Any], outputs: list[Any]) -> None:
        """Compute; ValueError if the shapes do not fit."""
        y, gold, weights = contiguous(inputs[0]), *(contiguous(v, anywhere=True) for v in inputs[1:])
        N, K = y.shape
        if gold.shape != (N,) or weights.shape != (N,) or K == 0:
            raise ValueError(f"{self}: for {N} words of {K} tags got {len(gold)} gold tags and {len(weights)} weights")
        source, context = softmax_cost_source(), y.context
        e_y, costs, cost = (pygpu.empty(shape, "float32", context=context) for shape in ((N, K), (N,), ()))
        right = pygpu.empty((N,), "int32", context=context)
        correct, result = (pygpu.empty(shape, "int64", context=context) for shape in ((), (2,)))
        words = N, K, gold.offset // 4, weights.offset // 4, y, gold, weights, e_y, costs, right
        many = N > 2 * BLOCK_THREADS
        if many:
            launch_for_each(N, source, "softmax_cost_of_words", *words)
        launch(source, "softmax_cost_sum", 1, BLOCK_THREADS, int(many), *words, cost, correct, result)
        for output, value in zip(outputs, (cost, e_y, correct, result), strict=True):
            output[0] = value
