"""BLAS for Theano's C code and this library's: OpenBLAS from the package scipy-openblas32, or the user's own.

The package is installed without root and is the same on every machine. Its function names begin with ``scipy_``, so
that they cannot clash with the OpenBLAS in the wheels of NumPy and SciPy. Every BLAS is proved before it is used.
"""

import ctypes
import hashlib
import importlib.util
import os
import platform
import re
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

from theano_runtime import entries, failures, programs

from lxmls_rnn.device import blas_proof

PACKAGE = "scipy-openblas32"
# All BLAS functions that Theano's C code or this library's calls.
SYMBOLS = (
    *("sgemm_", "dgemm_", "sgemv_", "dgemv_", "sger_", "dger_", "sdot_", "ddot_", "saxpy_", "daxpy_"),
    *("openblas_get_num_threads", "openblas_set_num_threads"),
)
FUNCTIONS = Path(__file__).with_name("blas_functions.cpp")

# OpenBLAS's threads spin for 2 to this power of processor cycles before they sleep. With the default of 26 they would
# slow down the threads of `ops/cpu/parallel.hpp` and other processes.
TIMEOUT_VARIABLE, TIMEOUT = "OPENBLAS_THREAD_TIMEOUT", "21"


def library() -> Path | None:
    """Return the shared library of `PACKAGE`; None if it is not installed or has none for this platform."""
    spec = importlib.util.find_spec("scipy_openblas32")  # an import would load it for the whole process
    folders = spec.submodule_search_locations if spec is not None else None
    files = [Path(folder, "lib", "libscipy_openblas.so") for folder in folders or ()]
    return next((file for file in files if file.exists()), None)


def why_unlinkable() -> str:
    """Return why Theano cannot link with `PACKAGE`, scipy-openblas32; an empty string if it can."""
    file = library()
    if file is None:
        return f"{PACKAGE} is not installed, or has no library for {platform.machine()}"
    if re.search(r"[\s,:]", str(file.parent)):  # Theano splits at spaces, the linker at commas and colons
        return f"{file.parent} has a space, comma or colon in its name"
    return ""


def ldflags() -> str:
    """Return Theano's flag ``blas.ldflags`` for `PACKAGE`; an empty string if Theano cannot link with it."""
    file = library()
    if file is None or why_unlinkable():
        return ""
    names = [f"-D{symbol}=scipy_{symbol}" for symbol in SYMBOLS]
    return " ".join([f"-L{file.parent}", "-lscipy_openblas", *names])  # Theano itself adds -rpath for -L


def shown_name(flags: str) -> str:
    """Return a short name for the flags of `ldflags`, and other flags unchanged."""
    return f"OpenBLAS {metadata.version(PACKAGE)} of {PACKAGE}" if flags and flags == ldflags() else flags


def prove_linked(cxx: str, flags: str, folder: Path) -> blas_proof.Proof:
    """Return the proof of the BLAS that `flags` link with.

    Parameters
    ----------
    cxx
        The C++ compiler.
    flags
        Theano's flag ``blas.ldflags``.
    folder
        The compile cache, which keeps the library that is linked with the BLAS, and the proof.

    Raises
    ------
    CompileError
        The library cannot be linked, for instance because `flags` do not link.
    RuntimeError
        A product is wrong, as in `device.blas_proof.prove`.
    """
    return blas_proof.prove(shown_name(flags), _linked(cxx, flags, folder), folder)


def _linked(cxx: str, flags: str, folder: Path) -> Path:
    """Return a library that is linked with the BLAS, of the compile cache or new; errors as in `prove_linked`."""
    source = FUNCTIONS.read_text()
    library = folder / f"blas-{hashlib.sha256(f'{flags}{source}'.encode()).hexdigest()[:16]}.so"
    if not library.exists():
        options = flags.split()
        rpaths = [f"-Wl,-rpath,{option[2:]}" for option in options if option.startswith("-L")]
        part = folder / f"{library.name}.{os.getpid()}"
        options += [*rpaths, "-ldl", "-Wl,-z,defs"]
        command = [*shlex.split(cxx), "-shared", "-fPIC", str(FUNCTIONS), *options, "-o", str(part)]
        with failures.explained(folder):
            folder.mkdir(parents=True, exist_ok=True)
            done = programs.run(command)
            if done.status != 0:
                raise failures.failure(command, done, source, folder, flags)
            entries.publish(part, library)
    return library


def load_proved(cxx: str, flags: str, folder: Path) -> None:
    """Load the BLAS that `flags` link with: its proved kernel, and if it is of `PACKAGE`, with `TIMEOUT` for threads.

    A timeout that is in the environment is kept. The environment of child processes stays as it is, for NumPy's BLAS.
    CompileError if the BLAS cannot be linked, RuntimeError if it is not proved or loads with another kernel.
    """
    from lxmls_rnn.device.blas_products import file_and_kernel

    if not (cxx and flags):
        return
    proof = prove_linked(cxx, flags, folder)
    settings = {blas_proof.VARIABLE: proof.coretype} if proof.coretype else {}
    if flags == ldflags():
        settings[TIMEOUT_VARIABLE] = os.environ.get(TIMEOUT_VARIABLE, TIMEOUT)
    with variables_set(settings):
        linked = ctypes.CDLL(str(_linked(cxx, flags, folder)))
    blas_proof.require_kernel(shown_name(flags), proof, file_and_kernel(linked)[1])


@contextmanager
def variables_set(values: Mapping[str, str]) -> Iterator[None]:
    """Set variables of the environment in the block."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
