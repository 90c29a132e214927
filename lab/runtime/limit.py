"""A time limit for student code in checks and panels: it runs in a thread, given up if it cannot be stopped.

The limit counts the processor's time of the thread. On a starved machine, or where code only waits, the wall's time
runs out first: `Busy`.
"""

import contextvars
import ctypes
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType
from typing import Any

MAX_SECONDS = 10.0  # of the processor; time in a debugger does not count
MAX_WALL_SECONDS = 25.0  # a verdict comes within 30 s
# calls; with more, an endless recursion would fill the memory, or before Python 3.12 the stack, which crashes Python
MAX_RECURSION = 20_000 if sys.version_info >= (3, 12) else 5_000
STOPPING_SECONDS = 0.5
MAX_FRAMES = 50  # of a stack that is shown
_POLL_SECONDS = 0.05
_set_recursion_limit = sys.setrecursionlimit
_DEBUGGERS = ("bdb", "pdb", "IPython.core.debugger", "pydevd", "_pydevd_bundle")


class TimeUp(Exception):
    """Student code took too long: the limit in seconds of the processor, its stack, and whether it was stopped."""

    def __init__(self, seconds: float, stack: traceback.StackSummary, stopped: bool):
        super().__init__()
        self.seconds, self.stack, self.stopped = seconds, stack, stopped

    @property
    def remark(self) -> str:
        """A sentence, after a space, if the code could not be stopped; else an empty string."""
        return "" if self.stopped else " It could not be stopped: if the notebook becomes slow, restart the kernel."


class Busy(TimeUp):
    """The wall's time ran out before the processor's: the machine is busy, or the code waits."""

    def __str__(self) -> str:
        return (
            f"No result after {self.seconds:.0f} s: the machine is busy, or the code never ends or waits for something "
            "(input, sleep). Run it again."
        )


class _Stop(BaseException):  # a BaseException: student code with `except Exception` does not catch it
    pass


@dataclass
class _Limit:
    seconds: float  # of the processor
    wall: float
    used: float  # by the thread when the block began
    begun: float

    def is_over(self, used: float, now: float) -> bool:
        return used - self.used > self.seconds or now - self.begun > self.wall


class _Thread(threading.Thread):
    def __init__(self, function: Callable[[], Any]):
        super().__init__(daemon=True)
        self.function, self.context = function, contextvars.copy_context()  # ipykernel finds the cell's output in it
        self.result: Any = None
        self.error: BaseException | None = None
        self.begun = time.monotonic()
        self.ended = 0.0  # the processor's time of the thread at its end
        self.limits = [_Limit(float("inf"), float("inf"), 0.0, 0.0)]  # of the blocks that it is in

    def run(self) -> None:
        try:
            self.result = self.context.run(self.function)
        except BaseException as error:
            self.error = error
        self.ended = time.thread_time()

    def used(self) -> float:
        """Return the processor's time of the thread; where the system does not tell it, the wall's."""
        if not hasattr(time, "pthread_getcpuclockid"):  # only Linux and some Unix have it
            return time.monotonic() - self.begun
        try:
            return time.clock_gettime(time.pthread_getcpuclockid(self.ident or 0)) if self.is_alive() else self.ended
        except OSError:  # it has just ended
            return self.ended

    def frame(self) -> FrameType | None:
        return sys._current_frames().get(self.ident or 0)

    def stop(self) -> bool:
        """Raise `_Stop` in the thread until it ends; return whether it has ended."""
        end = time.monotonic() + STOPPING_SECONDS
        while self.is_alive() and time.monotonic() < end:
            _raise_in(self.ident, ctypes.py_object(_Stop))
            self.join(_POLL_SECONDS)
        if self.is_alive():
            _withdraw(self.ident)
        return not self.is_alive()


def _raise_in(thread: int | None, exception: Any) -> None:
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread or 0), exception)


def _withdraw(thread: int | None) -> None:
    """Take back an exception that a thread has not received; before Python 3.13 it would slow down all threads."""
    _raise_in(thread, None)
    with suppress(_Stop):  # the interpreter's flag is cleared where an exception arrives
        _raise_in(threading.get_ident(), ctypes.py_object(_Stop))
        for _ in range(1000):
            time.sleep(0)


def cap_recursion() -> None:
    """Let code raise the recursion limit to `MAX_RECURSION` at most."""
    sys.setrecursionlimit = lambda n: _set_recursion_limit(min(n, MAX_RECURSION))


def in_thread(function: Callable[[], Any], seconds: float = float("inf"), wall: float = float("inf")) -> Any:
    """Call a function in a thread and return its result.

    Raise `TimeUp` if it takes more than `seconds` of the processor, or a `timed` block more than its own, and `Busy` if
    `wall`, or the wall's time of a block, runs out first. The function can raise the recursion limit, to
    `MAX_RECURSION` at most.
    """
    thread = _Thread(function)
    thread.limits[0] = _Limit(seconds, wall, 0.0, time.monotonic())
    recursion = sys.getrecursionlimit()
    cap_recursion()
    thread.start()
    try:
        while thread.is_alive():
            thread.join(_POLL_SECONDS)
            used, now = thread.used(), time.monotonic()
            over = next((one for one in list(thread.limits) if one.is_over(used, now)), None)
            if over is None or (frame := thread.frame()) is None:
                continue
            if _in_debugger(frame):
                for one in thread.limits:
                    one.used, one.begun = used, now
                continue
            stack = traceback.StackSummary.extract(_innermost(frame), lookup_lines=False)
            stopped = thread.stop()
            if used - over.used > over.seconds:
                raise TimeUp(over.seconds, stack, stopped)
            raise Busy(over.wall, stack, stopped)
    except KeyboardInterrupt:
        thread.stop()
        raise
    finally:
        sys.setrecursionlimit = _set_recursion_limit
        if sys.getrecursionlimit() != recursion:
            _lower_recursion_limit(recursion)
    if thread.error is not None:
        raise thread.error
    return thread.result


@contextmanager
def timed(seconds: float | None = None) -> Iterator[None]:
    """Limit the processor's time of a block, by default to `MAX_SECONDS`, if it runs in a thread of `in_thread`."""
    thread = threading.current_thread()
    if not isinstance(thread, _Thread):
        yield
        return
    seconds = MAX_SECONDS if seconds is None else seconds
    own = _Limit(seconds, max(MAX_WALL_SECONDS, seconds), thread.used(), time.monotonic())
    thread.limits.append(own)
    try:
        yield
    finally:
        thread.limits.remove(own)


def _lower_recursion_limit(limit: int) -> None:
    with suppress(RecursionError):  # this thread is deeper itself
        sys.setrecursionlimit(limit)


def _innermost(frame: FrameType) -> Any:
    """Yield the innermost frames and lines of a stack, outer ones first."""
    found: list[tuple[FrameType, int]] = []
    inner: FrameType | None = frame
    while inner is not None and len(found) < MAX_FRAMES:
        found.append((inner, inner.f_lineno))
        inner = inner.f_back
    return reversed(found)


def _in_debugger(frame: FrameType | None) -> bool:
    for _ in range(1000):
        if frame is None:
            return False
        if str(frame.f_globals.get("__name__")).startswith(_DEBUGGERS):
            return True
        frame = frame.f_back
    return False
