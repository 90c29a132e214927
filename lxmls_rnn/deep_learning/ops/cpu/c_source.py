"""C++ code of the Ops: source files with macros for the float type, in a namespace for each use."""

from __future__ import annotations

import hashlib
import platform
import re
import sys
from collections.abc import Mapping
from pathlib import Path

FOLDER = Path(__file__).parent
INCLUDE = re.compile(r'^#include "(.+)"\n', re.MULTILINE)
STANDALONE = "standalone.h"  # what Python defines before the code, for readers of a single file
C_TYPES = {
    "float64": {"FLOAT": "double", "FLOAT_BITS": "64", "GEMM": "dgemm_", "GEMV": "dgemv_", "EXP": "exp", "LOG": "log"},
    "float32": {"FLOAT": "float", "FLOAT_BITS": "32", "GEMM": "sgemm_", "GEMV": "sgemv_", "EXP": "expf", "LOG": "logf"},
}
# Attribute of functions that an Op calls after many checks. GCC estimates that each check fails half of the time, so it
# takes the code after them for rarely executed and would not vectorise it.
HOT_ATTRIBUTE = "__attribute__((noinline, hot))"
if (sys.platform, platform.machine()) == ("linux", "x86_64"):
    # compiled twice, for processors with and without AVX-512; neither version is inlined
    HOT_ATTRIBUTE = '__attribute__((target_clones("avx512f", "default")))'
# faster, without changing results or the process's floating point mode
COMPILE_ARGS = ["-O3", "-fno-math-errno", "-fno-trapping-math"]


def read(*files: str) -> str:
    """Return the concatenated contents of files in this folder, each after the files that it includes."""
    contents: dict[str, str] = {}

    def add(file: str) -> None:
        if file in contents or file == STANDALONE:
            return
        code = (FOLDER / file).read_text()
        for included in INCLUDE.findall(code):
            add(included)
        contents[file] = INCLUDE.sub("", code)

    for file in files:
        add(file)
    return "".join(contents.values())


def in_namespace(name: str, code: str, dtype: str, macros: Mapping[str, str] | None = None) -> str:
    """Return C++ code for one float type in a namespace; a module can hold it for several types.

    Parameters
    ----------
    name
        Name of the namespace.
    code
        C++ code that may use the macros of `C_TYPES` and `macros` and the macro `HOT`. They are undefined after it.
    dtype
        'float64' or 'float32'.
    macros
        Further macros; a name may have parameters.
    """
    macros = {**C_TYPES[dtype], "HOT": HOT_ATTRIBUTE, **(macros or {})}
    define = "".join(f"#define {key} {value}\n" for key, value in macros.items())
    undefine = "".join(f"#undef {key.partition('(')[0]}\n" for key in macros)
    return f"namespace {name} {{\n{define}{code}{undefine}}}\n"


def digest(*texts: str) -> str:
    """Return a checksum of C++ code, which serves as its version."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()
