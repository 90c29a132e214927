"""Pythons with a compile cache of Theano's of their own, and with other compilers."""

import os
import select
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

OURS = ("THEANO_FLAGS", "THEANORC", "LXMLS_DEVICE", "LXMLS_FLOATX", "LXMLS_IMAGE")
needs_compiler = pytest.mark.skipif(not shutil.which("g++"), reason="there is no C++ compiler")


def environment(cache: Path, **environ: str) -> dict[str, str]:
    """Return the environment without the user's own settings of Theano, with a compile cache and with `environ`."""
    inherited = {key: value for key, value in os.environ.items() if key not in OURS}
    theano_flags = f"base_compiledir={cache},{environ.pop('THEANO_FLAGS', '')}"
    return {**inherited, "THEANORC": os.devnull, "THEANO_FLAGS": theano_flags, **environ}


def start(code: str, cache: Path, **environ: str) -> "subprocess.Popen[str]":
    """Start code in a fresh Python, with pipes."""
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env=environment(cache, **environ),
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # shells ignore it in the background
    )


def run(code: str, cache: Path, **environ: str) -> str:
    """Return what code prints in a fresh Python, when it has ended well."""
    process = start(code, cache, **environ)
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    return output


def path_with(folder: Path, script: str) -> str:
    """Return a PATH whose g++ is a script."""
    (folder / "bin").mkdir()
    file = folder / "bin" / "g++"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return f"{file.parent}:{os.environ['PATH']}"


ALWAYS, MODULES = "*", "*mod.cpp*"  # the commands with which a compiler hangs


def path_of_hanging(folder: Path, pattern: str) -> str:
    """Return a PATH whose g++ does not return, for some commands; it writes to the pipe `folder` / "fifo" before."""
    fifo = folder / "fifo"
    hang = f"echo >{fifo}; exec 9>{fifo}; sleep infinity & wait"
    cases = f'case "$*" in {pattern}) {hang};; *c++-header*) exit 1;; esac'
    return path_with(folder, f'{cases}\nexec {shutil.which("g++")} "$@"')


def wait_for_end(reader: int) -> None:
    """Wait for the end of a pipe: no process has it open to write any more."""
    select.select([reader], [], [])
    while os.read(reader, 100):
        select.select([reader], [], [])


def copy_unless_renamed(source, target):
    """Copy a file of a compile cache in use, unless another process has just given it its final name."""
    with suppress(FileNotFoundError):
        shutil.copy2(source, target)


@pytest.fixture
def cache(tmp_path):
    """A compile cache that has what an import compiles and the header, as this process has them, but no function."""
    import theano
    from theano_runtime.header import header

    path = header()
    here, folder = Path(theano.config.compiledir), tmp_path / "cache"
    of_others = [found.name for found in here.glob("header-*") if path is None or found != path.parent]
    others = shutil.ignore_patterns("tmp*", "lock*", "beside*", *of_others)
    shutil.copytree(here, folder / here.name, ignore=others, copy_function=copy_unless_renamed)
    return folder


@pytest.fixture
def pipe(tmp_path):
    """The reading end of the pipe to which a hanging compiler writes; it ends with the last of its processes."""
    os.mkfifo(tmp_path / "fifo")
    reader = os.open(tmp_path / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    yield reader
    os.close(reader)
