"""Proof that a BLAS is right on this processor, before its results are used.

OpenBLAS chooses a kernel for the processor when it is loaded, and some kernels are wrong or crash on some processors. A
program multiplies in a process of its own and compares with plain sums; a proof is stored for processor and library.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import json
import os
import platform
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from lxmls_rnn import paths
from lxmls_rnn.device import processor
from lxmls_rnn.storage.files import make_private, write_atomically

VARIABLE = "OPENBLAS_CORETYPE"  # names a kernel; OpenBLAS reads it when it is loaded
# What else chooses a library or a kernel.
VARIABLES = (VARIABLE, "OPENBLAS_L2_SIZE", "LD_LIBRARY_PATH", "LD_PRELOAD")
# Kernels that are tried if the one for this processor is wrong, by the name of the machine.
KERNELS = {"aarch64": ("NEOVERSEN1", "ARMV8"), "x86_64": ("Haswell", "Nehalem")}
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
CRASHES = ("SIGSEGV", "SIGILL", "SIGBUS", "SIGFPE", "SIGABRT")
IS_WRONG = 3  # exit status of a program after a wrong product
NUMPY = "NumPy's BLAS"


class Proof(NamedTuple):
    """A BLAS whose products are right."""

    library: str  # its file
    kernel: str  # OpenBLAS's name of it; empty for another BLAS
    coretype: str  # the value of `VARIABLE` that selects the kernel; empty: OpenBLAS selects it for the processor
    faults: str  # those of other kernels, in words; empty if none was tried

    def __str__(self) -> str:
        kernel = f"with the kernel {self.kernel} " if self.kernel else ""
        return f"its products {kernel}are right{self.faults and f' ({self.faults})'}"


def prove(name: str, command: Sequence[str | Path], folder: Path) -> Proof:
    """Return the proof of a BLAS, stored in `folder` or new.

    Parameters
    ----------
    name
        The BLAS in error messages.
    command
        A program and the files of its arguments. It prints the library's file, the kernel's name and each product
        before it is computed. Its status is `IS_WRONG` after a wrong product.
    folder
        The folder of stored proofs, which may be read-only.

    Raises
    ------
    RuntimeError
        A product is wrong, with every kernel unless the user has set `VARIABLE`, or the program does not run.
    """
    given = os.environ.get(VARIABLE, "")
    files = [(str(file), _version(file)) for file in command]
    key = json.dumps([processor.identity(), files, [os.environ.get(variable) for variable in VARIABLES]])
    record = folder / f"blas-{hashlib.sha256(key.encode()).hexdigest()[:16]}.json"
    with suppress(OSError, ValueError, TypeError):  # no record, or a damaged one
        *fields, version = json.loads(record.read_bytes())
        proof = Proof(*fields)
        if version == _version(proof.library):
            return proof

    faults: list[str] = []
    for coretype in (given, *(() if given else KERNELS.get(platform.machine(), ()))):
        library, kernel, fault = _multiply(name, command, coretype)
        if not fault:
            proof = Proof(library, kernel, coretype, "; ".join(faults))
            with suppress(OSError):  # without a record it is proved again each time
                make_private(folder)
                write_atomically(record, json.dumps([*proof, _version(library)]))
            return proof
        faults.append(f"{kernel or coretype or 'it'} {fault}")
        if not kernel:  # only OpenBLAS has others
            break
    remedy = f"unset {VARIABLE}={given} or name another kernel" if given else "install another version of it"
    raise RuntimeError(f"{name} ({library}) is wrong on this processor: {'; '.join(faults)}; {remedy}")


def _multiply(name: str, command: Sequence[str | Path], coretype: str) -> tuple[str, str, str]:
    """Return the library, the kernel and its fault, in words, empty if there is none; RuntimeError as `prove`."""
    environ = {**os.environ, **ONE_THREAD, **({VARIABLE: coretype} if coretype else {})}
    done = subprocess.run(command, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    library, kernel, *products = [*done.stdout.splitlines(), "", ""]
    if done.returncode == 0:
        return library, kernel, ""
    ended = signal.Signals(-done.returncode).name if done.returncode < 0 else f"exit status {done.returncode}"
    if done.returncode != IS_WRONG and ended not in CRASHES:
        why = [ended, *done.stderr.strip().splitlines()][-1]
        raise RuntimeError(f"the products of {name} cannot be computed: {why}")
    product = next(filter(None, reversed(products)), "its start")
    return library, kernel, f"{f'crashes ({ended})' if ended in CRASHES else 'is wrong'} in {product}"


def _version(file: str | Path) -> list[int]:
    status = os.stat(file)
    return [status.st_mtime_ns, status.st_size]


def require_loaded(name: str, proof: Proof) -> None:
    """Load a proved BLAS; RuntimeError if this process has loaded it already, with another kernel than the proved."""
    kernel = _loaded_kernel(proof.library) if proof.kernel else ""
    if kernel != proof.kernel:
        why = proof.faults or f"{proof.kernel} is proved"
        raise RuntimeError(
            f"{name} ({proof.library}) has been loaded with the kernel {kernel}, but {why}: set"
            f" {VARIABLE}={proof.coretype or proof.kernel} before Python starts"
        )


def _loaded_kernel(library: str) -> str:
    """Return the kernel of an OpenBLAS in this process, which loads it unless it has done so."""
    loaded = ctypes.CDLL(library)
    names = (f"{prefix}openblas_get_corename{suffix}" for prefix in ("scipy_", "") for suffix in ("64_", "", "_64"))
    function = next(getattr(loaded, name) for name in names if hasattr(loaded, name))
    function.restype = ctypes.c_char_p
    return str(function().decode())


@functools.cache
def require_numpy() -> Proof:
    """Return the proof of NumPy's BLAS; RuntimeError as `prove` and `require_loaded`."""
    import numpy as np

    command = (sys.executable, Path(__file__).with_name("numpy_products.py"), np.__file__)
    proof = prove(NUMPY, command, paths.cache())
    require_loaded(NUMPY, proof)
    return proof
