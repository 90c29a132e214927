"""C code from the files beside this one: float types as macros, a namespace for each place that uses it."""

from __future__ import annotations

import hashlib
import platform
import sys
from collections.abc import Mapping
from pathlib import Path

FOLDER = Path(__file__).parent
C_TYPES = {
    "float64": {"FLOAT": "double", "FLOAT_BITS": "64", "GEMM": "dgemm_", "GEMV": "dgemv_", "EXP": "exp", "LOG": "log"},
    "float32": {"FLOAT": "float", "FLOAT_BITS": "32", "GEMM": "sgemm_", "GEMV": "sgemv_", "EXP": "expf", "LOG": "logf"},
}
# for a function that an Op calls after many checks: to the compiler each is a toss of a coin, so that what comes after
# all of them looks unlikely, and it would use no vectors there
HOT = "__attribute__((noinline, hot))"
if (sys.platform, platform.machine()) == ("linux", "x86_64"):
    # compiled twice, once with the widest vectors, for a processor that has them: neither is part of another function
    HOT = '__attribute__((target_clones("avx512f", "default")))'
# speed that changes neither a result nor the process's floating point mode
COMPILE_ARGS = ["-O3", "-fno-math-errno", "-fno-trapping-math"]


def read(*files: str) -> str:
    """Return the contents of files in this folder, one after the other."""
    return "".join((FOLDER / file).read_text() for file in files)


def in_namespace(name: str, code: str, dtype: str, macros: Mapping[str, str] | None = None) -> str:
    """Return C code for one float type in a namespace, so that it can stand beside itself for another type.

    Parameters
    ----------
    name
        Of the namespace.
    code
        Uses the macros of `C_TYPES`, `HOT` and `macros`, which are undefined after it.
    dtype
        'float64' or 'float32'.
    macros
        Further macros; a name may have parameters.
    """
    macros = {**C_TYPES[dtype], "HOT": HOT, **(macros or {})}
    define = "".join(f"#define {key} {value}\n" for key, value in macros.items())
    undefine = "".join(f"#undef {key.partition('(')[0]}\n" for key in macros)
    return f"namespace {name} {{\n{define}{code}{undefine}}}\n"


def digest(*texts: str) -> str:
    """Return a checksum for the version of C code."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()
