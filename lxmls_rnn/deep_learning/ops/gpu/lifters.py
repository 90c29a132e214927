"""Optimisers that replace CPU Ops by GPU Ops if their inputs are on a CUDA or OpenCL GPU.

Only float32 Ops move to the GPU; float64 Ops stay on the CPU.
"""

from __future__ import annotations

from typing import Any

from lxmls_rnn.deep_learning.ops.cpu.lstm_layer import LSTMLayer, LSTMLayerGrad
from lxmls_rnn.deep_learning.ops.cpu.rnn_layer import RNNLayer, RNNLayerGrad
from lxmls_rnn.deep_learning.ops.cpu.softmax_cost import SoftmaxCost
from lxmls_rnn.deep_learning.ops.gpu.lstm_layer import GpuLSTMLayer, GpuLSTMLayerGrad
from lxmls_rnn.deep_learning.ops.gpu.rnn_layer import GpuRNNLayer, GpuRNNLayerGrad
from lxmls_rnn.deep_learning.ops.gpu.rows import GpuAddRows, GpuRowIndex, GpuTakeRows
from lxmls_rnn.deep_learning.ops.gpu.softmax_cost import GpuSoftmaxCost

from theano.gof.opt import local_optimizer  # isort: skip
from theano.gpuarray.opt import op_lifter, register_inplace, register_opt, register_opt2  # isort: skip
from theano.tensor import TensorType  # isort: skip
from theano.tensor.subtensor import AdvancedIncSubtensor1, AdvancedSubtensor1  # isort: skip

GPU_LAYERS = {
    RNNLayer: GpuRNNLayer,
    RNNLayerGrad: GpuRNNLayerGrad,
    LSTMLayer: GpuLSTMLayer,
    LSTMLayerGrad: GpuLSTMLayerGrad,
}


@register_opt("fast_compile")
@op_lifter(list(GPU_LAYERS))
@register_opt2(list(GPU_LAYERS), "fast_compile")
def lift_recurrent_layer(op: Any, context_name: Any, inputs: list[Any], outputs: list[Any]) -> Any:
    """Return the layer's Op for the GPU."""
    return GPU_LAYERS[type(op)](op) if inputs[0].dtype == "float32" else False


@register_opt("fast_compile")
@op_lifter([SoftmaxCost])
@register_opt2([SoftmaxCost], "fast_compile")
def lift_softmax_cost(op: Any, context_name: Any, inputs: list[Any], outputs: list[Any]) -> Any:
    """Return the cost's Op for the GPU."""
    return GpuSoftmaxCost() if inputs[0].dtype == "float32" else False


# Ops instead of classes: Theano tries optimisers of an Op before those of its class, which are its own
@register_opt2([AdvancedSubtensor1(), AdvancedIncSubtensor1()], "fast_compile")
def lift_rows(op: Any, context_name: Any, inputs: list[Any], outputs: list[Any]) -> Any:
    """Return rows of a matrix, or the matrix with rows added to them; their numbers must be on the host (`on_host`)."""
    *matrices, numbers = inputs
    if not isinstance(numbers.type, TensorType) or any(
        (v.dtype, v.broadcastable) != ("float32", (False, False)) for v in [*matrices, *outputs]
    ):
        return False
    index = GpuRowIndex()(matrices[0], numbers)
    return (GpuTakeRows if isinstance(op, AdvancedSubtensor1) else GpuAddRows)()(*matrices, index)


@register_inplace()
@local_optimizer([GpuAddRows])
def add_rows_inplace(node: Any) -> Any:
    """Return the Op that overwrites its matrix."""
    return [GpuAddRows(inplace=True)(*node.inputs)] if node.op == GpuAddRows() else False
