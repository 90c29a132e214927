"""Findings about the software that Theano needs for fast C code, and about the test function."""

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib import metadata
from pathlib import Path

from lxmls_rnn.device import Finding
from lxmls_rnn.doctor.basics import python
from lxmls_rnn.doctor.trial import Trial
from lxmls_rnn.theano_env import blas as theano_blas
from lxmls_rnn.theano_env.flags import compiler, in_effect, python_headers

from theano_runtime import programs  # isort: skip  not in a stock Theano, which the imports above refuse
from theano_runtime.failures import CompileError  # isort: skip


def software(cxx: str, blas: str, cache: str) -> Iterator[Finding]:
    """Yield the findings about the library, Python, NumPy, the C++ compiler, Python's headers and BLAS.

    `cxx` and `blas` are Theano's flags for the compiler and for linking with BLAS; empty: none. `cache` is the folder
    of the compile cache.
    """
    yield from python()

    cxx = cxx or compiler()
    headers, (major, minor) = python_headers(), sys.version_info[:2]
    if cxx:
        yield Finding("C++ compiler", f"{cxx} {programs.ask(cxx, '-dumpfullversion')}")
    else:
        yield Finding("C++ compiler", "none: Theano runs in Python, slowly", False, ("g++",))

    if headers.exists():
        yield Finding("Python headers", str(headers.parent))
    elif sys.base_prefix == "/usr":
        remedy = "Without root: make setup PYTHON=uv installs a Python with its headers."
        yield Finding("Python headers", "none: no C code compiles", False, (f"python{major}.{minor}-dev",), remedy)
    else:
        remedy = "make setup PYTHON=uv installs a Python with its headers."
        yield Finding("Python headers", "none: no C code compiles", False, remedy=remedy)

    yield blas_found(cxx, blas, cache)


def blas_found(cxx: str, blas: str, cache: str) -> Finding:
    """Return the finding about the BLAS that C code calls; it explains why, if this is not the package's own."""
    name, why = theano_blas.name(blas), theano_blas.problem()
    if not cxx:
        return Finding("BLAS", "unknown without a compiler", None)
    if blas == "-lopenblas" and why:
        name = f"the system's OpenBLAS, because {why}"
    if blas:
        try:
            return Finding("BLAS", f"{name}; {theano_blas.prove(cxx, blas, Path(cache))}")
        except (CompileError, OSError):
            remedy = "Take blas.ldflags out of THEANO_FLAGS and .theanorc, or name a BLAS there that links."
            return Finding("BLAS", f"{name} does not link", False, remedy=remedy)
        except RuntimeError as error:
            return Finding("BLAS", str(error), False)
    if why:
        return Finding("BLAS", f"NumPy's, with slower calls, because {why}", False, ("libopenblas-dev",))
    return Finding("BLAS", "NumPy's, with slower calls, because blas.ldflags is set to nothing", None)


def theano_found(trial: Trial) -> Iterator[Finding]:
    """Yield the findings about Theano, its compile cache, its device and the test function."""
    report = trial.report
    yield Finding("Theano", metadata.version("theano"))
    if report is not None:
        cache = Path(report.compiledir)
        size = 0
        for file in cache.rglob("*"):
            with suppress(FileNotFoundError):  # another process renames or deletes it now
                size += file.stat().st_size if file.is_file() else 0
        modules = sum(1 for _ in cache.glob("tmp*/*.so"))
        yield Finding("Compile cache", f"{modules} modules, {size / 1e6:.0f} MB in {short(cache.parent)}")
        yield Finding("Device", f"{report.device_used}, floatX {report.floatX}")
    if trial.error:
        yield Finding("Test function", trial.error, False)
    else:
        yield Finding("Test function", "compiled to C, ran, and gave the right result")


def short(path: Path) -> str:
    """Return a path with the home directory as ``~``."""
    home = os.path.expanduser("~")  # stays "~" where there is none
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)


def theano_tools() -> tuple[str, str, str]:
    """Return the compiler, the BLAS flags and the compile cache that Theano would use, without importing it."""
    flags = in_effect()
    cache = flags.get("compiledir") or flags["base_compiledir"]
    return flags.get("cxx", compiler()), flags.get("blas.ldflags", ""), cache
