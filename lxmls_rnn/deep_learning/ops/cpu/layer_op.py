"""Base class of the layer Ops: checks, contiguous inputs, output arrays, calls of C functions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lxmls_rnn.deep_learning.ops.cpu import c_source
from lxmls_rnn.deep_learning.ops.cpu.blas_op import BlasOp
from lxmls_rnn.deep_learning.ops.cpu.c_source import C_TYPES

import theano  # isort: skip
from theano.tensor.blas_headers import blas_header_version  # isort: skip


class LayerOp(BlasOp):
    """An Op whose C++ code is a function in a file, called with contiguous arrays of one float type.

    T is the number of steps, B of sentences, H of hidden units. The shape of the first input determines them. If it
    has no dimension B, no array has one: the input is a single sentence.

    Attributes
    ----------
    source
        The file with its C++ code.
    rows
        The last dimension of the first input is `rows` times H.
    inputs, outputs
        Shapes by name, as C expressions of T, B and H.
    scratch
        Sizes, by name, of the temporary arrays that the C++ code uses.
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
        """Return macros of the C++ code in addition to those of its float type."""
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
        """Return the contents of the C++ files."""
        return c_source.read(self.source)

    def c_code(self, node: theano.Apply, name: str, inputs: list[str], outputs: list[str], sub: dict[str, str]) -> str:
        """Return the code that checks shapes, allocates and calls; the same code serves sentences and batches."""
        ctype, number = C_TYPES[node.inputs[0].dtype]["FLOAT"], node.outputs[0].type.dtype_specs()[2]
        given, made = dict(zip(self.inputs, inputs, strict=True)), dict(zip(self.outputs, outputs, strict=True))
        fail = f"{{ {name}_error = 1; goto {name}_end; }}"
        dims = f"PyArray_DIMS({inputs[0]})"

        def each(names: Iterable[str], code: str) -> str:
            return "\n".join(code.format(n=n, name=name, ctype=ctype) for n in names)

        shapes = [self._declared(n, shape) for n, shape in (self.inputs | self.outputs).items()]
        arrays = [self._checked(n, variable, name, fail) for n, variable in given.items()]
        arrays += [self._allocated(n, variable, name, number, fail) for n, variable in made.items()]
        pointers = [f"{ctype} *{n} = ({ctype} *)PyArray_DATA({variable});" for n, variable in made.items()]
        starts = [f"{name}_scratch", *(f"{n} + {size}" for n, size in self.scratch.items())]
        parts = [f"{ctype} *{n} = {start};" for n, start in zip(self.scratch, starts, strict=False)]
        return f"""int {name}_error = 0;
            {each(self.inputs, "PyArrayObject *{name}_{n} = NULL;")}
            {ctype} *{name}_scratch = NULL;
            {{
                const int batch = PyArray_NDIM({inputs[0]}) == 3;
                const npy_intp T = {dims}[0], B = batch ? {dims}[1] : 1, H = {dims}[1 + batch] / {self.rows};
                if (!{name}::is_computable((double)T, (double)B, (double)H)) {{
                    PyErr_Format(PyExc_ValueError,
                                 "{self}: T = %zd, B = %zd, H = %zd are too large for BLAS or for memory", T, B, H);
                    {fail}
                }}
                {"".join(shapes)}
                {"".join(arrays)}
                {name}_scratch = ({ctype} *)malloc(sizeof({ctype}) * ({self.scratch_size()} + 1));
                if (!{name}_scratch) {{
                    PyErr_SetString(PyExc_MemoryError, "{self}: the temporary arrays do not fit into memory");
                    {fail}
                }}
                {"".join(parts)}
                {each(self.inputs, "const {ctype} *{n} = (const {ctype} *)PyArray_DATA({name}_{n});")}
                {"".join(pointers)}
                {name}::{self.call};
            }}
            {name}_end:
            {each(self.inputs, "Py_XDECREF({name}_{n});")}
            free({name}_scratch);
            if ({name}_error) {sub["fail"]}"""

    def _declared(self, n: str, shape: tuple[str, ...]) -> str:
        """Return the declarations of an array's number of dimensions and of its shapes, for a sentence and a batch."""
        of_sentence, of_batch = (", ".join(self.shape(shape, batch)) for batch in (False, True))
        ndim = f"{len(self.shape(shape, False))}{' + batch' if 'B' in shape else ''}"
        return f"""
                npy_intp {n}_dims[2][{len(shape)}] = {{{{{of_sentence}}}, {{{of_batch}}}}};
                const int {n}_ndim = {ndim};"""

    def _checked(self, n: str, variable: str, name: str, fail: str) -> str:
        """Return the code that checks the shape of an input and takes a contiguous array of it."""
        of_sentence, of_batch = (", ".join(self.shape(self.inputs[n], batch)) for batch in (False, True))
        return f"""
                if (!PyArray_CompareLists(PyArray_DIMS({variable}), {n}_dims[batch], {n}_ndim)) {{
                    PyErr_Format(PyExc_ValueError,
                                 "{self}: {n} must have the shape (%s) with T = %zd, B = %zd, H = %zd "
                                 "from {next(iter(self.inputs))}", batch ? "{of_batch}" : "{of_sentence}", T, B, H);
                    {fail}
                }}
                {name}_{n} = PyArray_GETCONTIGUOUS({variable});
                if (!{name}_{n}) {fail}"""

    def _allocated(self, n: str, variable: str, name: str, number: str, fail: str) -> str:
        """Return the code that lets an output overwrite its input, keep its memory if it fits, or have new memory."""
        if self.inplace and n in self.overwrites:
            old = f"{name}_{self.overwrites[n]}"
            return f"""
                Py_XDECREF({variable}); {variable} = {old}; Py_INCREF({variable});"""
        return f"""
                if (!({variable} && PyArray_IS_C_CONTIGUOUS({variable})
                      && PyArray_CompareLists(PyArray_DIMS({variable}), {n}_dims[batch], {n}_ndim))) {{
                    Py_XDECREF({variable});
                    {variable} = (PyArrayObject *)PyArray_EMPTY({n}_ndim, {n}_dims[batch], {number}, 0);
                    if (!{variable}) {fail}
                }}"""

    def c_code_cache_version(self) -> tuple[Any, ...]:
        ours = c_source.read("layer_op.py", "c_source.py")
        return (c_source.digest(self.code(), str(self.macros()), self.call, ours), blas_header_version())
