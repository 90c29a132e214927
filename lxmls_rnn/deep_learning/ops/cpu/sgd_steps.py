"""Many steps of gradient descent as one Op, which updates the parameters in place; the steps are in sgd_steps.cpp."""

from __future__ import annotations

from typing import Any

from lxmls_rnn.deep_learning.ops.cpu import c_source
from lxmls_rnn.deep_learning.ops.cpu.blas_op import BlasOp
from lxmls_rnn.deep_learning.ops.cpu.layer_op import LayerOp

import theano  # isort: skip
import theano.tensor as T  # isort: skip
from theano.tensor.blas_headers import blas_header_version  # isort: skip

# sizes of the arrays of a step outside the layer
ARRAYS = {"z": "T * B * E", "y": "T * B * K", "e_y": "T * B * K", "e_z": "T * B * E"}
INPUTS = ("numbers", "batches", "words", "gold", "weights", "descent")


class SGDSteps(BlasOp):
    """Op that makes S steps of gradient descent.

    The outputs are the costs (S,) and the numbers of correct words (S,), both before each step, the norms of the
    gradients before clipping (S,), and the updated parameters.

    The inputs must be contiguous and are not checked for this:

    - `numbers` (S,), int64: the batches to make a step on, in this order;
    - `batches` (M, 3), int64: for each batch its first entry in the next three arrays, its T and its B;
    - `words` and `gold` (N,), int32, and `weights` (N,) in the cost: the entries of each batch as (T, B);
    - `descent` (3,), in the parameters' type: the rate, the maximum norm of the gradient (infinity does not clip, NaN
      does not compute the norms but returns 0), and 1 to freeze the embeddings, else 0;
    - the parameters in the model's order.

    Raises ValueError if shapes do not fit or a batch has 2^31 words, MemoryError if there is no memory, and IndexError
    if an id is out of range, before the step on its batch. After a cost that is not finite no more steps are made, and
    their costs are NaN.

    Parameters
    ----------
    layer
        The recurrent layer.
    """

    __props__ = ("layer",)

    def __init__(self, layer: LayerOp) -> None:
        self.layer = layer
        matrices = {name: " * ".join(shape) for name, shape in layer.inputs.items() if name.startswith("W_")}
        self.matrices = {"W_x": f"{layer.rows} * H * E", **matrices, "W_y": "K * H"}
        self.destroy_map = {3 + n: [len(INPUTS) + n] for n in range(1 + len(self.matrices))}

    def make_node(self, *inputs: Any) -> theano.Apply:
        parameters = inputs[len(INPUTS) :]
        return theano.Apply(
            self, list(inputs), [inputs[4].type(), T.lvector(), inputs[4].type(), *(W.type() for W in parameters)]
        )

    def macros(self) -> dict[str, str]:
        """Return the macros that describe the layer to the C++ code."""
        forward, backward = self.layer, self.layer.gradient()
        shapes = {**forward.inputs, **forward.outputs, **backward.inputs, **backward.outputs}
        sizes = {name: " * ".join(shape) for name, shape in shapes.items()}
        sizes |= {**ARRAYS, **forward.scratch, **backward.scratch}
        sizes |= {"room_x": f"PACKED_SIZE({forward.rows} * H, E)", "room_y": "PACKED_SIZE(K, H)"}
        aliases = {**forward.overwrites, **backward.overwrites}
        # these have no memory of their own in the workspace
        without = {*self.matrices, *(f"g_{name}" for name in self.matrices), *aliases}
        arrays = {name: size for name, size in sizes.items() if name not in without}
        states = {name: size for name, size in arrays.items() if name in ("h0", "c0")}

        def calls(arrays: dict[str, str]) -> str:
            return " ".join(f"DO({name}, {size})" for name, size in arrays.items())

        return {
            **forward.macros(),
            "MATRICES(DO)": calls(self.matrices),
            "ARRAYS(DO)": calls(arrays),
            "ALIASES(DO)": calls(aliases),
            "STATES(DO)": calls(states),
            "FORWARD": forward.call,
            "BACKWARD": backward.call.replace(")", ", use)"),
            "GATES": str(forward.rows),
            "EXP": "exponential",
        }

    def code(self) -> str:
        """Return the contents of the C++ files."""
        return c_source.read(self.layer.source, "sgd_steps.cpp")

    def c_support_code_apply(self, node: theano.Apply, name: str) -> str:
        return c_source.in_namespace(name, self.code(), node.inputs[4].dtype, self.macros())

    def c_support_code_struct(self, node: theano.Apply, name: str) -> str:
        return f"{name}::Workspace {name}_workspace = {{NULL, 0}};"

    def c_cleanup_code_struct(self, node: theano.Apply, name: str) -> str:
        return f"free({name}_workspace.data);"

    def c_code(self, node: theano.Apply, name: str, inputs: list[str], outputs: list[str], sub: dict[str, str]) -> str:
        """Return the code that allocates the outputs, checks the parameters' sizes and calls `sgd_steps`."""
        numbers, batches, words, gold, weights, descent, *parameters = inputs
        costs, correct, norms, *changed = outputs
        number = node.inputs[4].type.dtype_specs()[2]
        ctype = c_source.C_TYPES[node.inputs[4].dtype]["FLOAT"]
        names = ["W_e", *self.matrices]
        # parameters in another memory order are copied and written back
        take = "".join(
            f"PyArrayObject *{W}_ = (PyArrayObject *)PyArray_FromArray({variable}, NULL, "
            f"NPY_ARRAY_INOUT_{'F' if W == 'W_e' else ''}ARRAY2);\n"
            for W, variable in zip(names, parameters, strict=True)
        )
        give_back = "".join(f"if ({W}_) PyArray_ResolveWritebackIfCopy({W}_); Py_XDECREF({W}_);\n" for W in names)
        sizes = "".join(f" && PyArray_SIZE({W}_) == {size}" for W, size in self.matrices.items())
        point = "".join(f"tagger.{W} = ({ctype} *)PyArray_DATA({W}_);\n" for W in names)
        pass_on = "".join(
            f"Py_XDECREF({new}); {new} = {old}; Py_INCREF({new});\n"
            for old, new in zip(parameters, changed, strict=True)
        )
        return f"""{{
        Py_XDECREF({costs}); Py_XDECREF({correct}); Py_XDECREF({norms});
        {costs} = (PyArrayObject *)PyArray_EMPTY(1, PyArray_DIMS({numbers}), {number}, 0);
        {correct} = (PyArrayObject *)PyArray_EMPTY(1, PyArray_DIMS({numbers}), NPY_INT64, 0);
        {norms} = (PyArrayObject *)PyArray_EMPTY(1, PyArray_DIMS({numbers}), {number}, 0);
        {take}
        if ({costs} && {correct} && {norms} && {" && ".join(f"{W}_" for W in names)}) {{
            const npy_intp E = PyArray_DIM(W_e_, 0), H = PyArray_DIM(W_h_, 1), K = PyArray_DIM(W_y_, 0);
            {name}::Tagger tagger;
            tagger.n_words = PyArray_DIM(W_e_, 1), tagger.E = E, tagger.H = H, tagger.K = K;
            {point}
            const {ctype} *rule = ({ctype} *)PyArray_DATA({descent});
            const {name}::Descent descent = {{ rule[0], rule[1], rule[2] != 0 }};
            const npy_intp N = PyArray_SIZE({words});
            if (!(PyArray_SIZE({gold}) == N && PyArray_SIZE({weights}) == N{sizes}))
                PyErr_SetString(PyExc_ValueError, "{self}: the shapes of the inputs do not fit each other");
            else switch ({name}::sgd_steps(
                PyArray_SIZE({numbers}), (npy_int64 *)PyArray_DATA({numbers}),
                (const npy_int64 (*)[3])PyArray_DATA({batches}), (npy_int32 *)PyArray_DATA({words}),
                (npy_int32 *)PyArray_DATA({gold}), ({ctype} *)PyArray_DATA({weights}), &tagger, &descent,
                &{name}_workspace, ({ctype} *)PyArray_DATA({costs}), (npy_int64 *)PyArray_DATA({correct}),
                ({ctype} *)PyArray_DATA({norms}))) {{
            case {name}::OUT_OF_RANGE:
                PyErr_Format(PyExc_IndexError, "{self}: a word is outside the %zd words, or a tag outside the %zd tags",
                             tagger.n_words, K);
                break;
            case {name}::TOO_LARGE:
                PyErr_SetString(PyExc_ValueError, "{self}: a batch has too many words for BLAS or for memory");
                break;
            case {name}::NO_MEMORY:
                PyErr_SetString(PyExc_MemoryError, "{self}: the arrays of a batch do not fit into memory");
                break;
            case {name}::ALL_MADE:
                break;
            }}
        }}
        {give_back}
        if (PyErr_Occurred()) {sub["fail"]}
        {pass_on}
        }}"""

    def c_code_cache_version(self) -> tuple[Any, ...]:
        ours = c_source.read("sgd_steps.py", "c_source.py")
        return (c_source.digest(self.code(), str(self.macros()), ours), blas_header_version())
