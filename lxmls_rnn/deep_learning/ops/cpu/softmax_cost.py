"""Softmax, weighted cross-entropy and its gradient as one Op; the formulas are in softmax_cost.hpp."""

from __future__ import annotations

from typing import Any

import numpy as np

from lxmls_rnn.deep_learning.ops.cpu import c_source
from lxmls_rnn.deep_learning.ops.cpu.c_source import C_TYPES

import theano  # isort: skip
import theano.tensor as T  # isort: skip
from theano.gradient import DisconnectedType  # isort: skip

SOURCE_FILE = "softmax_cost.hpp"


class SoftmaxCost(theano.Op):
    """Op for the cost, its gradient e_y (N, K), and the number of correct words.

    Inputs are the scores y (N, K) of K tags for N words, their gold tags (N,), int32, and weights (N,). The cost is
    -sum_n weights_n log softmax(y_n)[gold_n]. Only the cost can be differentiated, and only w.r.t. y.
    """

    __props__ = ("name",)
    name = "softmax cost"  # Theano gives the C code of an Op without properties no version

    def make_node(self, y: Any, gold: Any, weights: Any) -> theano.Apply:
        """Check the inputs; TypeError if their dimensions or types are wrong."""
        y, gold, weights = (T.as_tensor_variable(value) for value in (y, gold, weights))
        if y.ndim != 2 or y.dtype not in C_TYPES:
            raise TypeError(f"{self}: y must be a matrix of float32 or float64, got {y.type}")
        if gold.ndim != 1 or gold.dtype != "int32":
            raise TypeError(f"{self}: gold must be a vector of int32, got {gold.type}")
        if weights.ndim != 1 or weights.dtype != y.dtype:
            raise TypeError(f"{self}: weights must be a vector of {y.dtype}, got {weights.type}")
        outputs = [T.scalar(dtype=y.dtype), T.matrix(dtype=y.dtype), T.lscalar()]
        return theano.Apply(self, [y, gold, weights], outputs)

    def infer_shape(self, node: theano.Apply, shapes: list[Any]) -> list[Any]:
        return [(), shapes[0], ()]

    def connection_pattern(self, node: theano.Apply) -> list[list[bool]]:
        return [[True, False, False], [False] * 3, [False] * 3]

    def L_op(self, inputs: list[Any], outputs: list[Any], output_gradients: list[Any]) -> list[Any]:
        return [output_gradients[0] * outputs[1], DisconnectedType()(), DisconnectedType()()]

    def perform(self, node: theano.Apply, inputs: list[Any], outputs: list[Any]) -> None:
        """Compute with NumPy if there is no compiler."""
        y, gold, weights = inputs
        each = np.arange(len(gold))
        p = np.exp(y - y.max(axis=1, keepdims=True))
        total = p.sum(axis=1)
        log_p = y[each, gold] - y.max(axis=1) - np.log(total)
        e_y = p * (weights / total)[:, None]
        e_y[each, gold] -= weights
        outputs[0][0] = np.asarray(-(weights * log_p).sum(), y.dtype)
        outputs[1][0] = e_y
        outputs[2][0] = np.asarray(((y.argmax(axis=1) == gold) & (weights > 0)).sum(), "int64")

    def c_headers(self) -> list[str]:
        return ["<math.h>"]

    def c_compile_args(self) -> list[str]:
        return c_source.COMPILE_ARGS

    def c_support_code_apply(self, node: theano.Apply, name: str) -> str:
        return c_source.in_namespace(name, c_source.read(SOURCE_FILE), node.inputs[0].dtype)

    def c_code(self, node: theano.Apply, name: str, inputs: list[str], outputs: list[str], sub: dict[str, str]) -> str:
        y, gold, weights = inputs
        cost, e_y, correct = outputs
        float_type = C_TYPES[node.inputs[0].dtype]["FLOAT"]
        number = node.inputs[0].type.dtype_specs()[2]
        fail = sub["fail"]
        return f"""{{
        const npy_intp N = PyArray_DIMS({y})[0], K = PyArray_DIMS({y})[1];
        if (PyArray_DIMS({gold})[0] != N || PyArray_DIMS({weights})[0] != N || K == 0) {{
            PyErr_Format(PyExc_ValueError, "{self}: for %ld words of %ld tags got %ld gold tags and %ld weights",
                         (long)N, (long)K, (long)PyArray_DIMS({gold})[0], (long)PyArray_DIMS({weights})[0]);
            {fail}
        }}
        npy_intp dims[] = {{N, K}};
        if (!({cost} && {correct})) {{
            Py_XDECREF({cost}); Py_XDECREF({correct});
            {cost} = (PyArrayObject *)PyArray_EMPTY(0, dims, {number}, 0);
            {correct} = (PyArrayObject *)PyArray_EMPTY(0, dims, NPY_INT64, 0);
        }}
        if (!({e_y} && PyArray_IS_C_CONTIGUOUS({e_y}) && PyArray_DIMS({e_y})[0] == N && PyArray_DIMS({e_y})[1] == K)) {{
            Py_XDECREF({e_y});
            {e_y} = (PyArrayObject *)PyArray_EMPTY(2, dims, {number}, 0);
        }}
        PyArrayObject *y_ = PyArray_GETCONTIGUOUS({y}), *gold_ = PyArray_GETCONTIGUOUS({gold}),
                      *weights_ = PyArray_GETCONTIGUOUS({weights});
        npy_intp wrong = -1;
        if ({cost} && {e_y} && {correct} && y_ && gold_ && weights_) {{
            wrong = {name}::softmax_cost(
                N, K, (const {float_type} *)PyArray_DATA(y_), (const npy_int32 *)PyArray_DATA(gold_),
                (const {float_type} *)PyArray_DATA(weights_), ({float_type} *)PyArray_DATA({cost}),
                ({float_type} *)PyArray_DATA({e_y}), (npy_int64 *)PyArray_DATA({correct}));
            if (wrong >= 0)
                PyErr_Format(PyExc_IndexError, "{self}: gold tag %d of word %ld is outside the %ld tags",
                             ((const npy_int32 *)PyArray_DATA(gold_))[wrong], (long)wrong, (long)K);
        }}
        Py_XDECREF(y_); Py_XDECREF(gold_); Py_XDECREF(weights_);
        if (PyErr_Occurred()) {fail}
        }}"""

    def c_code_cache_version(self) -> tuple[Any, ...]:
        return (c_source.digest(c_source.read(SOURCE_FILE, "softmax_cost.py", "c_source.py")),)
