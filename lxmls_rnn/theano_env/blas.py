"""The BLAS that Theano's C code and ours link with: OpenBLAS from the package scipy-openblas32.

It comes with the environment, so it needs no root and is the same on every machine. In it each function's name begins
with ``scipy_``, so that it never gets mixed up with the OpenBLAS inside NumPy's and SciPy's wheels.
"""

import importlib.util
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


def name(flags: str) -> str:
    """Return a short name for the package's flags, other ones as they are."""
    return f"OpenBLAS {metadata.version(PACKAGE)} of {PACKAGE}" if flags and flags == ldflags() else flags
