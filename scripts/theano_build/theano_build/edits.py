"""Edits of Theano 1.0.5: support for newer versions of Python and NumPy, bug fixes, and hooks for lxmls_rnn.

One build supports every NumPy: differences between NumPy 1 and 2 are resolved when the code runs or is compiled.
"""

import re
import textwrap
from collections.abc import Callable
from typing import NamedTuple


class Edit(NamedTuple):
    """Replacement of `old`, a text or pattern that occurs `times` times in `file`, by `new`.

    File names are relative to Theano's folder; ``versioneer.py`` is next to it.
    """

    file: str
    old: "str | re.Pattern[str]"
    new: "str | Callable[[re.Match[str]], str]"
    times: int = 1


ITEM_SIZE = re.compile(r"PyArray_DESCR\(([^()]+|%\(\w+\)s)\)->elsize"), r"PyArray_ITEMSIZE(\1)"
# Modules that the edited files call; each file imports what it needs.
COMPILER, CONTEXTS, ENTRIES, FAILURES, LOAD, PROGRAMS = (
    f"lxmls_rnn.theano_env.{name}" for name in ("compiler", "contexts", "entries", "failures", "load", "programs")
)
# VM_Linker.make_all
VM_LINKER = re.compile(r"(    def make_all\(self, profiler=None, input_storage=None,\n.*\n *\):)")
NO_SIGNALTOOLS = re.compile(r"from scipy\.signal\.signaltools import .*"), "raise ImportError"


def _within_importing(match: "re.Match[str]") -> str:
    """Return the body of ``theano/__init__.py`` as a block that runs with the settings of lxmls_rnn."""
    return (
        f"{match[1]}\ntry:\n    from {LOAD} import importing\nexcept ModuleNotFoundError as error:\n"
        "    raise ImportError(f'this build of Theano needs lxmls-rnn: {error}') from None\n\n"
        "with importing():\n" + textwrap.indent(match[2].lstrip(), "    ")
    )


EDITS = {
    "Python 3.12 has no distutils, and NumPy no numpy.distutils": (
        Edit("configdefaults.py", "import distutils.spawn", "import shutil"),
        Edit("configdefaults.py", "distutils.spawn.find_executable(", "shutil.which("),
        Edit("configdefaults.py", "del distutils", "del shutil"),
        Edit("tensor/blas.py", "import numpy.distutils\n", ""),
        Edit("tensor/blas.py", "import numpy.distutils.__config__", "pass"),
        Edit("gof/cmodule.py", "import numpy.distutils\n", "import numpy\n"),
        Edit("gof/cmodule.py", "numpy.distutils.misc_util.get_numpy_include_dirs()", "[numpy.get_include()]"),
        Edit("gof/cmodule.py", "import distutils.sysconfig\n", "import sysconfig\n"),
        Edit("gof/cmodule.py", "distutils.sysconfig.get_python_inc()", "sysconfig.get_path('include')", 2),
        Edit(
            "gof/cmodule.py",
            "distutils.sysconfig.get_python_inc(plat_specific=True)",
            "sysconfig.get_path('platinclude')",
        ),
        Edit(
            "gof/cmodule.py",
            re.compile(r"distutils\.sysconfig\.get_python_lib\(plat_specific=1,(\n *)standard_lib=1\)"),
            r"sysconfig.get_path(\1'stdlib')",
        ),
        Edit("gof/cmodule.py", "distutils.sysconfig.get_", "sysconfig.get_", 7),
    ),
    "Python 3.12 removed names from configparser": (
        Edit("versioneer.py", "configparser.SafeConfigParser()", "configparser.ConfigParser()"),
        Edit("versioneer.py", "parser.readfp(f)", "parser.read_file(f)"),
    ),
    "Python 3.12 has no module imp": (
        Edit("tests/breakpoint.py", "import imp\n", "from importlib.util import find_spec\n"),
        Edit("tests/breakpoint.py", "imp.find_module(", "find_spec(", 2),
    ),
    "Only old versions of setuptools include pkg_resources": (
        Edit("gpuarray/linalg.py", "import pkg_resources\n", ""),
        Edit("gpuarray/linalg.py", ", pkg_resources.DistributionNotFound)", ")", 2),
    ),
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
    "The pygpu of scripts/pygpu_build contains the library libgpuarray": (
        Edit(
            "gpuarray/type.py",
            "        dirs = []\n        for dir_to_add in ['Library/lib', 'lib']:\n",
            "        ours = os.path.join(os.path.dirname(pygpu.get_include()), 'lib')\n"
            "        dirs = [ours] if os.path.isdir(ours) else []\n"
            "        for dir_to_add in ['Library/lib', 'lib']:\n",
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
    "SciPy can import its parts when they are used, which saves most of a second at the start": (
        Edit("scalar/basic_scipy.py", "import scipy.special\n", "import scipy\n"),
        Edit("scalar/basic_scipy.py", "    import scipy.stats\n", ""),
        Edit("tensor/slinalg.py", "    import scipy.linalg\n", "    import scipy\n"),
        # Ops in Python use NumPy's products instead of SciPy's, without a warning
        Edit("tensor/blas.py", "    import scipy.linalg.blas\n", "    raise ImportError\n"),
        Edit("tensor/blas.py", "if not config.blas.ldflags:\n        _logger", "if False:\n        _logger"),
        Edit("tensor/blas_headers.py", "_logger.warning('Using NumPy", "_logger.info('Using NumPy"),
        # SciPy removed these names
        Edit("tensor/nnet/conv.py", *NO_SIGNALTOOLS),
        Edit("tensor/nnet/abstract_conv.py", *NO_SIGNALTOOLS),
    ),
    "A damaged file of the compile cache must be deleted and compiled again": (
        Edit("gof/cmodule.py", "import theano\n", f"import theano, {COMPILER}, {ENTRIES}, {FAILURES}\n"),
        Edit("gof/cmodule.py", "pickle.load(f)", f"{ENTRIES}.load_key(f)", 3),
        Edit(
            "gof/cmodule.py",
            "with open(self.key_pkl, 'wb') as f:\n"
            "                pickle.dump(self, f, protocol=pickle.HIGHEST_PROTOCOL)\n",
            f"{ENTRIES}.save(self)\n",
        ),
        Edit("gof/cmodule.py", "            os.remove(self.key_pkl)\n", ""),
        Edit("gof/cmodule.py", "msg='broken cache directory [EOF]',", "msg='damaged',"),
        Edit(
            "gof/cmodule.py",
            re.compile(r"(msg='damaged',\n *)level=logging\.WARNING"),
            r"\1level=logging.INFO",
        ),
        # Another process may delete an entry after it was listed.
        Edit("gof/cmodule.py", "files = os.listdir(root)", f"files = {ENTRIES}.listing(root)"),
        Edit("gof/cmodule.py", "files = os.listdir(a[0])", f"files = {ENTRIES}.listing(a[0])"),
        Edit("gof/cmodule.py", "return os.stat(path)[stat.ST_ATIME]", f"return {ENTRIES}.last_access(path)"),
        Edit("gof/cmodule.py", "= dlimport(name)", f"= {ENTRIES}.load_module(dlimport, name)"),
        Edit(
            "gof/cmodule.py",
            "    def module_from_key(",
            f"    @{ENTRIES}.repairing\n    def module_from_key(",
        ),
        *(
            Edit(
                file,
                re.compile(r"( +)(location = os\.path\.join\(config\.compiledir, '\w+'\)\n)"),
                rf"\1\2\1import {ENTRIES}\n\1{ENTRIES}.prepare(location)\n",
            )
            for file in ("gof/cutils.py", "gof/lazylinker_c.py")
        ),
        Edit(
            "scan_module/scan_perform_ext.py",
            "\ntry:\n    try_import()\n",
            f"\nimport {ENTRIES}\n{ENTRIES}.prepare(os.path.join(config.compiledir, 'scan_perform'))\n"
            "try:\n    try_import()\n",
        ),
    ),
    "An error of compiling C code must be one sentence": (
        Edit(
            "gof/cmodule.py",
            "            try:\n                location = dlimport_workdir(self.dirname)\n",
            "            location = dlimport_workdir(self.dirname)\n            try:\n",
        ),
        Edit(
            "gof/cmodule.py",
            "    return tempfile.mkdtemp(dir=basedir)\n",
            f"    with {FAILURES}.explained(basedir):\n        return tempfile.mkdtemp(dir=basedir)\n",
        ),
        Edit("gof/opt.py", "import theano\nfrom", f"import theano, {FAILURES}\nfrom"),
        Edit(
            "gof/opt.py",
            '        _logger.error("SeqOptimizer apply',
            f'        {FAILURES}.pass_on(exc)\n        _logger.error("SeqOptimizer apply',
        ),
        Edit(
            "gof/opt.py",
            '        """\n        if config.on_opt_error != ',
            f'        """\n        {FAILURES}.pass_on(exc)\n        if config.on_opt_error != ',
        ),
    ),
    "A compiler that does not return must be reported, and killed on an interrupt": (
        Edit("misc/windows.py", "import subprocess\n", f"import subprocess, {PROGRAMS}\n"),
        Edit(
            "misc/windows.py",
            re.compile(r"    with open\(os\.devnull, 'wb'\) as null:\n( {8}.*\n)+    return returncode\n"),
            f"    return {PROGRAMS}.run(command).status\n",
        ),
        Edit(
            "misc/windows.py",
            re.compile(r"    params\['stdout'\] = subprocess\.PIPE\n(    .*\n)+    return out \+ \(p\.returncode,\)\n"),
            f"    done = {PROGRAMS}.run(command)\n    return done.output, done.errors, done.status\n",
        ),
    ),
    "A user may have no name and no HOME": (
        Edit("configdefaults.py", "    assert home is not None\n", "    home = home or ''  # the cache is elsewhere\n"),
    ),
    "Theano's Cython module for scan does not compile with Python 3.11; scan's Python loop is as fast": (
        Edit(
            "scan_module/scan_perform_ext.py",
            "import warnings\n",
            "import warnings\n\nif sys.version_info >= (3, 11):\n    raise ImportError('not for this Python')\n",
        ),
    ),
    "Ops with empty __props__ (Dot22, Softmax, Alloc, ...) had no version and were compiled in every process": (
        Edit("gof/cc.py", "if hasattr(node.op, '__props__'):", "if getattr(node.op, '__props__', ()):"),
    ),
    "Python's hash of a string differs between processes, so DimShuffle and others were compiled in each": (
        Edit("gof/op.py", "import inspect\n", "import hashlib\nimport inspect\n"),
        Edit(
            "gof/op.py",
            "(hash(tuple(self.func_codes)), )",
            "(hashlib.sha256('\\0'.join(self.func_codes).encode()).hexdigest(), )",
        ),
    ),
    "The name of a C struct with a GPU context contained an address, so its modules were compiled in each process": (
        Edit(
            "gpuarray/type.py",
            "    # c_sync is intentionally not declared",
            "    def __str__(self):\n        return 'GpuContextType'\n\n    # c_sync is intentionally not declared",
        ),
    ),
    "In float64 the logistic function rounds to 1 from x = 37 on; C code returned 1 from 19 on, an error of 6e-9": (
        Edit("tensor/nnet/sigm.py", "%(x)s > 19.0 ? 1.0 :", "%(x)s > 37.0 ? 1.0 :"),
        Edit(
            "tensor/nnet/sigm.py",
            re.compile(r"(super\(ScalarSigmoid, self\)\.c_code_cache_version\(\)\n *if v:\n *return )\(2,\) \+ v"),
            r"\1(3,) + v",
        ),
    ),
    "Constants of Ops that only move numbers can be folded in Python; C code was compiled to run once": (
        Edit(
            "tensor/opt.py",
            "    if (hasattr(node.op, 'python_constant_folding') and\n"
            "            node.op.python_constant_folding(node)):\n",
            "    movers = (T.Alloc, T.ScalarFromTensor, T.TensorFromScalar, T.Rebroadcast, DimShuffle, MakeVector,\n"
            "              Shape, Shape_i, Subtensor)\n"
            "    if isinstance(node.op, movers) or (\n"
            "            hasattr(node.op, 'python_constant_folding') and\n"
            "            node.op.python_constant_folding(node)):\n",
        ),
    ),
    "The modules of a function are compiled in parallel, with a precompiled header and other options": (
        Edit("gof/vm.py", "import theano.gof.cmodule\n", f"import theano.gof.cmodule\nimport {COMPILER}\n"),
        Edit("gof/vm.py", VM_LINKER, rf"    @{COMPILER}.in_parallel\n\1"),
        Edit(
            "gof/cmodule.py",
            "    @staticmethod\n    def compile_str(module_name, src_code, location=None,\n",
            f"    @staticmethod\n    @{COMPILER}.compiling\n"
            "    def compile_str(module_name, src_code, location=None,\n",
        ),
    ),
    "Threads must take turns to compile, because they share the optimiser and the module cache": (
        Edit("compile/function_module.py", "import theano\n", f"import theano\nimport {CONTEXTS}\n"),
        Edit("compile/function_module.py", "\ndef orig_function(", f"\n@{CONTEXTS}.in_turns\ndef orig_function("),
    ),
    "Theano is imported with the settings of lxmls_rnn, on the requested device": (
        Edit("__init__.py", re.compile(r'(?s)(.*__docformat__ = "restructuredtext en"\n)(.*)'), _within_importing),
    ),
}

# Theano's files that are replaced by files of this package.
FILES = {"gof/compilelock.py": "compilelock.py"}
