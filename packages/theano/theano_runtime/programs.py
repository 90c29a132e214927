"""Run compilers: report slow ones, and kill them with their children on an interrupt."""

from __future__ import annotations

import functools
import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from contextlib import contextmanager, suppress
from typing import NamedTuple, TypeVar

REPORT_AFTER_SECONDS = 30.0  # a compiler that takes longer is reported
# Whether each program leads a process group, so that it can be killed with its children. False in a process that is
# killed by its own group.
use_process_groups = True

T = TypeVar("T")


class Done(NamedTuple):
    """Result of a program: its exit status, or the negative number of the signal that killed it, and its output."""

    status: int
    output: bytes
    errors: bytes

    @property
    def text(self) -> str:
        """The output followed by the errors."""
        return (self.output + self.errors).decode(errors="backslashreplace")


class Programs:
    """Programs that run in parallel in threads and are killed together."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._ended = False

    def run(self, command: Sequence[str]) -> Done:
        """Run a program without input and with messages in English; return its result.

        OSError if it cannot be started, InterruptedError after `end`.
        """
        with self._lock:
            if self._ended:
                raise InterruptedError("the programs have been killed")
            process = _start(command)
            self._running.add(process)
        try:
            output, errors = process.communicate()
        finally:
            with self._lock:
                self._running.discard(process)
        return Done(process.returncode, output, errors)

    def end(self) -> None:
        """Kill the running programs with their children, and start no more."""
        with self._lock:
            self._ended = True
            for process in self._running:
                _kill(process)


def run(command: Sequence[str]) -> Done:
    """Run a program as `Programs.run` does; report it if it is slow, and kill it with its children on an exception."""
    process = _start(command)
    try:
        output, errors = wait_with_report(lambda timeout: process.communicate(timeout=timeout), command[0])
    except BaseException:
        _kill(process)
        process.communicate()
        raise
    return Done(process.returncode, output, errors)


@functools.cache
def _answer(cxx: str, option: str) -> str:
    return run([*shlex.split(cxx), option]).output.decode(errors="backslashreplace").strip()


def ask(cxx: str, option: str) -> str:
    """Return the compiler's output for `option`; an empty string if it cannot be started now."""
    try:
        return _answer(cxx, option)
    except OSError:  # not cached: the system may be out of processes for a moment
        return ""


def _start(command: Sequence[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "LC_ALL": "C"},
        start_new_session=use_process_groups,
    )


def _kill(process: subprocess.Popen[bytes]) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            (os.killpg if use_process_groups else os.kill)(process.pid, signal.SIGKILL)


def wait_with_report(wait: Callable[[float | None], T], name: str, limit: float | None = None) -> T:
    """Return ``wait(timeout)`` within `limit` seconds; report on stderr, once, if it takes long.

    After the report Ctrl-C interrupts at once, even if the command line would wait for the end of a batch.
    """
    if limit is not None and limit <= REPORT_AFTER_SECONDS:
        return wait(limit)
    try:
        return wait(REPORT_AFTER_SECONDS)
    except (futures.TimeoutError, subprocess.TimeoutExpired):
        with _interruptible():
            is_main = threading.current_thread() is threading.main_thread()
            how = ("Ctrl-C", "an interrupt") if is_main else ("the end of this program", "a restart")
            text = f"{name} has not returned for {REPORT_AFTER_SECONDS:g} s; still waiting, {how[0]} ends it"
            print(f"{text}, in a notebook {how[1]} of the kernel.", file=sys.stderr, flush=True)
            return wait(None if limit is None else limit - REPORT_AFTER_SECONDS)


@contextmanager
def _interruptible() -> Iterator[None]:
    is_main = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGINT)
    if not is_main or before is None or before is signal.SIG_IGN:
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
