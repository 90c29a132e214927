"""Copies between host and GPU: one to it, one from it."""

from __future__ import annotations

from typing import Any

import numpy as np

import pygpu  # isort: skip
import theano  # isort: skip
from theano.gpuarray.type import GpuArrayType, get_context  # isort: skip


class GpuUpload(theano.Op):
    """Arrays of the host on the GPU, in one piece of memory, with one copy; int32 entries are the bits of a float32."""

    __props__ = ("context_name",)

    def __init__(self, context_name: str | None) -> None:
        self.context_name = context_name

    def make_node(self, *arrays: Any) -> theano.Apply:
        """Return the node with one output for each array, float32 or int32."""
        outputs = [GpuArrayType("float32", v.broadcastable, context_name=self.context_name)() for v in arrays]
        return theano.Apply(self, list(arrays), outputs)

    def infer_shape(self, node: theano.Apply, shapes: list[Any]) -> list[Any]:
        return shapes

    def perform(self, node: theano.Apply, inputs: list[Any], outputs: list[Any]) -> None:
        entries = np.concatenate([array.ravel().view("float32") for array in inputs])
        memory, start = pygpu.array(entries, context=get_context(self.context_name)), 0
        for array, output in zip(inputs, outputs, strict=True):
            output[0] = memory[start : start + array.size].reshape(array.shape)
            start += array.size


class GpuFetch(theano.Op):
    """The cost and the number of correct words of a `GpuSoftmaxCost` on the host, with one copy.

    Further inputs are not read. Theano starts their work first, so that the device has all of it while the host waits.
    """

    __props__ = ()

    def make_node(self, result: Any, *earlier: Any) -> theano.Apply:
        """Return the node for `result`, the memory of cost and number; `earlier` are the further inputs."""
        return theano.Apply(self, [result, *earlier], [theano.tensor.fscalar(), theano.tensor.lscalar()])

    def infer_shape(self, node: theano.Apply, shapes: list[Any]) -> list[Any]:
        return [(), ()]

    def perform(self, node: theano.Apply, inputs: list[Any], outputs: list[Any]) -> None:
        result = np.asarray(inputs[0])
        outputs[0][0], outputs[1][0] = np.asarray(result.view("float32")[0]), np.asarray(result[1])
