"""Base class of the layer Ops: checks, contiguous inputs, output arrays, calls of C functions."""

from __future__ import annotations

from typing import Any

from lxmls_rnn.deep_learning.ops.cpu import c_source
from lxmls_rnn.deep_learning.ops.cpu.blas_op import BlasOp
from lxmls_rnn.deep_learning.ops.cpu.c_source import C_TYPES

import theano  # isort: skip
from theano.tensor.blas_headers import blas_header_version  # isort: skip

SHARED_CODE = ("elementary.c", "parallel.c", "packed_product.cpp", "product.c")


class LayerOp(BlasOp):
    """An Op whose C code is a function in a file, called with contiguous arrays of one float type.

    T is the number of steps, B of sentences, H of hidden units. The shape of the first input determines them. If it
    has no dimension B, no array has one: the input is a single sentence.

    Attributes
    ----------
    source
        The file with its C code.
    rows
        The last dimension of the first input is `rows` times H.
    inputs, outputs
        Shapes by name, as C expressions of T, B and H.
    scratch
        Sizes, by name, of the temporary arrays that the C code uses.
    overwrites
        Maps an output to the input whose memory it may use. At each word it needs only that word's part of the input.
    inplace
        Whether outputs use the memory of these inputs, so that fewer numbers pass through the cache.
    call
        The C call, in which a name is a pointer to that array's data.
    """

    source: str
    rows: int
    inputs: dict[str, tuple[str, ...]]
    outputs: dict[str, tuple[str, ...]]
    scratch: dict[str, str]
    overwrites: dict[str, str] = {}
    inplace = False
    call: str

    def make_node(self, *inputs: Any) -> theano.Apply:
        """Check the inputs; TypeError if their number, dimensions or types (all float32 or all float64) are wrong."""
        if len(inputs) != len(self.inputs):
            raise TypeError(f"{self} takes {', '.join(self.inputs)}; got {len(inputs)} inputs")
        variables = [theano.tensor.as_tensor_variable(value) for value in inputs]
        batch = variables[0].ndim == 3
        for (name, shape), variable in zip(self.inputs.items(), variables, strict=True):
            ndim = len(self.shape(shape, batch))
            if variable.ndim != ndim:
                raise TypeError(f"{self}: {name} must have {ndim} dimensions, got {variable.type}")
            if variable.dtype not in C_TYPES or variable.dtype != variables[0].dtype:
                raise TypeError(f"{self}: inputs must all be float32 or all float64, got {name} of {variable.dtype}")
        types = [
            theano.tensor.TensorType(variables[0].dtype, (False,) * len(self.shape(shape, batch)))
            for shape in self.outputs.values()
        ]
        return theano.Apply(self, variables, [output() for output in types])

    @property
    def destroy_map(self) -> dict[int, list[int]]:
        """Map the position of each output to the positions of the inputs that it overwrites, for Theano."""
        outputs, inputs = list(self.outputs), list(self.inputs)
        pairs = self.overwrites.items() if self.inplace else ()
        return {outputs.index(new): [inputs.index(old)] for new, old in pairs}

    def gradient(self) -> LayerOp:
        """Return the Op of the layer's gradients."""
        raise NotImplementedError

    @staticmethod
    def shape(shape: tuple[str, ...], batch: bool) -> tuple[str, ...]:
        """Return a shape in C expressions, without B for a single sentence."""
        return shape if batch else tuple(size for size in shape if size != "B")

    def macros(self) -> dict[str, str]:
        """Return macros of the C code in addition to those of its float type."""
        return {}

    def c_support_code_apply(self, node: theano.Apply, name: str) -> str:
        return c_source.in_namespace(name, self.code() + self.limits(), node.inputs[0].dtype, self.macros())

    def scratch_size(self) -> str:
        """Return the total size of the `scratch` arrays as a C expression."""
        return " + ".join(self.scratch.values())

    def limits(self) -> str:
        """Return the C function that checks whether BLAS and memory can hold arrays of this size."""
        return (
            "static int is_computable(double T, double B, double H) { return is_countable(T * B) && "
            f"is_countable(4 * H) && is_addressable({self.scratch_size()}); }}\n"
        )

    def code(self) -> str:
        """Return the contents of the C files."""
        return c_source.read(*SHARED_CODE, self.source)

    def c_code(self, node: theano.Apply, name: str, inputs: list[str], outputs: list[str], sub: dict[str, str]) -> str:
        """Return the code that checks shapes, allocates and calls; the same code serves sentences and batches."""
        ctype = C_TYPES[node.inputs[0].dtype]["FLOAT"]
        names = list(self.inputs)
        fail = f"{{ {name}_error = 1; goto {name}_end; }}"
        lines = [f"int {name}_error = 0;"]
        lines += [f"PyArrayObject *{name}_{n} = NULL;" for n in names]
        lines += [f"{ctype} *{name}_scratch = NULL;", "{"]
        dims = f"PyArray_DIMS({inputs[0]})"
        lines += [f"const int batch = PyArray_NDIM({inputs[0]}) == 3;"]
        lines += [f"const npy_intp T = {dims}[0], B = batch ? {dims}[1] : 1, H = {dims}[1 + batch] / {self.rows};"]
        lines += [f"if (!{name}::is_computable((double)T, (double)B, (double)H)) {{ PyErr_Format(PyExc_ValueError, "]
        lines += [f'"{self}: T = %zd, B = %zd, H = %zd are too large for BLAS or for memory", T, B, H); {fail} }}']
        for n, shape in (self.inputs | self.outputs).items():
            both = [self.shape(shape, batch) for batch in (False, True)]
            sizes = ", ".join(f"{{{', '.join(sizes)}}}" for sizes in both)
            lines.append(f"npy_intp {n}_dims[2][{len(shape)}] = {{{sizes}}};")
            lines.append(f"const int {n}_ndim = {len(both[0])}{' + batch' if 'B' in shape else ''};")
        for n, variable in zip(names, inputs, strict=True):
            one, many = (", ".join(self.shape(self.inputs[n], batch)) for batch in (False, True))
            lines.append(
                f"if (!PyArray_CompareLists(PyArray_DIMS({variable}), {n}_dims[batch], {n}_ndim)) {{ "
                f'PyErr_Format(PyExc_ValueError, "{self}: {n} must have the shape (%s) with T = %zd, B = %zd, H = %zd '
                f'from {names[0]}", batch ? "{many}" : "{one}", T, B, H); {fail} }}'
            )
            lines.append(f"{name}_{n} = PyArray_GETCONTIGUOUS({variable}); if (!{name}_{n}) {fail}")
        for n, variable in zip(self.outputs, outputs, strict=True):
            if self.inplace and n in self.overwrites:
                overwritten = f"{name}_{self.overwrites[n]}"
                lines.append(f"Py_XDECREF({variable}); {variable} = {overwritten}; Py_INCREF({variable});")
                continue
            lines.append(
                f"if (!({variable} && PyArray_IS_C_CONTIGUOUS({variable}) && "
                f"PyArray_CompareLists(PyArray_DIMS({variable}), {n}_dims[batch], {n}_ndim))) {{ "
                f"Py_XDECREF({variable}); {variable} = (PyArrayObject *)PyArray_EMPTY("
                f"{n}_ndim, {n}_dims[batch], {node.outputs[0].type.dtype_specs()[2]}, 0); if (!{variable}) {fail} }}"
            )
        lines.append(f"{name}_scratch = ({ctype} *)malloc(sizeof({ctype}) * ({self.scratch_size()} + 1));")
        lines.append(
            f"if (!{name}_scratch) {{ PyErr_SetString(PyExc_MemoryError, "
            f'"{self}: the temporary arrays do not fit into memory"); {fail} }}'
        )
        pointer = f"{name}_scratch"
        for n, size in self.scratch.items():
            lines.append(f"{ctype} *{n} = {pointer};")
            pointer = f"{n} + {size}"
        for n in names:
            lines.append(f"const {ctype} *{n} = (const {ctype} *)PyArray_DATA({name}_{n});")
        for n, variable in zip(self.outputs, outputs, strict=True):
            lines.append(f"{ctype} *{n} = ({ctype} *)PyArray_DATA({variable});")
        lines += [f"{name}::{self.call};", "}", f"{name}_end:"]
        lines += [f"Py_XDECREF({name}_{n});" for n in names]
        lines += [f"free({name}_scratch);", f"if ({name}_error) {sub['fail']}"]
        return "\n".join(lines)

    def c_code_cache_version(self) -> tuple[Any, ...]:
        ours = c_source.read("layer_op.py", "c_source.py")
        return (c_source.digest(self.code(), str(self.macros()), self.call, ours), blas_header_version())
