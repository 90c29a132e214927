"""Student code in a child process, which can be killed: nothing that it does changes the notebook's kernel.

The child is a fork, so it has the kernel's variables. Through a pipe it sends its result, what it knows before it has
the result, and what it prints; the kernel asks for input in its place. A timer ends it when its processor time is up,
also within code that never leaves C, such as `10**10**9`; before it ends, it writes which line was running. A busy
machine does not shorten this time. A limit of the wall's time only ends code that waits for ever.

Threads do not survive a fork, so PyTorch computes with one thread in the child. What uses a GPU cannot run
there: such code runs in the kernel, until it ends or the user interrupts it.
"""

from __future__ import annotations

import builtins
import faulthandler
import gc
import io
import os
import re
import signal
import sys
import tempfile
import threading
import time
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import BinaryIO, NoReturn, TypeVar

from IPython import get_ipython

from lxmls_rnn.deep_learning.frameworks import THEANO, TORCH, Framework

T = TypeVar("T")

MAX_WALL_SECONDS = 240.0  # for as long as `Child.allow` lets it compute; only code that waits needs them
STOPPING_SECONDS = 60.0  # of the wall, to write which line was running
MAX_PRINTED = 100_000  # characters; or 20 figures
# calls; with more, an endless recursion would fill the memory, or before Python 3.12 the stack, which crashes Python
MAX_RECURSION = 20_000 if sys.version_info >= (3, 12) else 5_000
# exceptions of student code; in the kernel a KeyboardInterrupt is the user's
ERRORS: tuple[type[BaseException], ...] = (Exception, SystemExit)
INTERRUPT = {signal.SIGINT}
_clock = time.monotonic  # of the wall


class Ended(Exception):
    """The child ended without a result; `known` is what it told before, `stack` where it was."""

    def __init__(self, known: str, stack: traceback.StackSummary) -> None:
        super().__init__()
        self.known, self.stack = known, stack

    def __str__(self) -> str:
        return "The function took too much memory, or crashed or ended Python: are its arrays as large as meant?"


class TimeUp(Ended):
    """The child took too long: more than `seconds` of the processor."""

    def __init__(self, known: str, stack: traceback.StackSummary, seconds: float) -> None:
        super().__init__(known, stack)
        self.seconds = seconds

    def __str__(self) -> str:
        return f"The function is still running after {self.seconds:g} s: does a loop or a recursion never end?"


class Busy(TimeUp):
    """The wall's time ran out before the processor's: `seconds` of the wall."""

    def __str__(self) -> str:
        return (
            f"No result after {self.seconds:.0f} s: the machine is busy, or the code never ends or waits for something "
            "(input, sleep). Run it again."
        )


class Child:
    """The process in which student code runs, as this code's caller sees it: here the kernel, without limits."""

    def allow(self, seconds: float) -> None:
        """Let the process run for so many seconds of the processor from now on."""

    def tell(self, known: str) -> None:
        """Tell the kernel what is known before the result is."""

    def ignore_warnings(self) -> None:
        """Ignore warnings, also those that the user has made errors; not here, where other threads run."""


class _Fork(Child):
    """A child process of the kernel."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self._lock, self._printed = connection, threading.RLock(), 0

    def allow(self, seconds: float) -> None:
        self._send("allow", seconds)
        signal.setitimer(signal.ITIMER_PROF, seconds)

    def tell(self, known: str) -> None:
        self._send("known", known)

    def ignore_warnings(self) -> None:
        warnings.simplefilter("ignore")

    def print(self, name: str, text: str) -> None:
        """Let the kernel write a text to its `sys.stdout` or `sys.stderr`, if it is not too much."""
        left = MAX_PRINTED - self._printed
        self._printed += len(text)
        if left >= 0:
            rest = "\n(The rest of what the code prints is left out.)\n" if len(text) > left else ""
            self._send(name, text[:left] + rest)

    def display(self, data: dict[str, object], metadata: object = None, **options: object) -> None:
        """Let the kernel display a figure, or what else `display` is called with, if it is not too much."""
        self._printed += MAX_PRINTED // 20
        if self._printed <= MAX_PRINTED:
            self._send("display", {"data": data, "metadata": metadata, **options})

    def input(self, prompt: object = "") -> str:
        """Let the kernel ask for input, as a debugger does too."""
        self._send("input", str(prompt))
        answer = self._connection.recv()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _send(self, kind: str, value: object) -> None:
        with self._lock:
            self._connection.send((kind, value))

    def work(self, function: Callable[[Child], object], seconds: float, lines: BinaryIO) -> NoReturn:
        """Call a function, send its result or its exception, and end the process."""
        try:
            self._prepare(lines)
            self.allow(seconds)
            kind, value = "result", function(self)
        except BaseException as error:
            kind, value = "error", error.with_traceback(None)  # which `distributed` would pickle, frame by frame
        try:
            self._send(kind, value)
        except Exception as error:  # it cannot be pickled
            self._send("error", TypeError(str(error)))
        finally:
            os._exit(0)

    def _prepare(self, lines: BinaryIO) -> None:
        global ERRORS
        ERRORS = (*ERRORS, KeyboardInterrupt)
        gc.freeze()  # the kernel's garbage stays: a part of it may be on a GPU, which a fork cannot use
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the kernel receives it too, and kills this process
        signal.pthread_sigmask(signal.SIG_UNBLOCK, INTERRUPT)
        with suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")  # where memory is short, this process ends, and not the kernel
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        sys.stdout, sys.stderr = _Output(self, "stdout"), _Output(self, "stderr")
        builtins.input = self.input
        if shell := get_ipython():
            shell.display_pub.publish = self.display
        set_recursion_limit = sys.setrecursionlimit
        sys.setrecursionlimit = lambda n: set_recursion_limit(min(n, MAX_RECURSION))
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        faulthandler.register(signal.SIGPROF, lines, all_threads=False, chain=True)
        if "torch" in sys.modules:
            sys.modules["torch"].set_num_threads(1)


class _Output(io.TextIOBase):
    """The standard output, or error, of a fork."""

    encoding = "utf-8"

    def __init__(self, fork: _Fork, name: str) -> None:
        self._fork, self._name = fork, name

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self._fork.print(self._name, text)
        return len(text)


def can_fork(framework: Framework) -> bool:
    """Return whether code of a framework can run in a child process now.

    It cannot where a debugger is active: its breakpoints are in the kernel.
    """
    of_events = getattr(sys, "monitoring", None)  # since Python 3.12
    is_debugged = sys.gettrace() or (of_events and of_events.get_tool(of_events.DEBUGGER_ID))
    if is_debugged or not hasattr(os, "fork"):  # Windows has none
        return False
    if framework is THEANO:
        import theano

        return not theano.gpuarray.type.list_contexts()
    if framework is TORCH:
        import torch

        return not torch.cuda.is_available()  # with a GPU, autograd starts threads also for what runs on the CPU
    return True


def run(function: Callable[[Child], T], framework: Framework, seconds: float) -> T:
    """Return what a function returns in a child process, or raise what it raises there, or `Ended`.

    It has `seconds` of the processor, and more where it calls `Child.allow`. Where `can_fork` says no, and without
    memory for another process, it runs in the kernel.
    """
    if not can_fork(framework):
        return function(Child())
    # Python warns of a fork where threads run; `catch_warnings` would silence these threads, too
    warnings.filterwarnings("ignore", r".*\bfork\(\)")
    contexts = sys.modules.get("theano_runtime.contexts")
    with tempfile.TemporaryFile() as lines:
        try:
            while _is_importing() or not (forked := contexts.fork(_fork) if contexts else _fork()):
                time.sleep(0.01)  # between two looks
        except OSError:
            return function(Child())
        child, ours = forked
        if not child:
            _Fork(ours).work(function, seconds, lines)
        try:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, INTERRUPT)
            known, is_late, end = "", False, _clock() + MAX_WALL_SECONDS
            while True:
                if ours.poll(max(end - _clock(), 0)):
                    try:
                        kind, value = ours.recv()
                    except (EOFError, OSError):
                        break
                    if kind == "result":
                        return value
                    if kind == "error":
                        raise value
                    if kind == "known":
                        known = value
                    elif kind == "allow":
                        seconds, end = value, _clock() + MAX_WALL_SECONDS
                    elif kind == "input":
                        ours.send(_answer(value))
                        end = _clock() + MAX_WALL_SECONDS
                    elif kind == "display":
                        get_ipython().display_pub.publish(**value)
                    else:
                        getattr(sys, kind).write(value)
                elif is_late:
                    break
                else:
                    is_late, end = True, _clock() + STOPPING_SECONDS
                    os.kill(child, signal.SIGPROF)  # it writes where it is, and ends
        finally:
            os.kill(child, signal.SIGKILL)
            status = os.waitpid(child, 0)[1]
            ours.close()
        stack = _stack(lines)
    if is_late:
        raise Busy(known, stack, MAX_WALL_SECONDS)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGPROF:
        raise TimeUp(known, stack, seconds)
    raise Ended(known, stack)


def _fork() -> tuple[int, Connection] | None:
    """Fork and connect both processes; return 0 or the child's number, and this process's connection.

    SIGINT is blocked in both, so that no child runs that nobody kills. None while another thread imports a module: a
    child that needs it would wait for it forever.
    """
    if _is_importing():
        return None
    ours, theirs = Pipe()
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, INTERRUPT)
        child = os.fork()
    except BaseException:
        ours.close()
        theirs.close()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, INTERRUPT)
        raise
    if not child:
        ours, theirs = theirs, ours
    theirs.close()  # now, or the next child would have it too, and its end would not be noticed
    return child, ours


def _is_importing() -> bool:
    """Return whether another thread imports a module."""
    threads = sys._current_frames()
    del threads[threading.get_ident()]
    return any(
        frame.f_code.co_filename == "<frozen importlib._bootstrap>"
        for top in threads.values()
        for frame, _ in traceback.walk_stack(top)
    )


def _answer(prompt: str) -> str | Exception:
    if threading.current_thread() is not threading.main_thread():
        return EOFError("only a cell can ask for input")
    try:
        return input(prompt)
    except Exception as error:  # this front end has no input, or the user ends it
        return error


def _stack(lines: BinaryIO) -> traceback.StackSummary:
    """Return the stack that `faulthandler` has written, innermost frame last."""
    lines.seek(0)
    text = lines.read().decode(errors="replace")
    frames = re.findall(r'^  File "(.*)", line (\d+) in (.*)$', text, re.MULTILINE)
    return traceback.StackSummary.from_list([(file, int(line), name, "") for file, line, name in frames[::-1]])
