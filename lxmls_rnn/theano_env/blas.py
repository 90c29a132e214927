"""BLAS for Theano's C code and this library's: OpenBLAS from the package scipy-openblas32.

The package is installed without root and is the same on every machine. Its function names begin with ``scipy_``, so
that they cannot clash with the OpenBLAS in the wheels of NumPy and SciPy.
"""

import ctypes
import importlib.util
import os
import platform
import re
from importlib import metadata
from pathlib import Path

PACKAGE = "scipy-openblas32"
# All BLAS functions that Theano's C code or this library's calls.
SYMBOLS = (
    *("sgemm_", "dgemm_", "sgemv_", "dgemv_", "sger_", "dger_", "sdot_", "ddot_", "saxpy_", "daxpy_"),
    *("openblas_get_num_threads", "openblas_set_num_threads"),
)

# OpenBLAS's threads spin for 2 to this power of processor cycles before they sleep. With the default of 26 they would
# slow down the threads of `ops/cpu/parallel.c` and other processes.
TIMEOUT_VARIABLE, TIMEOUT = "OPENBLAS_THREAD_TIMEOUT", "21"


def library() -> Path | None:
    """Return the package's shared library; None if it is not installed or has none for this platform."""
    spec = importlib.util.find_spec("scipy_openblas32")  # an import would load it for the whole process
    folders = spec.submodule_search_locations if spec is not None else None
    files = [Path(folder, "lib", "libscipy_openblas.so") for folder in folders or ()]
    return next((file for file in files if file.exists()), None)


def problem() -> str:
    """Return why Theano cannot link with the package; an empty string if it can."""
    file = library()
    if file is None:
        return f"{PACKAGE} is not installed, or has no library for {platform.machine()}"
    if re.search(r"[\s,:]", str(file.parent)):  # Theano splits at spaces, the linker at commas and colons
        return f"{file.parent} has a space, comma or colon in its name"
    return ""


def ldflags() -> str:
    """Return Theano's flag ``blas.ldflags`` for the package; an empty string if Theano cannot link with it."""
    file = library()
    if file is None or problem():
        return ""
    names = [f"-D{symbol}=scipy_{symbol}" for symbol in SYMBOLS]
    return " ".join([f"-L{file.parent}", "-lscipy_openblas", *names])  # Theano itself adds -rpath for -L


def load(flags: str) -> None:
    """Load the package's library with `TIMEOUT` if `flags` link with it.

    A timeout that is already in the environment is kept. Otherwise the variable is removed again, because NumPy's own
    OpenBLAS in a child process would use it.
    """
    file = library()
    if file is None or flags != ldflags():
        return
    given = os.environ.get(TIMEOUT_VARIABLE)
    os.environ.setdefault(TIMEOUT_VARIABLE, TIMEOUT)
    try:
        ctypes.CDLL(str(file))
    finally:
        if given is None:
            del os.environ[TIMEOUT_VARIABLE]


def name(flags: str) -> str:
    """Return a short name for the package's flags, and other flags unchanged."""
    return f"OpenBLAS {metadata.version(PACKAGE)} of {PACKAGE}" if flags and flags == ldflags() else flags
