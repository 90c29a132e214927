"""A trial run of an answer in a fork of the notebook's kernel, which can be killed.

Code that never leaves C, such as `10**10**9` or a regular expression that tries everything, blocks all threads of its
process. A signal kills the fork when its processor time is up; before it ends, the fork writes which line was running.
The output of the answer in the fork is lost: afterwards the kernel runs the answer as usual. Threads do not survive a
fork: PyTorch computes with one thread there, and Theano compiles nothing, as in all checks. JAX cannot run in a fork.
"""

import builtins
import faulthandler
import io
import os
import re
import select
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn

from lab.runtime import limit

MAX_TRACEBACK_BYTES = 1 << 20


class OutOfMemory(Exception):
    """The fork was killed from outside, or crashed."""

    def __str__(self) -> str:
        return "The function took too much memory, or crashed Python: are its arrays as large as they should be?"


def survives_a_fork(kind: str) -> bool:
    """Return whether answers of a kind can be tried in a fork: not with JAX, or where the framework uses a GPU."""
    if kind.startswith("theano"):
        import theano

        return not theano.gpuarray.type.list_contexts()
    if kind.startswith("torch"):
        import torch

        return not torch.cuda.is_initialized()
    return not kind.startswith("jax")


def run(function: Callable[[], object], seconds: float, wall: float) -> None:
    """Call a function in a fork and ignore its result and its exceptions: the kernel runs the function again.

    Raise `limit.TimeUp` after `seconds` of the processor, `limit.Busy` after `wall` seconds, and `OutOfMemory`.
    A function that asks for input, as a debugger does, ends the trial. Without memory for another process, and where a
    debugger is active, there is no trial.
    """
    if _is_debugged() or not hasattr(os, "fork"):  # Windows has none
        return
    read, write = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python and JAX warn of a fork where threads run
        try:
            child = os.fork()
        except OSError:
            os.close(read)
            os.close(write)
            return
    if not child:
        _be_tried(function, seconds, write)
    os.close(write)
    written, status, is_late = b"", None, False
    end = time.monotonic() + wall
    try:
        while status is None:
            if select.select([read], [], [], max(end - time.monotonic(), 0))[0]:
                part = os.read(read, 1 << 16)
                written = (written + part)[-MAX_TRACEBACK_BYTES:]
                status = None if part else os.waitpid(child, 0)[1]
            elif is_late:
                break
            else:
                is_late, end = True, end + limit.STOPPING_SECONDS
                os.kill(child, signal.SIGPROF)  # it writes where it is, and ends
    finally:
        os.close(read)
        if status is None:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    lines = re.findall(r'^  File "(.*)", line (\d+) in (.*)$', written.decode(errors="replace"), re.MULTILINE)
    stack = traceback.StackSummary.from_list([(file, int(line), name, "") for file, line, name in lines[::-1]])
    if is_late:
        raise limit.Busy(wall, stack, True)
    if status and os.WIFSIGNALED(status):
        raise limit.TimeUp(seconds, stack, True) if os.WTERMSIG(status) == signal.SIGPROF else OutOfMemory


def _be_tried(function: Callable[[], object], seconds: float, write: int) -> NoReturn:
    """Call a function in the fork, and end it."""
    try:
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        sys.stdout = sys.stderr = io.StringIO()
        with suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")  # where memory is short, this process ends, and not the kernel
        limit.cap_recursion()
        builtins.input = sys.breakpointhook = _end
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        faulthandler.register(signal.SIGPROF, write, all_threads=False, chain=True)
        signal.setitimer(signal.ITIMER_PROF, seconds)
        if "torch" in sys.modules:
            sys.modules["torch"].set_num_threads(1)
        function()
    finally:
        os._exit(0)


def _end(*_: Any, **__: Any) -> NoReturn:
    os._exit(0)


def _is_debugged() -> bool:
    of_events = getattr(sys, "monitoring", None)  # since Python 3.12
    return sys.gettrace() is not None or (of_events and of_events.get_tool(of_events.DEBUGGER_ID)) is not None
