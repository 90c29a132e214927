"""Errors of compiling C code, each explained in one sentence."""

from __future__ import annotations

import errno
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from theano_runtime.host import host
from theano_runtime.programs import Done

MAX_OUTPUT_CHARACTERS = 200  # of a compiler's output in a message
FULL_DISK_PATTERN = re.compile("No space left on device|Disk quota exceeded")
KILLED_PATTERN = re.compile(r"\bKilled\b|signal 9\b")
NO_MEMORY_PATTERN = re.compile("Cannot allocate memory|out of memory|memory exhausted")
NO_LIBRARY_PATTERN = re.compile(r"(?:cannot find|unable to find library) (-l[^\s:]+)")
ANOTHER_FOLDER = "THEANO_FLAGS=base_compiledir=FOLDER"
ERROR_PATTERN = re.compile(r"[^/\s]* error: .*|undefined reference .*")


class CompileError(RuntimeError):
    """C code could not be compiled or loaded; the text is one sentence, even if Theano adds arguments."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence

    def __str__(self) -> str:
        return self.sentence

    def __reduce__(self) -> tuple[type[CompileError], tuple[str]]:
        return type(self), (self.sentence,)


def pass_on(error: Exception) -> None:
    """Raise a `CompileError` again; Theano's optimiser calls this before it logs an error and continues."""
    if isinstance(error, CompileError):
        raise error


@contextmanager
def explained(folder: str | Path) -> Iterator[None]:
    """Convert an OSError from writing compiled code into `folder` or TMPDIR to a CompileError."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise CompileError(_full_disk(_in_words(error), folder)) from error
        named = "" if error.filename is not None else f"{folder}: "
        raise CompileError(
            f"C code cannot be compiled ({named}{_in_words(error)}): make the folder writable, or name"
            f" another one, {ANOTHER_FOLDER}"
        ) from error


def failure(command: Sequence[str], done: Done, source: str, folder: Path, blas_ldflags: str) -> CompileError:
    """Return an error that says why a compiler failed and what to do.

    Parameters
    ----------
    command, done
        The compiler's command and its result.
    source
        The C code.
    folder
        The folder for the module.
    blas_ldflags
        Theano's flag ``blas.ldflags``.
    """
    cxx, text = command[0], done.text
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("collect2:")]
    if FULL_DISK_PATTERN.search(text):
        why = next(line for line in lines if FULL_DISK_PATTERN.search(line))
        return CompileError(_full_disk(_shortened(why.removeprefix(f"{folder}/")), folder))
    if done.status == -9 or KILLED_PATTERN.search(text) or NO_MEMORY_PATTERN.search(text):
        return CompileError(
            f"the compiler {cxx} was killed or ran out of memory, probably because the machine or the container has too"
            " little: end other programs or raise the limit, and start again"
        )
    missing = NO_LIBRARY_PATTERN.search(text)
    if missing is not None and missing[1] in blas_ldflags.split():
        return CompileError(
            f"the linker cannot find {missing[1]}, which blas.ldflags names: remove blas.ldflags from THEANO_FLAGS and"
            " .theanorc, or name a BLAS that is installed"
        )
    found = (match[0] for match in map(ERROR_PATTERN.search, lines) if match is not None)
    if done.status < 0:
        why = f"it was ended by signal {-done.status}"
    elif done.status == 0:
        why = "it wrote no module"
    else:
        why = next(found, lines[-1] if lines else f"exit status {done.status}")
    log = _log(command, text, source)
    more = f"; the C code and all messages are in {log}" if log else ""
    return CompileError(f"the compiler {cxx} failed: {_shortened(why)}{more}{_advice()}")


def not_loadable(library: Path, error: Exception, blas_ldflags: str) -> CompileError:
    """Return the error for a new module that cannot be loaded."""
    blas = f": blas.ldflags ({blas_ldflags}) must name a BLAS" if "undefined symbol" in str(error) else ""
    return CompileError(
        f"{library} was compiled just now and cannot be loaded ({_shortened(_in_words(error))}){blas}{_advice()}"
    )


def _in_words(error: Exception) -> str:
    """Return the message of an error, with the file of an OSError."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror if error.filename is None else f"{os.fsdecode(error.filename)}: {error.strerror}"
    return str(error) or type(error).__name__


def _advice() -> str:
    return f"; {host().ADVICE}" if host().ADVICE else ""


def _full_disk(why: str, folder: str | Path) -> str:
    return (
        f"C code cannot be compiled ({why}): free some space for {folder} and {_temporary_folder()}, or name"
        f" other folders, {ANOTHER_FOLDER} and TMPDIR=FOLDER"
    )


def _temporary_folder() -> str:
    try:
        return tempfile.gettempdir()
    except OSError:  # none is writable
        return "/tmp"


def _shortened(text: str) -> str:
    """Return text for a message: one line of printable characters, shortened."""
    line = "".join(c if c.isprintable() else repr(c)[1:-1] for c in " ".join(text.split()))
    return line if len(line) <= MAX_OUTPUT_CHARACTERS else f"{line[:MAX_OUTPUT_CHARACTERS]}..."


def _log(command: Sequence[str], text: str, source: str) -> str:
    """Write a log of a failure and return the name of the file; an empty string on a full disk."""
    content = f"{' '.join(command)}\n\n{text}\n\n{source}\n"
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="theano_compilation_error_", encoding="utf-8", delete=False
        ) as file:
            file.write(content)
    except OSError:
        return ""
    return file.name


def no_compiler(cxx: str, answer: str) -> CompileError:
    """Return the error for a compiler that does not print its version."""
    said = f'printed "{_shortened(answer[:20])}"' if answer else "printed nothing"
    return CompileError(
        f"the C++ compiler {cxx} does not work: `{cxx} -dumpversion` {said}, expected a version such as 12.2.0;"
        " install g++, or name a compiler that works, as in THEANO_FLAGS=cxx=/usr/bin/g++"
    )
