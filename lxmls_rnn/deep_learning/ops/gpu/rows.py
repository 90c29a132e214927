"""Rows of a matrix on the GPU by number: take them, and add to them; the kernels are in rows.cluda.

The host checks and sorts the numbers before their upload; Theano's own Ops wait for the device to check them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lxmls_rnn.deep_learning.ops.gpu.kernel_source import rows_source
from lxmls_rnn.deep_learning.ops.gpu.layer_op import block, contiguous, launch, launch_for_each
from lxmls_rnn.deep_learning.ops.gpu.transfers import GpuUpload

import pygpu  # isort: skip
import theano  # isort: skip
import theano.tensor as T  # isort: skip
from theano.gpuarray.basic_ops import as_gpuarray_variable, infer_context_name  # isort: skip
from theano.gpuarray.type import GpuArrayType  # isort: skip


def row_index(numbers: np.ndarray, n: int) -> np.ndarray:
    """Return the index (3, N) that rows.cluda describes of N numbers of n rows; IndexError if one is out of range."""
    if numbers.size and not -n <= numbers.min() <= numbers.max() < n:
        raise IndexError(f"rows are numbered 0 to {n - 1}, got {numbers.min()} to {numbers.max()}")
    index = np.zeros((3, len(numbers)), "int32")
    ids, order, counts = index
    ids[:] = numbers
    ids[ids < 0] += n
    order[:] = ids.argsort(kind="stable")
    ordered = ids[order]
    is_first = np.ones(len(ids), bool)
    np.not_equal(ordered[1:], ordered[:-1], out=is_first[1:])
    bounds = np.append(np.flatnonzero(is_first), len(ids))
    counts[bounds[:-1]] = bounds[1:] - bounds[:-1]
    return index


def from_start(matrix: Any) -> Any:
    """Return a matrix that begins where its memory begins and has no negative strides. Copy it only if necessary."""
    return matrix if matrix.offset == 0 and min(matrix.strides) >= 0 else matrix.copy()


def steps(matrix: Any) -> tuple[int, int]:
    """Return how many floats apart the rows of a matrix, and its columns, are in memory."""
    return matrix.strides[0] // 4, matrix.strides[1] // 4


class RowIndex(theano.Op):
    """Op for the `row_index` of an integer vector of row numbers, on the host, for a matrix on the GPU."""

    __props__ = ()

    def make_node(self, matrix: Any, numbers: Any) -> theano.Apply:
        """Return the node whose output is the index, int32 (3, N), on the host."""
        inputs = [as_gpuarray_variable(matrix, infer_context_name(matrix)), T.as_tensor_variable(numbers)]
        return theano.Apply(self, inputs, [T.imatrix()])

    def infer_shape(self, node: theano.Apply, shapes: list[Any]) -> list[Any]:
        return [(T.constant(3), shapes[1][0])]

    def perform(self, node: theano.Apply, inputs: list[Any], outputs: list[Any]) -> None:
        """Check and sort the numbers; IndexError if one is out of range."""
        matrix, numbers = inputs
        outputs[0][0] = row_index(numbers, matrix.shape[0])


def upload_index(matrix: Any, numbers: Any) -> Any:
    """Make the index of row numbers, which are on the host; return its upload to the GPU of the matrix."""
    return GpuUpload(infer_context_name(matrix))(RowIndex()(matrix, numbers))


class GpuTakeRows(theano.Op):
    """``matrix[numbers]``, float32, in 1 launch."""

    __props__ = ()

    def make_node(self, matrix: Any, index: Any) -> theano.Apply:
        """Return the node for a matrix and the index of numbers of its rows, from `GpuUpload`."""
        context = infer_context_name(matrix)
        return theano.Apply(
            self,
            [as_gpuarray_variable(matrix, context), index],
            [GpuArrayType("float32", (False, False), context_name=context)()],
        )

    def infer_shape(self, node: theano.Apply, shapes: list[Any]) -> list[Any]:
        return [(shapes[1][1], shapes[0][1])]

    def perform(self, node: theano.Apply, inputs: list[Any], outputs: list[Any]) -> None:
        matrix, index = from_start(inputs[0]), contiguous(inputs[1], anywhere=True)
        N, m = index.shape[1], matrix.shape[1]
        outputs[0][0] = taken = pygpu.empty((N, m), "float32", context=matrix.context)
        launch_for_each(
            N * m, rows_source(), "take_rows", N, m, *steps(matrix), index.offset // 4, index, matrix, taken
        )


class GpuAddRows(theano.Op):
    """``matrix[numbers] += rows``, or ``-= rate * rows``, float32, in 1 launch if `inplace`, equal numbers in order."""

    __props__ = ("inplace", "subtract")

    def __init__(self, inplace: bool = False, subtract: bool = False) -> None:
        self.inplace, self.subtract = inplace, subtract
        if inplace:
            self.destroy_map = {0: [0]}

    def make_node(self, matrix: Any, rows: Any, index: Any, *rate: Any) -> theano.Apply:
        """Return the node for a matrix, the rows to add, the index of their numbers, and with `subtract` a scalar."""
        context = infer_context_name(matrix, rows)
        matrix, rows = (as_gpuarray_variable(value, context) for value in (matrix, rows))
        rates = [as_gpuarray_variable(value, context) for value in rate]
        return theano.Apply(self, [matrix, rows, index, *rates], [matrix.type()])

    def infer_shape(self, node: theano.Apply, shapes: list[Any]) -> list[Any]:
        return [shapes[0]]

    def perform(self, node: theano.Apply, inputs: list[Any], outputs: list[Any]) -> None:
        """Add the rows to the matrix, or subtract them; ValueError if the shapes do not fit."""
        matrix, rows, index = inputs[:3]
        rate = inputs[-1]  # not read unless `subtract`
        index = contiguous(index, anywhere=True)
        N, m = index.shape[1], matrix.shape[1]
        if rows.shape != (N, m):
            raise ValueError(f"{self}: {N} numbers of rows with {m} columns, got rows of the shape {rows.shape}")
        outputs[0][0] = result = matrix if self.inplace else matrix.copy()
        sums = from_start(result)
        numbers = N, m, *steps(sums), index.offset // 4, rate.offset // 4, int(self.subtract)
        launch(rows_source(), "add_rows", N if m else 0, block(m), *numbers, index, rate, contiguous(rows), sums)
        if sums is not result:
            result[:] = sums
