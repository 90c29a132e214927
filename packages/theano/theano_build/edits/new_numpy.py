"""Support for NumPy 1.24 to 2.5.

One build supports every NumPy: differences between NumPy 1 and 2 are resolved when the code runs or is compiled.
"""

import re

from theano_build.edit import Edit

ITEM_SIZE = re.compile(r"PyArray_DESCR\(([^()]+|%\(\w+\)s)\)->elsize"), r"PyArray_ITEMSIZE(\1)"

EDITS = {
    "NumPy 1.24 has neither np.complex nor np.bool, which is back in 2.0": (
        Edit("scalar/basic.py", "np.complex(", "builtin_complex(", 3),
        Edit("scalar/basic.py", "np.complex)", "builtin_complex)", 2),
        Edit("scalar/basic.py", "getattr(np, o_type.dtype)", "np.dtype(o_type.dtype).type"),
        Edit("scalar/sharedvar.py", "getattr(np, dtype)(value)", "np.dtype(dtype).type(value)"),
        # NumPy 2.5 does not convert arrays with dimensions to a scalar, even with one element
        Edit("tensor/basic.py", "np.complex(data)", "builtins.complex(np.asarray(data).item())"),
    ),
    "NumPy 2 renamed or removed these": (
        Edit(
            "gof/cc.py",
            "            ndarray_c_version = np.core._multiarray_umath",
            "            core = np.core if np.lib.NumpyVersion(np.__version__) < '2.0.0' else np._core\n"
            "            ndarray_c_version = core._multiarray_umath",
        ),
        Edit("gpuarray/linalg.py", "from numpy.linalg.linalg import", "from numpy.linalg import"),
        Edit("scalar/basic.py", "np.product(", "np.prod("),
        Edit("scalar/basic.py", re.compile(r"np\.cast\[x\.type\]\((\d)\)"), r"np.asarray(\1, dtype=x.type.dtype)", 7),
        Edit(
            "tensor/nnet/bn.py",
            "np.cast[theano.config.floatX](epsilon)",
            "np.asarray(epsilon, dtype=theano.config.floatX)",
            2,
        ),
        Edit("tensor/elemwise.py", "np.sctype2char(out_dtype)", "np.dtype(out_dtype).char"),
        Edit("tensor/blas.py", "z.itemset(z * a + b * np.dot(x, y))", "z[...] = z * a + b * np.dot(x, y)"),
        Edit("compile/debugmode.py", "[0].itemset(dr_vals[r][0])", "[0][...] = dr_vals[r][0]"),
        Edit("tensor/slinalg.py", "np.ComplexWarning", "np.exceptions.ComplexWarning"),
    ),
    "NumPy 2 raises an error for copy=False if it has to copy": (
        Edit(
            "gpuarray/type.py",
            "np.array(data, dtype=self.dtype, copy=False",
            "np.array(np.asarray(data, dtype=self.dtype), copy=False",
            2,
        ),
    ),
    "NumPy 2 rejects a Python int that does not fit the dtype; Theano relies on wrapping": (
        Edit("misc/safe_asarray.py", "np.asarray(a, dtype=dtype", "np.asarray(np.asarray(a), dtype=dtype"),
    ),
    "NumPy 2's np.unique returns the inverse in the shape of its argument": (
        Edit("tensor/extra_ops.py", "z[i][0] = outs[i]", "z[i][0] = outs[i].ravel() if i else outs[i]"),
    ),
    "NumPy 2 rounds a Python float to the array's dtype: 1.1 == np.float32(1.1)": (
        Edit("scalar/basic.py", "if np.all(x == x_):", "if np.all(np.asarray(x) == x_):"),
    ),
    "NumPy 2 has another constant for 'all axes' in C": (
        Edit(
            "gof/c_code/theano_mod_helper.h",
            "#include <Python.h>\n",
            "#include <Python.h>\n#include <numpy/numpyconfig.h>\n\n"
            "#if NPY_ABI_VERSION < 0x02000000\n#define NPY_RAVEL_AXIS NPY_MAXDIMS\n#endif\n",
        ),
        Edit("tensor/basic.py", "NPY_MAXDIMS", "NPY_RAVEL_AXIS", 2),
        Edit("tensor/subtensor.py", "NPY_MAXDIMS", "NPY_RAVEL_AXIS", 2),
        Edit("tensor/extra_ops.py", "NPY_MAXDIMS", "NPY_RAVEL_AXIS", 3),
        Edit("tensor/extra_ops.py", "np.MAXDIMS", "getattr(np, 'MAXDIMS', np.iinfo(np.intc).min)"),
    ),
    "NumPy 2 hides the fields of a dtype in C": (
        Edit("tensor/c_code/dimshuffle.c", *ITEM_SIZE),
        Edit("tensor/blas.py", *ITEM_SIZE, 2),
        Edit("tensor/blas_headers.py", *ITEM_SIZE),
        Edit("sandbox/rng_mrg.py", *ITEM_SIZE, 6),
        Edit("sparse/basic.py", *ITEM_SIZE, 8),
        Edit("sparse/opt.py", *ITEM_SIZE, 39),
    ),
    "NumPy 2 keeps the precision of a NumPy scalar: np.float32(1) / z made a complex Python number single precision": (
        Edit("scalar/basic.py", "return np.float32(1.0) / x", "return 1.0 / x"),
    ),
    "NumPy 2's complex numbers have no .real and .imag in C": (
        Edit(
            "scalar/basic.py",
            " : public npy_complex%(nbits)s\n            {",
            "\n            { npy_float%(half_nbits)s real, imag;"
            " operator npy_complex%(nbits)s() const { npy_complex%(nbits)s z; memcpy(&z, this, sizeof z); return z; }",
        ),
    ),
    "NumPy 2 hides PyArrayMapIterObject: np.add.at replaces Theano's C code": (
        Edit("tensor/subtensor.py", "bool(numpy_ver < [1, 8])", "numpy_ver >= [2]"),
    ),
    "NumPy 2's header for Python 3 lacks the names for Python 2": (
        Edit(
            "gof/c_code/lazylinker_c.c",
            '#include "numpy/npy_3kcompat.h"\n',
            '#include "numpy/npy_3kcompat.h"\n'
            "#ifndef NPY_PY3K\n"
            "#define NPY_PY3K 1\n"
            "#define PyInt_Check PyLong_Check\n"
            "#define PyInt_AsLong PyLong_AsLong\n"
            "#define PyInt_FromLong PyLong_FromLong\n"
            "#endif\n",
        ),
    ),
}
