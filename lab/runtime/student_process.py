"""Student code in a child process, which can be killed: nothing that it does changes the notebook's kernel.

The child is a fork, so it has the kernel's variables. Through a socket it sends its result, what it knows before it
has the result, and what it prints; the kernel asks for input in its place. A timer ends it when its processor time is
up, also within code that never leaves C, such as `10**10**9`; before it ends, it writes which line was running. A busy
machine does not shorten this time.

While the child sends nothing, the kernel looks at it and at the processes that it has started: if none of them runs or
uses processor time, they wait for something that does not come. This needs Linux's /proc; elsewhere code that waits
runs until the user interrupts it.

Threads do not survive a fork, so PyTorch computes with one thread in the child. What uses a GPU cannot run
there: such code runs in the kernel, until it ends or the user interrupts it.
"""

from __future__ import annotations

import builtins
import faulthandler
import gc
import io
import os
import pickle
import re
import signal
import socket
import struct
import sys
import tempfile
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, TypeVar

from IPython import get_ipython

from lab.runtime import python_warnings
from lxmls_rnn.deep_learning.frameworks import THEANO, TORCH, Framework

T = TypeVar("T")

LOOK_SECONDS = 1.0  # between two looks at a child that sends nothing
WAITING_SECONDS = 10.0  # at least, until a child waits for something that does not come
WAITING_LOAD = 0.01  # of a processor: code that waits in a loop, with short sleeps, uses less
STOPPING_SECONDS = 60.0  # of the wall, to write which line was running
MAX_PRINTED = 100_000  # characters; or 20 figures
# calls; with more, an endless recursion would fill the memory, or before Python 3.12 the stack, which crashes Python
MAX_RECURSION = 20_000 if sys.version_info >= (3, 12) else 5_000
# exceptions of student code; in the kernel a KeyboardInterrupt is the user's
ERRORS: tuple[type[BaseException], ...] = (Exception, SystemExit)
INTERRUPT = {signal.SIGINT}
_LENGTH = struct.Struct("Q")  # of a message, in bytes, before it


class Ended(Exception):
    """The child ended without a result; `known` is what it told before, `stack` where it was."""

    def __init__(self, known: str, stack: traceback.StackSummary, seconds: float = 0.0) -> None:
        super().__init__()
        self.known, self.stack, self.seconds = known, stack, seconds

    def __str__(self) -> str:
        return "The function took too much memory, or crashed or ended Python: are its arrays as large as meant?"


class TimeUp(Ended):
    """The child, or a process that it had started, computed for more than `seconds` of the processor."""

    def __str__(self) -> str:
        seconds = f"{self.seconds:g} s"
        return f"The function is still running after {seconds} of computing: does a loop or a recursion never end?"


class Waits(Ended):
    """The child waited for something that did not come."""

    def __str__(self) -> str:
        return "Your code waits for something that does not come: a thread, a process, a lock, or the end of a sleep?"


class Unreadable(Ended):
    """The child sent something else than a message."""

    def __str__(self) -> str:
        return "Your code wrote into its connection to the kernel: only write to files that your code has opened."


class Interrupted(KeyboardInterrupt):
    """The user interrupted the child; `known` and `stack` are those of `Ended`."""

    def __init__(self, known: str, stack: traceback.StackSummary) -> None:
        super().__init__()
        self.known, self.stack = known, stack


class Child:
    """The process in which student code runs, seen from inside: here the kernel, without limits; `_Fork` is a child."""

    def allow(self, seconds: float) -> None:
        """Let the process run for so many seconds of the processor from now on."""

    def tell(self, known: str) -> None:
        """Tell the kernel what is known before the result is."""

    def without_warnings(self) -> AbstractContextManager[object]:
        """Ignore the warnings of this thread in a `with` block; in a fork all, also those turned into errors."""
        return python_warnings.collected(Warning)


class _Fork(Child):
    """A child process of the kernel."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection, self._lock, self._printed = connection, threading.RLock(), 0
        self._answers = connection.makefile("rb")

    def allow(self, seconds: float) -> None:
        self._send("allow", seconds)
        signal.setitimer(signal.ITIMER_PROF, seconds)

    def tell(self, known: str) -> None:
        self._send("known", known)

    def without_warnings(self) -> AbstractContextManager[object]:
        warnings.simplefilter("ignore")
        warnings.showwarning = lambda *warning, **options: None  # for code with filters of its own
        return nullcontext()

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
        answer = pickle.load(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _send(self, kind: str, value: object) -> None:
        message = pickle.dumps((kind, value))
        with self._lock:
            self._connection.sendall(_LENGTH.pack(len(message)) + message)

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
        os.setpgid(0, 0)  # with the processes that it starts: the kernel looks at this group, and ends it
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
    """Call a function in a child process; return its result or raise its error, or `Ended` if it has neither.

    It has `seconds` of the processor, from a call of `Child.allow` on those of that call. Where `can_fork` says no, and
    without memory for another process, it runs in the kernel, without a limit.
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
        known, received, looks, why = "", bytearray(), _Looks(child), None  # type: str, bytearray, _Looks, Any
        try:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, INTERRUPT)
            while not why and (part := _receive(ours, LOOK_SECONDS)) != b"":
                if part is None:
                    why = looks.look(seconds)
                    continue
                looks = _Looks(child)
                received += part
                try:
                    messages = list(_messages(received))
                except Exception:
                    why = Unreadable
                    break
                for kind, value in messages:
                    if kind == "result":
                        return value
                    if kind == "error":
                        raise value
                    if kind == "known":
                        known = value
                    elif kind == "allow":
                        seconds = value
                    elif kind == "input":
                        ours.sendall(pickle.dumps(_answer(value)))
                    elif kind == "display":
                        get_ipython().display_pub.publish(**value)
                    else:
                        getattr(sys, kind).write(value)
            if why:
                _end(child, ours)
        except KeyboardInterrupt:
            _end(child, ours)
            why = Interrupted
        finally:
            with suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)
            os.kill(child, signal.SIGKILL)
            status = os.waitpid(child, 0)[1]
            ours.close()
        stack = _stack(lines)
    if why is Interrupted:
        raise Interrupted(known, stack)
    if not why and os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGPROF:
        why = TimeUp
    raise (why or (Unreadable if received else Ended))(known, stack, seconds)


def _fork() -> tuple[int, socket.socket] | None:
    """Fork and connect both processes; return 0 or the child's number, and this process's connection.

    SIGINT is blocked in both, so that an interrupt leaves no child running. Return None while another thread imports a
    module: a child that needs this module would wait for it forever.
    """
    if _is_importing():
        return None
    ours, theirs = socket.socketpair()
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


def _receive(ours: socket.socket, seconds: float) -> bytes | None:
    """Return what a child has sent: nothing if it has ended, None if nothing arrives within so many seconds."""
    ours.settimeout(seconds)
    try:
        return ours.recv(1 << 20)
    except TimeoutError:
        return None
    except OSError:  # it ended without reading what it was sent
        return b""


def _messages(received: bytearray) -> Iterator[tuple[str, Any]]:
    """Take the whole messages off what has been received; raise whatever `pickle` raises for other bytes."""
    while len(received) >= _LENGTH.size:
        end = _LENGTH.size + _LENGTH.unpack_from(received)[0]
        if len(received) < end:
            return
        yield pickle.loads(received[_LENGTH.size : end])
        del received[:end]


class _Looks:
    """Looks at a child that sends nothing, one every `LOOK_SECONDS`."""

    def __init__(self, child: int) -> None:
        self._child, self._first, self._idle, self._idle_from = child, -1.0, 0, -1.0

    def look(self, seconds: float) -> type[Ended] | None:
        """Return why the child has to end, None if it may go on; it may compute for `seconds`, or wait as long."""
        seen = _group(self._child)
        if not seen:  # no /proc
            return None
        states, used = seen
        if states[self._child] == "Z":  # others have its end of the socket
            return Ended
        if self._first < 0:
            self._first = used
        if {"R", "D"}.intersection(states.values()) or used > self._idle_from + WAITING_LOAD * WAITING_SECONDS:
            self._idle, self._idle_from = 0, used
        self._idle += 1
        if used > self._first + seconds:
            return TimeUp
        return Waits if self._idle * LOOK_SECONDS > max(WAITING_SECONDS, seconds) else None


def _group(leader: int) -> tuple[dict[int, str], float] | None:
    """Return the states of the processes of a group and the seconds of the processor that they have used.

    None without Linux's /proc, whose letters the states are: R runs, D reads or writes a disk, S sleeps, Z has ended.
    """
    states, ticks = dict[int, str](), 0
    for file in Path("/proc").glob("[1-9]*/stat"):
        with suppress(OSError):  # a process that has just ended
            state, _, group, *numbers = file.read_text(errors="replace").rpartition(") ")[2].split()
            if int(group) == leader:
                states[int(file.parent.name)] = state
                ticks += sum(map(int, numbers[8:12]))  # its own and those of its children that have ended
    return (states, ticks / os.sysconf("SC_CLK_TCK")) if states else None


def _end(child: int, ours: socket.socket) -> None:
    """Let a child write where it is and end; stop waiting for it at an interrupt."""
    with suppress(KeyboardInterrupt):
        os.kill(child, signal.SIGPROF)
        while _receive(ours, STOPPING_SECONDS):
            pass


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
    """Return the stack of what a child called, as `faulthandler` has written it, but innermost frame last."""
    lines.seek(0)
    text = re.split(rf'  File "{re.escape(__file__)}", line \d+ in work\n', lines.read().decode(errors="replace"))[0]
    frames = re.findall(r'^  File "(.*)", line (\d+) in (.*)$', text, re.MULTILINE)
    return traceback.StackSummary.from_list([(file, int(line), name, "") for file, line, name in frames[::-1]])
