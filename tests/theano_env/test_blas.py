"""The BLAS that C code links with: the package's library, its names, and what happens where it cannot be had."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import lxmls_rnn
from lxmls_rnn import doctor
from lxmls_rnn.benchmark.measure.machine import describe
from lxmls_rnn.theano_env import blas, flags

OPS = Path(lxmls_rnn.__file__).parent / "deep_learning" / "ops"
needs_compiler = pytest.mark.skipif(not flags.compiler(), reason="there is no C++ compiler")


def sources():
    """Every source that can become C code of a module: Theano's and our own."""
    import theano

    for folder in (Path(theano.__file__).parent, OPS):
        for path in folder.rglob("*"):
            other = {"tests", "blas_headers.py", "alt_blas_template.c"}.intersection(path.relative_to(folder).parts)
            if path.suffix in (".py", ".c", ".cpp", ".h") and not other:
                yield path.read_text(encoding="utf-8", errors="replace")


@pytest.mark.daily("reads all sources of Theano, two seconds")
def test_every_function_of_blas_that_c_code_calls_has_its_name_in_the_table():
    from theano.tensor import blas_headers

    headers = blas_headers.blas_header_text() + blas_headers.openblas_threads_text()
    declared = set(re.findall(r"\b(\w+)\(", headers))
    assert len(declared) > 100
    called = {word for text in sources() for word in re.findall(r"\w+", text)} & declared
    assert called == set(blas.SYMBOLS)


@needs_compiler
def test_c_code_calls_the_packages_blas_with_the_threads_asked_for():
    """The library that a compiled product loads is the package's; OPENBLAS_NUM_THREADS holds for it."""
    program = """if True:
        import ctypes, numpy, theano, theano.tensor as T
        from lxmls_rnn.theano_env import blas
        x = T.dmatrix()
        theano.function([x], T.dot(x, x))(numpy.eye(2))
        loaded = [line.split()[-1] for line in open("/proc/self/maps") if "openblas" in line]
        assert str(blas.library().resolve()) in loaded, loaded
        print(ctypes.CDLL(str(blas.library())).scipy_openblas_get_num_threads())
    """
    environ = {**os.environ, "THEANO_FLAGS": "", "THEANORC": os.devnull, "OPENBLAS_NUM_THREADS": "1"}
    result = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, text=True)
    assert result.stdout == "1\n", result.stderr


@needs_compiler
@pytest.mark.parametrize("given", [{}, {"OPENBLAS_THREAD_TIMEOUT": "30"}])
def test_threads_of_blas_look_for_work_for_a_millisecond(given):
    """2^21 cycles, which the library reads when it is loaded; the environment's timeout goes before and stays."""
    program = """if True:
        import os, sys
        def watch(event, arguments):
            if event == "ctypes.dlopen" and "/blas-" in str(arguments[0]):
                print(os.environ.get("OPENBLAS_THREAD_TIMEOUT"))
        sys.addaudithook(watch)
        import theano
        print(os.environ.get("OPENBLAS_THREAD_TIMEOUT"))
    """
    environ = {name: value for name, value in os.environ.items() if name != "OPENBLAS_THREAD_TIMEOUT"}
    environ |= {"THEANO_FLAGS": "", "THEANORC": os.devnull, **given}
    result = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, text=True)
    assert result.stdout.split() == ([*given.values()] * 2 or ["21", "None"]), result.stderr


@needs_compiler
def test_without_any_blas_the_doctor_says_why_and_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy_openblas32", None)  # as if it were not installed
    finding = doctor.theano_blas(flags.compiler(), "", Path())
    assert finding.ok is False
    assert "scipy-openblas32 is not installed" in finding.value
    assert finding.packages == ("libopenblas-dev",)


@needs_compiler
@pytest.mark.parametrize("name", ["my lab", "a,b", "a:b"])
def test_a_folder_that_the_linker_would_split_is_said(monkeypatch, tmp_path, name):
    library = tmp_path / name / "scipy_openblas32" / "lib" / "libscipy_openblas.so"
    library.parent.mkdir(parents=True)
    library.touch()
    (library.parents[1] / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path / name)
    assert blas.ldflags() == ""
    finding = doctor.theano_blas(flags.compiler(), "", Path())
    assert f"{name}/scipy_openblas32/lib has a space, comma or colon" in finding.value


@needs_compiler
@pytest.mark.skipif(blas.ldflags() == "", reason=blas.why_unlinkable())
def test_its_name_is_shown_not_its_flags_with_its_kernel_and_the_proof(tmp_path):
    name = describe(1)["theano_blas"]
    assert re.fullmatch(r"OpenBLAS [\d.]+ of scipy-openblas32", name)
    finding = doctor.theano_blas(flags.compiler(), blas.ldflags(), tmp_path)
    assert re.fullmatch(rf"{re.escape(name)}; its products with the kernel \w+ are right( \(.*\))?", finding.value)
    assert blas.shown_name("-lmine") == "-lmine"
