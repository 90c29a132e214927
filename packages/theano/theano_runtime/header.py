"""Compilation of Theano's C modules without debug symbols, with a precompiled header and a faster linker.

Theano itself passes ``-g``, and each module parses the same headers of Python, NumPy and C++ again.
"""

import hashlib
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from theano_runtime import entries, programs
from theano_runtime.failures import explained, failure
from theano_runtime.programs import Done, ask

# The beginning of every module that Theano generates, and the headers that most of them include next.
PROLOGUE = '#include <Python.h>\n#include <iostream>\n#include "theano_mod_helper.h"\n'
INCLUDES = ("math.h", "algorithm", "vector", "numpy/arrayobject.h", "numpy/arrayscalars.h")
HEADER_TEXT = PROLOGUE + "".join(f"#include <{name}>\n" for name in INCLUDES)
OPTIMISATION_FLAGS = ("-O3", "-fno-math-errno")  # those of Theano's CLinker that change macros

_rejected: set[Path] = set()  # headers that could not be precompiled or with which a module did not compile


@dataclass(frozen=True)
class Module:
    """A module to compile, with the arguments of ``GCC_compiler.compile_str``."""

    name: str
    source: str
    flags: tuple[str, ...]
    include_dirs: tuple[str, ...]
    lib_dirs: tuple[str, ...]
    libraries: tuple[str, ...]

    @classmethod
    def of(cls, name: str, source: str, flags: Any, include_dirs: Any, lib_dirs: Any, libraries: Any) -> "Module":
        """Make a module from Theano's arguments, in which flags, folders and libraries are lists or None."""
        return cls(
            name, source, *(tuple(filter(None, given or ())) for given in (flags, include_dirs, lib_dirs, libraries))
        )

    @property
    def takes_header(self) -> bool:
        """Whether the module's source begins with the `PROLOGUE`, which the header contains."""
        return self.source.startswith(PROLOGUE)

    def command(self, folder: Path, header: Path | None) -> list[str]:
        """Return the command that compiles ``mod.cpp`` in `folder`, with the precompiled header if possible."""
        from theano.gof import cmodule

        return [
            *_compiler(self.flags, self.include_dirs),
            *("-shared", *_linker(cmodule.theano.config.cxx)),
            *(["-include", str(header)] if header is not None and self.takes_header else []),
            *("-o", str(self.part(folder)), str(folder / "mod.cpp")),
            *(f"-L{directory}" for directory in (*self.lib_dirs, *cmodule.std_lib_dirs())),
            *(f"-l{library}" for library in (*self.libraries, *cmodule.std_libs())),
        ]

    def part(self, folder: Path) -> Path:
        """Return the file of the compiled module in `folder`, until `entries.publish` gives it its name."""
        return folder / f"{self.name}.so.part"

    def plain_command(self, folder: Path) -> list[str]:
        """Return the command with Theano's own options only, which every compiler accepts."""
        return [word for word in self.command(folder, None) if word not in ("-std=gnu++11", "-fuse-ld=gold")]

    def compile(self, folder: Path, header: Path | None, run: Callable[[Sequence[str]], Done] = programs.run) -> bool:
        """Write the source to `folder` and compile it there; return whether that succeeded. `run` runs the compiler."""
        return self._made(folder, run(self._written(folder, self.command(folder, header))))

    def compile_plainly(self, folder: Path) -> None:
        """Compile with `plain_command` after `compile` has failed; CompileError if this fails too."""
        from theano import config

        command = self._written(folder, self.plain_command(folder))
        with explained(config.cxx):
            done = programs.run(command)
        if not self._made(folder, done):
            raise failure(command, done, self.source, folder, config.blas.ldflags)

    def _written(self, folder: Path, command: list[str]) -> list[str]:
        (folder / "mod.cpp").write_text(self.source + "\n")
        self.part(folder).unlink(missing_ok=True)
        return command

    def _made(self, folder: Path, done: Done) -> bool:
        return done.status == 0 and self.part(folder).exists()


def _compiler(flags: Iterable[str], include_dirs: Iterable[str] = ()) -> list[str]:
    from theano import config
    from theano.gof import cmodule

    return [
        # The user's flags come later and take precedence. Python and NumPy need at least C++11, whose headers are the
        # smallest.
        *(config.cxx, "-g0", "-std=gnu++11", "-fvisibility=hidden"),
        *(flag for flag in flags if not (config.cmodule.remove_gxx_opt and flag.startswith("-O"))),
        *(f"-I{directory}" for directory in (*include_dirs, *cmodule.std_include_dirs())),
    ]


def _gcc(cxx: str) -> str:
    """Return a string that identifies this GCC; an empty string for another compiler."""
    program = ask(cxx, "-print-prog-name=cc1plus")
    if not os.path.isabs(program):
        return ""
    return f"{ask(cxx, '--version')} {program} {os.path.getsize(program)}"


def _linker(cxx: str) -> list[str]:
    """Return the options for GNU gold, if GCC has it; it takes a third of the default linker's time."""
    return ["-fuse-ld=gold"] if _gcc(cxx) and shutil.which(ask(cxx, "-print-prog-name=ld.gold")) else []


def header() -> Path | None:
    """Return the header for modules of this compile cache; precompile it if necessary.

    If a precompiled header does not fit a module's flags or is another GCC's, GCC ignores it and reads the plain header
    in the same folder. None if the compiler is not GCC, or if the header cannot be precompiled or was discarded.
    """
    import numpy
    import theano
    from theano import config
    from theano.gof import cmodule, compilelock

    gcc = _gcc(config.cxx)
    if not gcc:
        return None
    command = [*_compiler([*OPTIMISATION_FLAGS, *cmodule.GCC_compiler.compile_args()]), "-x", "c++-header"]
    identity = (gcc, command, HEADER_TEXT, sys.version, numpy.__version__, theano.__version__)
    folder = Path(config.compiledir, "header-" + hashlib.sha256(repr(identity).encode()).hexdigest()[:16])
    path = folder / "lxmls.h"
    if path in _rejected:
        return None
    if not _precompiled(path).exists():
        with compilelock.lock_ctx():
            if not _precompiled(path).exists() and not _precompile(path, command):
                _rejected.add(path)
                return None
    return path


def _precompiled(path: Path) -> Path:
    return path.with_name(path.name + ".gch")


def _precompile(path: Path, command: list[str]) -> bool:
    part = path.with_name("part.gch")
    try:
        path.parent.mkdir(exist_ok=True)
        path.write_text(HEADER_TEXT)
        if programs.run([*command, str(path), "-o", str(part)]).status != 0:
            return False
        entries.publish(part, _precompiled(path))
    except OSError:
        part.unlink(missing_ok=True)  # it may fill the disk
        return False
    return True


def discard(path: Path) -> None:
    """Stop using a header in this process and delete it; the next process makes a new one."""
    _rejected.add(path)
    _precompiled(path).unlink(missing_ok=True)
