"""How a C module of Theano's is compiled: no debug symbols, a precompiled header, the quicker linker.

Theano passes ``-g``, and every module reads the same headers of Python, NumPy and C++ anew.
"""

import functools
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lxmls_rnn.theano_env.flags import ask

# What every module that Theano generates begins with, and what most of them include next.
PROLOGUE = '#include <Python.h>\n#include <iostream>\n#include "theano_mod_helper.h"\n'
INCLUDES = ("math.h", "algorithm", "vector", "numpy/arrayobject.h", "numpy/arrayscalars.h")
HEADER = PROLOGUE + "".join(f"#include <{name}>\n" for name in INCLUDES)
OPTIMISED = ("-O3", "-fno-math-errno")  # what Theano's CLinker adds to the user's flags, as far as it changes macros

_useless: set[Path] = set()  # headers that could not be precompiled, or broke a compile


@dataclass(frozen=True)
class Module:
    """A module to compile: what ``GCC_compiler.compile_str`` is given."""

    name: str
    source: str
    flags: tuple[str, ...]
    include_dirs: tuple[str, ...]
    lib_dirs: tuple[str, ...]
    libraries: tuple[str, ...]

    @classmethod
    def of(cls, name: str, source: str, flags: Any, include_dirs: Any, lib_dirs: Any, libraries: Any) -> "Module":
        """Make one of lists, or of None for an empty one."""
        return cls(
            name, source, *(tuple(filter(None, given or ())) for given in (flags, include_dirs, lib_dirs, libraries))
        )

    @property
    def takes_header(self) -> bool:
        """Whether its source begins with what is in the header."""
        return self.source.startswith(PROLOGUE)

    def command(self, folder: Path, header: Path | None) -> list[str]:
        """Return the command that compiles ``mod.cpp`` in `folder`, with the precompiled header if it fits."""
        from theano.gof import cmodule

        return [
            *_compiler(self.flags, self.include_dirs),
            *("-shared", *_linker(cmodule.theano.config.cxx)),
            *(["-include", str(header)] if header is not None and self.takes_header else []),
            *("-o", str(folder / f"{self.name}.so"), str(folder / "mod.cpp")),
            *(f"-L{directory}" for directory in (*self.lib_dirs, *cmodule.std_lib_dirs())),
            *(f"-l{library}" for library in (*self.libraries, *cmodule.std_libs())),
        ]

    def compile(self, folder: Path, header: Path | None) -> bool:
        """Write source and module into `folder`; return whether the compiler found nothing wrong."""
        (folder / "mod.cpp").write_text(self.source + "\n")
        return _succeeds(self.command(folder, header))


def _compiler(flags: Iterable[str], include_dirs: Iterable[str] = ()) -> list[str]:
    from theano import config
    from theano.gof import cmodule

    return [
        # The user's flags come later, and win. C++11's headers are the smallest that Python's and NumPy's take.
        *(config.cxx, "-g0", "-std=gnu++11", "-fvisibility=hidden"),
        *(flag for flag in flags if not (config.cmodule.remove_gxx_opt and flag.startswith("-O"))),
        *(f"-I{directory}" for directory in (*include_dirs, *cmodule.std_include_dirs())),
    ]


def _succeeds(command: list[str]) -> bool:
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True).returncode == 0


@functools.cache
def _gcc(cxx: str) -> str:
    """Tell which GCC this is; nothing if it is another compiler."""
    program = ask(cxx, "-print-prog-name=cc1plus")
    if not os.path.isabs(program):
        return ""
    return f"{ask(cxx, '--version')} {program} {os.path.getsize(program)}"


@functools.cache
def _linker(cxx: str) -> list[str]:
    """Choose GNU gold where GCC has it: it links a module in a third of the default's time."""
    return ["-fuse-ld=gold"] if _gcc(cxx) and shutil.which(ask(cxx, "-print-prog-name=ld.gold")) else []


def header() -> Path | None:
    """Return the header that modules of this compile cache are to include, precompiled now if it is not yet.

    GCC leaves a precompiled header alone that does not fit a module's flags, or is not its own, and reads the plain
    one beside it. None where the compiler is not GCC, or the header cannot be made or has broken a compile.
    """
    import numpy
    import theano
    from theano import config
    from theano.gof import cmodule, compilelock

    gcc = _gcc(config.cxx)
    if not gcc:
        return None
    command = [*_compiler([*OPTIMISED, *cmodule.GCC_compiler.compile_args()]), "-x", "c++-header"]
    identity = (gcc, command, HEADER, sys.version, numpy.__version__, theano.__version__)
    folder = Path(config.compiledir, "header-" + hashlib.sha256(repr(identity).encode()).hexdigest()[:16])
    path = folder / "lxmls.h"
    if path in _useless:
        return None
    if not _precompiled(path).exists():
        with compilelock.lock_ctx():
            if not _precompiled(path).exists() and not _precompile(path, command):
                _useless.add(path)
                return None
    return path


def _precompiled(path: Path) -> Path:
    return path.with_name(path.name + ".gch")


def _precompile(path: Path, command: list[str]) -> bool:
    beside = path.with_name("beside.gch")
    try:
        path.parent.mkdir(exist_ok=True)
        path.write_text(HEADER)
        if not _succeeds([*command, str(path), "-o", str(beside)]):
            return False
        with open(beside, "rb") as file:
            os.fsync(file.fileno())
        os.replace(beside, _precompiled(path))
    except OSError:
        return False
    return True


def drop(path: Path) -> None:
    """Go without a header from now on, and let the next process make a new one."""
    _useless.add(path)
    _precompiled(path).unlink(missing_ok=True)
