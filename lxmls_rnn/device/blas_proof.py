"""Proof that a BLAS is right on this processor, before its results are used.

OpenBLAS chooses a kernel for the processor when it is loaded, and some kernels are wrong or crash on some processors. A
program multiplies in a process of its own and compares with plain sums; a proof is stored for processor and library.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import platform
import signal
import subprocess
import sys
from collections.abc import Collection, Sequence
from contextlib import suppress
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

from lxmls_rnn import paths
from lxmls_rnn.storage.files import make_private, write_atomically

VARIABLE = "OPENBLAS_CORETYPE"  # names a kernel; OpenBLAS reads it when it is loaded
# What else chooses a library or a kernel.
VARIABLES = (VARIABLE, "OPENBLAS_L2_SIZE", "LD_LIBRARY_PATH", "LD_PRELOAD")
# The fields of /proc/cpuinfo that are the same on every processor of a kind, on x86 and on ARM.
IDENTIFYING = {
    *("vendor_id", "cpu family", "model", "model name", "stepping", "flags"),
    *("CPU implementer", "CPU architecture", "CPU variant", "CPU part", "CPU revision", "Features"),
}
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


def prove(name: str, file: str | Path, folder: Path | None, loaded: Collection[str] = ()) -> Proof:
    """Return the proof of a BLAS, stored in `folder` or new.

    Parameters
    ----------
    name
        The BLAS in error messages.
    file
        NumPy's file, or a library that is linked with the BLAS, for `blas_products.py`.
    folder
        The folder of stored proofs, which may be read-only; None if there is none that can be trusted.
    loaded
        The files of which one is the BLAS's, if this process has loaded it.

    Raises
    ------
    RuntimeError
        A product is wrong, with every kernel unless the user has set `VARIABLE`, or the program does not run.
    """
    command = (sys.executable, Path(__file__).with_name("blas_products.py"), file)
    given = os.environ.get(VARIABLE, "")
    files = [(str(file), _version(file)) for file in command]
    key = json.dumps([identity(), files, [os.environ.get(variable) for variable in VARIABLES]])
    record = folder and folder / f"blas-{hashlib.sha256(key.encode()).hexdigest()[:16]}.json"
    if record and (stored := _stored(record)) and (not loaded or stored.library in loaded):
        return stored

    faults: list[str] = []
    for coretype in (given, *(() if given else KERNELS.get(platform.machine(), ()))):
        library, kernel, fault = _multiply(name, command, coretype)
        if not fault:
            proof = Proof(library, kernel, coretype, "; ".join(faults))
            with suppress(OSError):  # without a record it is proved again each time
                if record:
                    write_atomically(record, json.dumps([*proof, _version(library)]))
            return proof
        faults.append(f"{kernel or coretype or 'it'} {fault}")
        if not kernel:  # only OpenBLAS has others
            break
    remedy = f"unset {VARIABLE}={given} or name another kernel" if given else "install another version of it"
    raise RuntimeError(f"{name} ({library}) is wrong on this processor: {'; '.join(faults)}; {remedy}")


def identity() -> str:
    """Return what tells this kind of processor from others: the machine, its model and features."""
    try:
        with open("/proc/cpuinfo") as lines:
            first = takewhile(str.strip, lines)  # up to an empty line: the first processor
            return platform.machine() + "".join(line for line in first if line.partition(":")[0].strip() in IDENTIFYING)
    except OSError:
        return f"{platform.machine()} {platform.processor()}"


def _stored(record: Path) -> Proof | None:
    """Return the proof in a file unless its library has changed; None without a file, or if it is damaged."""
    with suppress(OSError, ValueError, TypeError):
        *fields, version = json.loads(record.read_bytes())
        proof = Proof(*fields)
        return proof if version == _version(proof.library) else None
    return None


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


def require_kernel(name: str, proof: Proof, kernel: str) -> None:
    """Raise RuntimeError if the BLAS that this process has loaded has another kernel than the one in its proof."""
    if kernel != proof.kernel:
        why = proof.faults or f"{proof.kernel} is proved"
        raise RuntimeError(
            f"{name} ({proof.library}) has been loaded with the kernel {kernel}, but {why}: set"
            f" {VARIABLE}={proof.coretype or proof.kernel} before Python starts"
        )


@functools.cache
def require_numpy() -> Proof:
    """Return the proof of NumPy's BLAS; RuntimeError as `prove` and `require_kernel`.

    The folder of the stored proof is only read, or written to, if no other user can write there.
    """
    import numpy as np

    from lxmls_rnn.device.blas_products import kernels

    folder, loaded = paths.cache(), kernels()
    proof = prove(NUMPY, np.__file__, None if make_private(folder) else folder, (np.__file__, *loaded))
    require_kernel(NUMPY, proof, loaded.get(proof.library, ""))
    return proof
