"""Edits of Theano 1.0.5's own files, for Pythons and NumPys newer than it: 3.10 to 3.13, 1.26 to 2.x.

The files on disk stay as they are. The import hook has :class:`EditedLoader` load those of the table, and they are
edited as they are read. An edit that does not find its text stops the import. None changes the number of lines, so a
traceback points at the right one.
"""

import hashlib
import re
from collections.abc import Iterable
from importlib.machinery import SourceFileLoader
from typing import Any, NamedTuple

import numpy

NUMPY_2 = int(numpy.__version__.partition(".")[0]) >= 2


class Edit(NamedTuple):
    """A text, or what matches a pattern, so many `times` in `file` below Theano's folder, becomes `new`."""

    file: str
    old: "str | re.Pattern[str]"
    new: str
    times: int = 1


ITEM_SIZE = re.compile(r"PyArray_DESCR\(([^()]+|%\(\w+\)s)\)->elsize"), r"PyArray_ITEMSIZE(\1)"
# What the edited files call; it is imported where they are read.
ENTRIES, FAILURES, PROGRAMS = (f"lxmls_rnn.theano_env.{name}" for name in ("entries", "failures", "programs"))
PREPARE = f"import {ENTRIES}; {ENTRIES}.prepare"
NO_SIGNALTOOLS = re.compile(r"from scipy\.signal\.signaltools import .*"), "raise ImportError"

EDITS = {
    "Python 3.12 has no distutils, and with it NumPy has no numpy.distutils": (
        Edit("configdefaults.py", "import distutils.spawn", "import shutil"),
        Edit("configdefaults.py", "distutils.spawn.find_executable(", "shutil.which("),
        Edit("configdefaults.py", "del distutils", "del shutil"),
        Edit("tensor/blas.py", "import numpy.distutils\n", "\n"),
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
    "Python 3.12 has no imp": (
        Edit("tests/breakpoint.py", "import imp\n", "from importlib.util import find_spec\n"),
        Edit("tests/breakpoint.py", "imp.find_module(", "find_spec(", 2),
    ),
    "pkg_resources comes with old versions of setuptools only": (
        Edit("gpuarray/linalg.py", "import pkg_resources\n", "\n"),
        Edit("gpuarray/linalg.py", ", pkg_resources.DistributionNotFound)", ")", 2),
    ),
    "NumPy 1.24 has no np.complex, and np.bool only again from 2.0 on": (
        Edit("scalar/basic.py", "np.complex(", "builtin_complex(", 3),
        Edit("scalar/basic.py", "np.complex)", "builtin_complex)", 2),
        Edit("scalar/basic.py", "getattr(np, o_type.dtype)", "np.dtype(o_type.dtype).type"),
        Edit("scalar/sharedvar.py", "getattr(np, dtype)(value)", "np.dtype(dtype).type(value)"),
        # NumPy 2.5 makes no number of an array with one element that has a dimension
        Edit("tensor/basic.py", "np.complex(data)", "builtins.complex(np.asarray(data).item())"),
    ),
    "NumPy 2 has renamed or dropped these": (
        Edit("gof/cc.py", "np.core._multiarray_umath.", f"np.{'_core' if NUMPY_2 else 'core'}._multiarray_umath."),
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
    "NumPy 2 refuses a Python int that does not fit, which Theano lets wrap": (
        Edit("misc/safe_asarray.py", "np.asarray(a, dtype=dtype", "np.asarray(np.asarray(a), dtype=dtype"),
    ),
    "NumPy 2's np.unique gives the inverse the shape of what it was given": (
        Edit("tensor/extra_ops.py", "z[i][0] = outs[i]", "z[i][0] = outs[i].ravel() if i else outs[i]"),
    ),
    "NumPy 2 rounds a Python float to the array's dtype: 1.1 == np.float32(1.1)": (
        Edit("scalar/basic.py", "if np.all(x == x_):", "if np.all(np.asarray(x) == x_):"),
    ),
    "NumPy 2 has another number for 'all axes' in C": (
        Edit("tensor/basic.py", "NPY_MAXDIMS", "NPY_RAVEL_AXIS" if NUMPY_2 else "NPY_MAXDIMS", 2),
        Edit("tensor/subtensor.py", "NPY_MAXDIMS", "NPY_RAVEL_AXIS" if NUMPY_2 else "NPY_MAXDIMS", 2),
        Edit("tensor/extra_ops.py", "NPY_MAXDIMS", "NPY_RAVEL_AXIS" if NUMPY_2 else "NPY_MAXDIMS", 3),
        Edit("tensor/extra_ops.py", "np.MAXDIMS", "np.iinfo(np.intc).min" if NUMPY_2 else "np.MAXDIMS"),
    ),
    "NumPy 2 hides what a dtype is made of from C": (
        Edit("tensor/c_code/dimshuffle.c", *ITEM_SIZE),
        Edit("tensor/blas.py", *ITEM_SIZE, 2),
        Edit("tensor/blas_headers.py", *ITEM_SIZE),
        Edit("sandbox/rng_mrg.py", *ITEM_SIZE, 6),
        Edit("sparse/basic.py", *ITEM_SIZE, 8),
        Edit("sparse/opt.py", *ITEM_SIZE, 39),
    ),
    "NumPy 2 takes a number of Python's for one of the other's precision: 1 / z, a complex one, became single": (
        Edit("scalar/basic.py", "return np.float32(1.0) / x", "return 1.0 / x"),
    ),
    "NumPy 2 has complex numbers without .real and .imag in C": (
        Edit(
            "scalar/basic.py",
            " : public npy_complex%(nbits)s\n            {",
            "\n            { npy_float%(half_nbits)s real, imag;"
            " operator npy_complex%(nbits)s() const { npy_complex%(nbits)s z; memcpy(&z, this, sizeof z); return z; }",
        ),
    ),
    "NumPy 2 keeps PyArrayMapIterObject to itself: np.add.at does what Theano's C code did": (
        Edit("tensor/subtensor.py", "bool(numpy_ver < [1, 8])", "numpy_ver >= [2]"),
    ),
    "NumPy 2's header for Python 3 speaks of Python 3 only": (
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
    "SciPy imports its parts when they are asked for: most of a second less at the start": (
        Edit("scalar/basic_scipy.py", "import scipy.special\n", "import scipy\n"),
        Edit("scalar/basic_scipy.py", "    import scipy.stats\n", "\n"),
        Edit("tensor/slinalg.py", "    import scipy.linalg\n", "    import scipy\n"),
        # what is not compiled has NumPy's products instead of SciPy's, and no warning of it
        Edit("tensor/blas.py", "    import scipy.linalg.blas\n", "    raise ImportError\n"),
        Edit("tensor/blas.py", "if not config.blas.ldflags:\n        _logger", "if False:\n        _logger"),
        Edit("tensor/blas_headers.py", "_logger.warning('Using NumPy", "_logger.info('Using NumPy"),
        # for names that SciPy has no more
        Edit("tensor/nnet/conv.py", *NO_SIGNALTOOLS),
        Edit("tensor/nnet/abstract_conv.py", *NO_SIGNALTOOLS),
    ),
    "A damaged file of the compile cache is deleted, and what it held compiled again": (
        Edit("gof/cmodule.py", "import theano\n", f"import theano, {ENTRIES}\n"),
        Edit("gof/cmodule.py", "pickle.load(f)", f"{ENTRIES}.load_key(f)", 3),
        Edit(
            "gof/cmodule.py",
            "with open(self.key_pkl, 'wb') as f:\n"
            "                pickle.dump(self, f, protocol=pickle.HIGHEST_PROTOCOL)\n",
            f"{ENTRIES}.save(self)\n\n",
        ),
        Edit("gof/cmodule.py", "            os.remove(self.key_pkl)\n", "\n"),
        Edit("gof/cmodule.py", "msg='broken cache directory [EOF]',", "msg='damaged',"),
        Edit(
            "gof/cmodule.py",
            re.compile(r"(msg='damaged',\n *)level=logging\.WARNING"),
            r"\1level=logging.INFO",
        ),
        # Another process may have deleted an entry since it was listed.
        Edit("gof/cmodule.py", "files = os.listdir(root)", f"files = {ENTRIES}.listing(root)"),
        Edit("gof/cmodule.py", "files = os.listdir(a[0])", f"files = {ENTRIES}.listing(a[0])"),
        Edit("gof/cmodule.py", "return os.stat(path)[stat.ST_ATIME]", f"return {ENTRIES}.last_access(path)"),
        Edit("gof/cmodule.py", "= dlimport(name)", f"= {ENTRIES}.load_module(dlimport, name)"),
        Edit(
            "gof/cmodule.py",
            "\n    def module_from_key(",
            f"    @{ENTRIES}.repairing\n    def module_from_key(",
        ),
        *(
            Edit(
                file,
                re.compile(r"( location = os\.path\.join\(config\.compiledir, '\w+'\))\n"),
                rf"\1; {PREPARE}(location)\n",
            )
            for file in ("gof/cutils.py", "gof/lazylinker_c.py")
        ),
        Edit(
            "scan_module/scan_perform_ext.py",
            "\n\ntry:\n    try_import()\n",
            f"\n{PREPARE}(os.path.join(config.compiledir, 'scan_perform'))\ntry:\n    try_import()\n",
        ),
    ),
    "What keeps C code from being compiled is one sentence": (
        Edit(
            "gof/cmodule.py",
            "            try:\n                location = dlimport_workdir(self.dirname)\n",
            "            location = dlimport_workdir(self.dirname)\n            try:\n",
        ),
        Edit(
            "gof/cmodule.py",
            "    return tempfile.mkdtemp(dir=basedir)\n",
            f"    with {FAILURES}.explained(basedir): return tempfile.mkdtemp(dir=basedir)\n",
        ),
        Edit("gof/opt.py", "import theano\nfrom", f"import theano, {FAILURES}\nfrom"),
        Edit(
            "gof/opt.py",
            '        _logger.error("SeqOptimizer apply',
            f'        {FAILURES}.pass_on(exc); _logger.error("SeqOptimizer apply',
        ),
        Edit(
            "gof/opt.py",
            '\n\n        """\n        if config.on_opt_error != ',
            f'\n        """\n        {FAILURES}.pass_on(exc)\n        if config.on_opt_error != ',
        ),
    ),
    "A compiler that does not return is reported, and ends with an interrupt": (
        Edit("misc/windows.py", "import subprocess\n", f"import subprocess, {PROGRAMS}\n"),
        Edit(
            "misc/windows.py",
            "        p = subprocess_Popen(command, **params)\n        returncode = p.wait()\n",
            f"        returncode = {PROGRAMS}.run(command).status\n\n",
        ),
        Edit(
            "misc/windows.py",
            "    p = subprocess_Popen(command, **params)\n    # we",
            f"    done = {PROGRAMS}.run(command); return done.output, done.errors, done.status\n    # we",
        ),
    ),
    "A user without a name and without HOME": (
        Edit("configdefaults.py", "    assert home is not None\n", "    home = home or ''  # the cache is elsewhere\n"),
    ),
    "The edits of C files are made where Theano reads them": (
        Edit("gof/op.py", "self.func_codes.append(f.read())", f"self.func_codes.append({__name__}.read(func_file))"),
        Edit("gof/op.py", "import theano\n", f"import theano, {__name__}\n"),
        Edit("gof/lazylinker_c.py", "code = open(cfile).read()", f"import {__name__}; code = {__name__}.read(cfile)"),
    ),
}
ALL = tuple(edit for edits in EDITS.values() for edit in edits)
FOLDER = "/theano/"
MODULES = frozenset(
    "theano." + edit.file.removesuffix(".py").replace("/", ".") for edit in ALL if edit.file.endswith(".py")
)


def edits_of(path: str) -> list[Edit]:
    """Return the edits of a file of Theano, in their order."""
    file = path[path.rindex(FOLDER) + len(FOLDER) :]
    return [edit for edit in ALL if edit.file == file]


def digest(edits: Iterable[Edit]) -> str:
    """Return a name for edits, which others do not have."""
    texts = [(edit.file, str(getattr(edit.old, "pattern", edit.old)), edit.new) for edit in edits]
    return hashlib.sha256(repr(texts).encode()).hexdigest()[:12]


def read(path: str) -> str:
    """Return a file of Theano with its edits; ImportError if one finds its text not as often as it is to be there."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    for edit in edits_of(path):
        pattern = edit.old if isinstance(edit.old, re.Pattern) else re.compile(re.escape(edit.old))
        new = edit.new if isinstance(edit.old, re.Pattern) else edit.new.replace("\\", r"\\")
        text, found = pattern.subn(new, text)
        if found != edit.times:
            raise ImportError(
                f"{path} is not Theano 1.0.5's: {pattern.pattern!r} is there {found} times instead of {edit.times}",
                path=path,
            )
    return text


class EditedLoader(SourceFileLoader):
    """Load a file of Theano with its edits.

    Its bytecode is kept beside that of the unedited file, under a name that tells the edits: neither a Python without
    the import hook nor one with other edits takes it for its own.
    """

    def get_data(self, path: str) -> bytes:
        """Return the edited source, or the bytecode kept for it."""
        return read(path).encode() if path == self.path else super().get_data(self._kept(path))

    def set_data(self, path: str, data: Any, **mode: Any) -> None:
        """Keep bytecode."""
        super().set_data(self._kept(path), data, **mode)

    def path_stats(self, path: str) -> Any:
        """Return when the file was changed, without its size: bytecode has that of the edited source."""
        return {**super().path_stats(path), "size": None}

    def _kept(self, path: str) -> str:
        return f"{path.removesuffix('.pyc')}.{digest(edits_of(self.path))}.pyc"
