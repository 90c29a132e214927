"""Compilation of Theano's C modules without debug symbols, with a precompiled header and a faster linker.

Theano passes ``-g``, and every module reads the same headers of Python, NumPy and C++ anew.
"""

import functools
import hashlib
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lxmls_rnn.theano_env import entries, programs
from lxmls_rnn.theano_env.failures import explained, failure
from lxmls_rnn.theano_env.flags import ask
from lxmls_rnn.theano_env.programs import Done

# What every module that Theano generates begins with, and what most of them include next.
PROLOGUE = '#include <Python.h>\n#include <iostream>\n#include "theano_mod_helper.h"\n'
INCLUDES = ("math.h", "algorithm", "vector", "numpy/arrayobject.h", "numpy/arrayscalars.h")
HEADER_TEXT = PROLOGUE + "".join(f"#include <{name}>\n" for name in INCLUDES)
OPTIMISED = ("-O3", "-fno-math-errno")  # what Theano's CLinker adds to the user's flags, as far as it changes macros

_useless: set[Path] = set()  # headers that could not be precompiled, or broke a compile
_intact: set[Path] = set()  # precompiled headers whose checksum was right, which takes a tenth of a second


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
            *("-o", str(self.library(folder)), str(folder / "mod.cpp")),
            *(f"-L{directory}" for directory in (*self.lib_dirs, *cmodule.std_lib_dirs())),
            *(f"-l{library}" for library in (*self.libraries, *cmodule.std_libs())),
        ]

    def library(self, folder: Path) -> Path:
        """Return the file of the compiled module in `folder`."""
        return folder / f"{self.name}.so"

    def plain_command(self, folder: Path) -> list[str]:
        """Return the command with nothing but what Theano itself passes, which every compiler takes."""
        return [word for word in self.command(folder, None) if word not in ("-std=gnu++11", "-fuse-ld=gold")]

    def compile(self, folder: Path, header: Path | None, run: Callable[[Sequence[str]], Done] = programs.run) -> bool:
        """Write source and module into `folder`; return whether the compiler, started by `run`, made one."""
        return self._made(folder, run(self._written(folder, self.command(folder, header))))

    def compile_plainly(self, folder: Path) -> None:
        """Compile without whatever may have made `compile` fail; CompileError if this fails too."""
        from theano import config

        command = self._written(folder, self.plain_command(folder))
        with explained(config.cxx):
            done = programs.run(command)
        if not self._made(folder, done):
            raise failure(command, done, self.source, folder, config.blas.ldflags)

    def _written(self, folder: Path, command: list[str]) -> list[str]:
        (folder / "mod.cpp").write_text(self.source + "\n")
        self.library(folder).unlink(missing_ok=True)
        return command

    def _made(self, folder: Path, done: Done) -> bool:
        return done.status == 0 and self.library(folder).exists()


def _compiler(flags: Iterable[str], include_dirs: Iterable[str] = ()) -> list[str]:
    from theano import config
    from theano.gof import cmodule

    return [
        # The user's flags come later, and win. C++11's headers are the smallest that Python's and NumPy's take.
        *(config.cxx, "-g0", "-std=gnu++11", "-fvisibility=hidden"),
        *(flag for flag in flags if not (config.cmodule.remove_gxx_opt and flag.startswith("-O"))),
        *(f"-I{directory}" for directory in (*include_dirs, *cmodule.std_include_dirs())),
    ]


@functools.cache
def _gcc(cxx: str) -> str:
    """Return a text that identifies this GCC; an empty text for another compiler."""
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
    identity = (gcc, command, HEADER_TEXT, sys.version, numpy.__version__, theano.__version__)
    folder = Path(config.compiledir, "header-" + hashlib.sha256(repr(identity).encode()).hexdigest()[:16])
    path = folder / "lxmls.h"
    if path in _useless:
        return None
    if not _is_intact(path):
        with compilelock.lock_ctx():
            if not _is_intact(path) and not _precompile(path, command):
                _useless.add(path)
                return None
    return path


def _is_intact(path: Path) -> bool:
    if path not in _intact and entries.is_intact(_precompiled(path)):
        _intact.add(path)
    return path in _intact and _precompiled(path).exists()


def _precompiled(path: Path) -> Path:
    return path.with_name(path.name + ".gch")


def _precompile(path: Path, command: list[str]) -> bool:
    beside = path.with_name("beside.gch")
    try:
        path.parent.mkdir(exist_ok=True)
        path.write_text(HEADER_TEXT)
        if programs.run([*command, str(path), "-o", str(beside)]).status != 0:
            return False
        entries.seal(beside, _precompiled(path).name)
        os.replace(beside, _precompiled(path))
    except OSError:
        beside.unlink(missing_ok=True)  # what fills the disk
        return False
    return True


def drop(path: Path) -> None:
    """Stop using a header in this process and delete it; the next process makes a new one."""
    _useless.add(path)
    _precompiled(path).unlink(missing_ok=True)
