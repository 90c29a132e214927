"""The BLAS that Theano's C code and ours link with: OpenBLAS from the package scipy-openblas32.

It comes with the environment, so it needs no root and is the same on every machine. In it each function's name begins
with ``scipy_``, so that it never gets mixed up with the OpenBLAS inside NumPy's and SciPy's wheels.
"""

import ctypes
import importlib.util
import os
import platform
import re
from importlib import metadata
from pathlib import Path

PACKAGE = "scipy-openblas32"
# Every function of BLAS that Theano's C code or ours calls.
SYMBOLS = (
    *("sgemm_", "dgemm_", "sgemv_", "dgemv_", "sger_", "dger_", "sdot_", "ddot_", "saxpy_", "daxpy_"),
    *("openblas_get_num_threads", "openblas_set_num_threads"),
)

# How long its threads look for more work before they sleep: 2 to this power of the processor's cycles, by default 26.
# So long they would stand in the way of our threads (`ops/cpu/parallel.c`) and of other processes.
TIMEOUT = {"OPENBLAS_THREAD_TIMEOUT": "21"}


def library() -> Path | None:
    """Return the package's shared library; None where it is not installed or has none for this platform."""
    spec = importlib.util.find_spec("scipy_openblas32")  # an import would load it for the whole process
    folders = spec.submodule_search_locations if spec is not None else None
    files = [Path(folder, "lib", "libscipy_openblas.so") for folder in folders or ()]
    return next((file for file in files if file.exists()), None)


def problem() -> str:
    """Say why Theano cannot link with the package; nothing if it can."""
    file = library()
    if file is None:
        return f"{PACKAGE} is not installed, or has no library for {platform.machine()}"
    if re.search(r"[\s,:]", str(file.parent)):  # Theano splits at spaces, the linker at commas and colons
        return f"{file.parent} has a space, comma or colon in its name"
    return ""


def ldflags() -> str:
    """Return Theano's flag ``blas.ldflags`` for the package; nothing where it cannot be linked with."""
    file = library()
    if file is None or problem():
        return ""
    names = [f"-D{symbol}=scipy_{symbol}" for symbol in SYMBOLS]
    return " ".join([f"-L{file.parent}", "-lscipy_openblas", *names])  # Theano itself adds -rpath for -L


def load(flags: str) -> None:
    """Load the package's library, if `flags` are those to link with it, so that it gets our `TIMEOUT`.

    A timeout in the environment goes before ours, which child processes do not get: NumPy's own OpenBLAS would take it.
    """
    file = library()
    if file is None or flags != ldflags():
        return
    ours = {name: value for name, value in TIMEOUT.items() if name not in os.environ}
    os.environ.update(ours)
    try:
        ctypes.CDLL(str(file))
    finally:
        for name in ours:
            del os.environ[name]


def name(flags: str) -> str:
    """Return a short name for the package's flags, other ones as they are."""
    return f"OpenBLAS {metadata.version(PACKAGE)} of {PACKAGE}" if flags and flags == ldflags() else flags
