"""Optimisers that replace CPU Ops by GPU Ops if their inputs are on a GPU.

Only float32 Ops move to the GPU; float64 Ops stay on the CPU. A function then has one copy to the GPU for all arrays
of the host, and one copy back for a cost and its number of correct words.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from lxmls_rnn.deep_learning.ops.cpu.lstm_layer import LSTMLayer, LSTMLayerGrad
from lxmls_rnn.deep_learning.ops.cpu.rnn_layer import RNNLayer, RNNLayerGrad
from lxmls_rnn.deep_learning.ops.cpu.softmax_cost import SoftmaxCost
from lxmls_rnn.deep_learning.ops.gpu.descent import GpuDescend
from lxmls_rnn.deep_learning.ops.gpu.lstm_layer import GpuLSTMLayer, GpuLSTMLayerGrad
from lxmls_rnn.deep_learning.ops.gpu.rnn_layer import GpuRNNLayer, GpuRNNLayerGrad
from lxmls_rnn.deep_learning.ops.gpu.rows import GpuAddRows, GpuTakeRows, upload_index
from lxmls_rnn.deep_learning.ops.gpu.softmax_cost import GpuSoftmaxCost
from lxmls_rnn.deep_learning.ops.gpu.transfers import GpuFetch, GpuUpload

from theano.compile.mode import optdb  # isort: skip
from theano.gof.graph import ancestors  # isort: skip
from theano.gof.opt import Optimizer, local_optimizer  # isort: skip
from theano.gof.toolbox import ReplaceValidate  # isort: skip
from theano.gpuarray.basic_ops import GpuFromHost, HostFromGpu  # isort: skip
from theano.gpuarray.opt import op_lifter, register_inplace, register_opt, register_opt2  # isort: skip
from theano.gpuarray.type import GpuArrayType  # isort: skip
from theano.tensor import TensorType  # isort: skip
from theano.tensor.subtensor import AdvancedIncSubtensor1, AdvancedSubtensor1  # isort: skip

GPU_LAYERS = {
    RNNLayer: GpuRNNLayer,
    RNNLayerGrad: GpuRNNLayerGrad,
    LSTMLayer: GpuLSTMLayer,
    LSTMLayerGrad: GpuLSTMLayerGrad,
}


def lift_recurrent_layer(op: Any, context_name: Any, inputs: list[Any], outputs: list[Any]) -> Any:
    """Return the GPU's Op in place of a recurrent layer; False if it stays on the CPU."""
    return GPU_LAYERS[type(op)](op) if inputs[0].dtype == "float32" else False


def lift_softmax_cost(op: Any, context_name: Any, inputs: list[Any], outputs: list[Any]) -> Any:
    """Return the GPU's Op in place of `SoftmaxCost`; False if it stays on the CPU."""
    return GpuSoftmaxCost()(*inputs)[:3] if inputs[0].dtype == "float32" else False


def lift_rows(op: Any, context_name: Any, inputs: list[Any], outputs: list[Any]) -> Any:
    """Return the GPU's Op in place of one that takes rows of a matrix or adds to them; False if it stays on the CPU.

    It stays there if the row numbers are on the GPU or an array is not a float32 matrix.
    """
    *matrices, numbers = inputs
    if not isinstance(numbers.type, TensorType) or any(
        (v.dtype, v.broadcastable) != ("float32", (False, False)) for v in [*matrices, *outputs]
    ):
        return False
    index = upload_index(matrices[0], numbers)
    return (GpuTakeRows if isinstance(op, AdvancedSubtensor1) else GpuAddRows)()(*matrices, index)


@local_optimizer([GpuAddRows, GpuDescend])
def add_inplace(node: Any) -> Any:
    """Return an Op that overwrites its matrices in place of one that copies them; False if it already does."""
    if not isinstance(node.op, GpuAddRows | GpuDescend) or node.op.inplace:
        return False
    if isinstance(node.op, GpuAddRows):
        return [GpuAddRows(inplace=True, subtract=node.op.subtract)(*node.inputs)]
    return GpuDescend(True, len(node.outputs))(*node.inputs, return_list=True)


TRANSFERS = (GpuUpload, GpuFromHost, HostFromGpu)


class _Whole(Optimizer):
    def add_requirements(self, fgraph: Any) -> None:
        fgraph.attach_feature(ReplaceValidate())


class UploadTogether(_Whole):
    """Replace all uploads of arrays that do not depend on GPU results by one, in a function that has a `GpuUpload`.

    Arrays that stay on the GPU as outputs are left out, because they would keep the whole upload in its memory.
    """

    def apply(self, fgraph: Any) -> None:
        uploads = [
            node
            for node in fgraph.toposort()
            if isinstance(node.op, GpuUpload)
            or (isinstance(node.op, GpuFromHost) and node.inputs[0].dtype == "float32")
            if not any(v.owner and isinstance(v.owner.op, TRANSFERS) for v in ancestors(node.inputs))
            if not any(client == "output" for client, _ in node.outputs[0].clients)
        ]
        if not any(isinstance(node.op, GpuUpload) for node in uploads):
            return
        if len(uploads) > 1 and len({node.op.context_name for node in uploads}) == 1:
            together = GpuUpload(uploads[0].op.context_name)(*(node.inputs[0] for node in uploads), return_list=True)
            pairs = zip((node.outputs[0] for node in uploads), together, strict=True)
            fgraph.replace_all_validate(list(pairs), reason="UploadTogether")


class FetchTogether(_Whole):
    """Replace the two copies of a cost and its number of correct words by one, after all other work."""

    def apply(self, fgraph: Any) -> None:
        for node in fgraph.toposort():
            if not isinstance(node.op, GpuSoftmaxCost):
                continue
            cost, _, correct, result = node.outputs
            clients = [[client for client, _ in output.clients] for output in (cost, correct)]
            if not all(len(of) == 1 and of[0] != "output" and isinstance(of[0].op, HostFromGpu) for of in clients):
                continue
            copies = [client.outputs[0] for (client,) in clients]
            earlier = [output for output in fgraph.outputs if isinstance(output.type, GpuArrayType)]
            if not set(copies) & set(ancestors(earlier)):
                fetched = GpuFetch()(result, *earlier)
                fgraph.replace_all_validate(list(zip(copies, fetched, strict=True)), reason="FetchTogether")


@cache
def register() -> None:
    """Register the optimisers with Theano, once in a process."""
    for kinds, lift in ((list(GPU_LAYERS), lift_recurrent_layer), ([SoftmaxCost], lift_softmax_cost)):
        register_opt2(kinds, "fast_compile")(lift)
        register_opt("fast_compile")(op_lifter(kinds)(lift))
    # Ops instead of classes: Theano tries optimisers of an Op before those of its class, which are its own
    register_opt2([AdvancedSubtensor1(), AdvancedIncSubtensor1()], "fast_compile")(lift_rows)
    register_inplace()(add_inplace)
    # when all Ops are on the GPU, before they overwrite their inputs
    optdb.register("upload_together", UploadTogether(), 49, "fast_run", "gpuarray")
    optdb.register("fetch_together", FetchTogether(), 49, "fast_run", "gpuarray")
