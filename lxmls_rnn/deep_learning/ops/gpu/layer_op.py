"""Base class of the GPU Ops: kernel launches, checks, matrix products."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from lxmls_rnn.deep_learning.ops.cpu.layer_op import LayerOp
from lxmls_rnn.deep_learning.ops.gpu.kernel_source import BLOCK_THREADS, layer_source

import pygpu  # isort: skip
import theano  # isort: skip
from pygpu import blas  # isort: skip
from pygpu.gpuarray import GpuArray, GpuKernel  # isort: skip
from theano.gpuarray.basic_ops import as_gpuarray_variable, infer_context_name  # isort: skip
from theano.gpuarray.type import GpuArrayType  # isort: skip


@cache
def _kernel(context: Any, source: str, name: str, types: tuple[Any, ...]) -> Any:
    return GpuKernel(source, name, types, context=context)


def launch(source: str, name: str, blocks: int, threads: int, *arguments: Any, local: int = 0) -> None:
    """Launch a kernel with `local` floats of local memory; with 0 blocks do nothing.

    `arguments` are integers (ga_int) and at least one array; the kernel gets the address at which its memory begins.
    ValueError if an integer does not fit.
    """
    if blocks == 0:
        return
    types = tuple([GpuArray if isinstance(argument, GpuArray) else "int32" for argument in arguments])
    largest = max([argument for argument, kind in zip(arguments, types, strict=True) if kind == "int32"], default=0)
    if largest >= 2**31:
        raise ValueError(f"{name} on the GPU counts up to 2**31 - 1, got {largest}")
    context = arguments[types.index(GpuArray)].context
    _kernel(context, source, name, types)(*arguments, gs=blocks, ls=threads, shared=4 * local)


def launch_for_each(n: int, source: str, name: str, *arguments: Any) -> None:
    """Launch a kernel with at least `n` threads, one for each item."""
    launch(source, name, -(-n // BLOCK_THREADS), BLOCK_THREADS, *arguments)


def block(H: int) -> int:
    """Return the number of threads per block for H hidden units: a multiple of 32, the size of a warp."""
    return min(BLOCK_THREADS, -(-H // 32) * 32)


def contiguous(array: Any, anywhere: bool = False) -> Any:
    """Return the array in C order, at the start of its memory or `anywhere` in it; copy it only if necessary."""
    if array.flags.c_contiguous and (anywhere or array.offset == 0):
        return array
    return array.copy()


def set_product(A: Any, B: Any, C: Any, beta: float = 0.0, **transposed: bool) -> None:
    """Compute C = A B + beta C in place; `trans_a` and `trans_b` transpose A and B."""
    if 0 not in C.shape:  # some BLAS libraries reject empty matrices
        blas.gemm(1.0, A, B, beta, C, overwrite_c=True, **transposed)


def outer(e: Any, before: Any) -> Any:
    """Return sum_t e_t s_{t-1}^T from e (T, B, m) and s_0 .. s_{T-1}, which is `before` (T, B, n)."""
    T, B, m = e.shape
    n = before.shape[2]
    if T * B == 0:
        return pygpu.zeros((m, n), "float32", context=e.context)
    product = pygpu.empty((m, n), "float32", context=e.context)
    set_product(e.reshape((T * B, m)), before.reshape((T * B, n)), product, trans_a=True)
    return product


class GpuLayerOp(theano.Op):
    """A recurrent layer, or its gradient, on the GPU, with the inputs and outputs of the CPU's Op, `cpu`.

    `fused_up_to` is the largest H with the plan "fused". For larger H, and on devices with too little local memory, the
    plan is "stepwise"; see `deep_learning.gpu_plans`.
    """

    __props__ = ("cpu", "fused_up_to")
    fused_up_to: int  # of the class: the default; of an Op: the value when it was built

    def __init__(self, cpu: LayerOp) -> None:
        self.cpu, self.fused_up_to = cpu, self.fused_up_to

    def __str__(self) -> str:
        return f"{type(self).__name__}{{{self.cpu}, fused_up_to={self.fused_up_to}}}"

    def make_node(self, *inputs: Any) -> theano.Apply:
        """Check the inputs; TypeError if their number, dimensions or types (all float32) are wrong."""
        names = self.cpu.inputs
        if len(inputs) != len(names):
            raise TypeError(f"{self} takes {', '.join(names)}; got {len(inputs)} inputs")
        context = infer_context_name(*inputs)
        variables = [as_gpuarray_variable(value, context) for value in inputs]
        batch = variables[0].ndim == 3
        for (name, shape), variable in zip(names.items(), variables, strict=True):
            ndim = len(self.cpu.shape(shape, batch))
            if variable.ndim != ndim:
                raise TypeError(f"{self}: {name} must have {ndim} dimensions, got {variable.type}")
            if variable.dtype != "float32":
                raise TypeError(f"{self}: on the GPU inputs must be float32, got {name} of {variable.dtype}")
        shapes = [self.cpu.shape(shape, batch) for shape in self.cpu.outputs.values()]
        types = [GpuArrayType("float32", (False,) * len(shape), context_name=context) for shape in shapes]
        return theano.Apply(self, variables, [output() for output in types])

    def infer_shape(self, node: theano.Apply, shapes: list[Any]) -> list[Any]:
        return self.cpu.infer_shape(node, shapes)

    def plan(self, H: int, local: int, context: Any) -> str:
        """Return "fused" or "stepwise" for H hidden units; "fused" needs `local` floats of local memory."""
        return "stepwise" if self.fused_up_to < H or 4 * local > context.lmemsize else "fused"

    def program(self) -> str:
        return layer_source(self.cpu)

    def perform(self, node: theano.Apply, inputs: list[Any], outputs: list[Any]) -> None:
        """Check the shapes and compute; ValueError if they do not fit."""
        batch = node.inputs[0].ndim == 3
        dims = inputs[0].shape
        T, B, H = dims[0], dims[1] if batch else 1, dims[-1] // self.cpu.rows
        sizes = {"T": T, "B": B, "H": H, "3 * H": 3 * H, "4 * H": 4 * H}
        arrays = {}
        for (name, shape), value in zip(self.cpu.inputs.items(), inputs, strict=True):
            full = tuple([sizes[size] for size in shape])
            expected = shape if batch else self.cpu.shape(shape, batch)
            if value.shape != (full if batch else tuple([sizes[size] for size in expected])):
                raise ValueError(
                    f"{self}: {name} must have the shape ({', '.join(expected)}) with "
                    f"T = {T}, B = {B}, H = {H} from {next(iter(self.cpu.inputs))}, got {value.shape}"
                )
            # the kernels treat a single sentence as a batch of one
            arrays[name] = contiguous(value) if batch else contiguous(value).reshape(full)
        results = {
            name: pygpu.empty([sizes[size] for size in shape], "float32", context=inputs[0].context)
            for name, shape in self.cpu.outputs.items()
        }
        self.compute(T, B, H, arrays, results)
        for storage, (name, shape) in zip(outputs, self.cpu.outputs.items(), strict=True):
            result = results[name]
            storage[0] = result if batch else result.reshape([sizes[size] for size in self.cpu.shape(shape, batch)])

    def compute(self, T: int, B: int, H: int, inputs: Mapping[str, Any], outputs: dict[str, Any]) -> None:
        """Fill the arrays of `outputs`, or replace them by others."""
        raise NotImplementedError
