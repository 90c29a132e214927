"""The proof of a BLAS, with one that is right, wrong in one entry, or crashes: spoilt_blas.cpp."""

import json
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lxmls_rnn.device import blas_proof
from lxmls_rnn.theano_env import blas as theano_blas

pytestmark = pytest.mark.skipif(not shutil.which("g++"), reason="there is no g++")
FIRST, SECOND = blas_proof.KERNELS[platform.machine()]


@pytest.fixture(scope="module")
def ldflags(tmp_path_factory):
    """Flags that link with the spoilt library."""
    folder = tmp_path_factory.mktemp("blas")
    source = Path(__file__).with_name("spoilt_blas.cpp")
    subprocess.run(["g++", "-O1", "-shared", "-fPIC", source, "-o", folder / "libspoilt.so"], check=True)
    return f"-L{folder} -lspoilt"


@pytest.fixture
def library(ldflags):
    return f"{ldflags.split()[0][2:]}/libspoilt.so"


@pytest.fixture
def prove(ldflags, tmp_path_factory, monkeypatch):
    """Prove the library with faults of its kernels."""
    monkeypatch.delenv(blas_proof.VARIABLE, raising=False)
    folder = tmp_path_factory.getbasetemp() / "cache"

    def proved(faults=""):
        monkeypatch.setenv("SPOILT", faults)
        for record in folder.glob("*.json"):
            record.unlink()
        return theano_blas.prove_linked("g++", ldflags, folder)

    return proved


def python(code, cache, **environ):
    """Run code in a fresh Python with a cache of its own; return the status, the output and the last line of errors."""
    others = {name: value for name, value in os.environ.items() if name not in (blas_proof.VARIABLE, "THEANO_FLAGS")}
    environ = {**others, "XDG_CACHE_HOME": str(cache), "THEANORC": os.devnull, "LXMLS_DEVICE": "cpu", **environ}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr.strip().rpartition("\n")[2]


def test_a_blas_that_is_right_is_proved(prove, library):
    assert prove() == (library, "native", "", "")


@pytest.mark.parametrize("function", [f"{s}{name}" for s in "sd" for name in ("gemm", "gemv", "ger", "dot", "axpy")])
def test_one_wrong_entry_of_any_function_is_found(prove, library, function):
    dtype = {"s": "float32", "d": "float64"}[function[0]]
    proof = prove(f"native {function} wrong")
    assert proof[:3] == (library, FIRST, FIRST)
    assert re.match(rf"native is wrong in {dtype} {function[1:]}( [NT]+)? \(\d+, \d+\) \(\d+, \d+\)$", proof.faults)


def test_kernels_that_crash_are_passed_over(prove, library):
    proof = prove(f"native dgemm crashes; {FIRST} sdot crashes")
    assert proof[:3] == (library, SECOND, SECOND)
    assert re.fullmatch(
        rf"native crashes \(SIGSEGV\) in float64 gemm NN .*; {FIRST} crashes \(SIGSEGV\) in float32 dot .*",
        proof.faults,
    )


def test_without_a_right_kernel_the_error_names_library_kernels_and_products(prove, library):
    faults = f"native dgemm wrong; {FIRST} dgemv wrong; {SECOND} saxpy crashes"
    products = rf"native is wrong in float64 gemm NN \(.*; {FIRST} is wrong in float64 gemv N \(.*; {SECOND} crashes"
    with pytest.raises(RuntimeError, match=rf"-lspoilt \({library}\) is wrong on this processor: {products}"):
        prove(faults)


def test_a_static_library_has_no_other_kernel(tmp_path, monkeypatch):
    """Each module of Theano would have a copy of it, with the kernel for the processor."""
    source = Path(__file__).with_name("spoilt_blas.cpp")
    subprocess.run(["g++", "-O1", "-fPIC", "-c", source, "-o", tmp_path / "spoilt.o"], check=True)
    subprocess.run(["ar", "rc", tmp_path / "libspoilt.a", tmp_path / "spoilt.o"], check=True)
    monkeypatch.setenv("SPOILT", "native dgemm wrong")
    with pytest.raises(RuntimeError, match="is wrong on this processor: it is wrong in float64 gemm NN"):
        theano_blas.prove_linked("g++", f"-L{tmp_path} -lspoilt", tmp_path)


def test_the_users_kernel_is_kept_if_it_is_right_and_named_if_not(prove, library, monkeypatch):
    monkeypatch.setenv(blas_proof.VARIABLE, "mine")
    assert prove("native dgemm wrong") == (library, "mine", "mine", "")
    with pytest.raises(RuntimeError, match=r"mine is wrong in .* gemm NN .*; unset OPENBLAS_CORETYPE=mine or name"):
        prove("mine sgemm wrong")


def test_a_proof_is_stored_for_processor_library_and_kernel(prove, ldflags, library, tmp_path, monkeypatch):
    prove()
    (linked,) = (tmp_path.parent / "cache").glob("*.so")

    def proved():
        return blas_proof.prove("BLAS", linked, tmp_path)

    runs = []
    run = subprocess.run
    monkeypatch.setattr(
        blas_proof.subprocess, "run", lambda *args, **options: runs.append(args) or run(*args, **options)
    )
    assert proved() == proved() == (library, "native", "", "")
    assert len(runs) == 1
    (record,) = tmp_path.iterdir()
    record.write_text(record.read_text()[:-3])  # damaged
    assert proved() == proved()
    assert len(runs) == 2
    os.utime(library, ns=(1, 1))  # another version
    assert proved() == proved()
    assert len(runs) == 3
    monkeypatch.setenv(blas_proof.VARIABLE, "mine")
    assert proved().kernel == proved().kernel == "mine"
    assert len(runs) == 4
    monkeypatch.setattr(blas_proof, "identity", lambda: "another")
    assert proved() == proved()
    assert len(runs) == 5
    tmp_path.joinpath("file").touch()
    assert blas_proof.prove("BLAS", linked, tmp_path / "file" / "none").kernel == "mine"  # no folder to store it


THEANO = """if True:
    import ctypes, os
    import numpy, theano, theano.tensor as T
    x = T.dmatrix()
    A = numpy.arange(400.0).reshape(20, 20)
    assert (theano.function([x], T.dot(x, x))(A) == (A[:, :, None] * A[None]).sum(axis=1)).all()
    loaded = ctypes.CDLL(next(line.split()[-1] for line in open("/proc/self/maps") if "libspoilt" in line))
    loaded.openblas_get_corename.restype = ctypes.c_char_p
    print(loaded.openblas_get_corename().decode(), os.environ.get("OPENBLAS_CORETYPE"))
"""


def test_theano_multiplies_with_the_kernel_that_is_right(ldflags, tmp_path):
    """The variable is not left for other libraries and child processes."""
    environ = {"SPOILT": "native dgemm wrong", "THEANO_FLAGS": f"blas.ldflags={ldflags}"}
    assert python(THEANO, tmp_path, **environ)[:2] == (0, f"{FIRST} None\n")  # a slow compiler is reported beside it


def test_a_library_that_was_loaded_with_a_wrong_kernel_stops_the_import_of_theano(ldflags, library, tmp_path):
    environ = {"SPOILT": "native dgemm wrong", "THEANO_FLAGS": f"blas.ldflags={ldflags}"}
    status, _, error = python(f"import ctypes; ctypes.CDLL({library!r}); import theano", tmp_path, **environ)
    assert status == 1
    assert "has been loaded with the kernel native, but native is wrong in float64 gemm NN" in error
    assert error.endswith(f"set OPENBLAS_CORETYPE={FIRST} before Python starts")


MODEL = "from lxmls_rnn.deep_learning.numpy_rnn import NumpyRNN; NumpyRNN(5, 4, 3, 3); print('made')"


def test_a_library_that_only_a_record_names_is_not_loaded(library, tmp_path):
    code = f"{MODEL}; print('libspoilt' in open('/proc/self/maps').read())"
    assert python(code, tmp_path)[1] == "made\nFalse\n"
    (record,) = (tmp_path / "lxmls-rnn").iterdir()
    right, forged = record.read_text(), json.dumps([library, "native", "", "", blas_proof._version(library)])
    record.write_text(forged)
    assert python(code, tmp_path)[1] == "made\nFalse\n"
    assert record.read_text() == right  # proved again


def test_a_proof_that_other_users_could_have_written_is_not_believed(library, tmp_path):
    assert python(MODEL, tmp_path, LD_PRELOAD=library)[1] == "made\n"
    wrong = {"LD_PRELOAD": library, "SPOILT": "native cblas wrong"}
    assert python(MODEL, tmp_path, **wrong)[1] == "made\n"  # the record says so
    (tmp_path / "lxmls-rnn").chmod(0o777)
    assert python(MODEL, tmp_path, **wrong)[1] == ""


@pytest.mark.parametrize("fault", ["wrong", "crashes"])
def test_numpy_with_a_wrong_blas_makes_no_model_and_names_the_variable(library, tmp_path, fault):
    environ = {"LD_PRELOAD": library, "SPOILT": f"native cblas {fault}; {FIRST} cblas wrong"}
    status, output, error = python(MODEL, tmp_path, **environ)
    assert (status, output) == (1, "")
    found = re.fullmatch(
        r"RuntimeError: NumPy's BLAS .* has been loaded with the kernel (\w+), but \1 (?:is wrong|crashes \(SIGSEGV\))"
        r" in float64 gemm CC \(\d+, \d+\) \(\d+, \d+\).*: set (OPENBLAS_CORETYPE)=(\w+) before Python starts",
        error,
    )
    assert found, error
    assert python(MODEL, tmp_path, **environ, **{found[2]: found[3]})[1] == "made\n"


def test_a_variable_that_is_set_after_numpys_import_does_not_count(library, tmp_path):
    environ = {"LD_PRELOAD": library, "SPOILT": "native cblas wrong"}
    late = f"import numpy, os; os.environ['OPENBLAS_CORETYPE'] = {SECOND!r}; {MODEL}"
    status, output, error = python(late, tmp_path, **environ)
    assert (status, output) == (1, "")
    assert error.endswith(f"is proved: set OPENBLAS_CORETYPE={SECOND} before Python starts")


def test_a_python_that_cannot_multiply_is_no_wrong_product(tmp_path):
    with pytest.raises(RuntimeError, match=r"the products of BLAS cannot be computed: Python imports .* instead of .*"):
        blas_proof.prove("BLAS", __file__, tmp_path)


def test_the_import_of_the_package_and_its_help_prove_nothing(tmp_path):
    for code in (
        "import lxmls_rnn",
        "import sys; sys.argv = ['lxmls-rnn', '--help']; from lxmls_rnn import __main__ as m; m.main()",
    ):
        assert python(code, tmp_path)[0] == 0
    assert list(tmp_path.iterdir()) == []


def test_the_identity_of_a_processor_is_its_models_not_its_states():
    found = blas_proof.identity()
    assert platform.machine() in found
    assert "MHz" not in found
    assert found == blas_proof.identity()
