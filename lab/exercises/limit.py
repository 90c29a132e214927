"""A time limit for student code: checks run in a thread, which is given up if it cannot be stopped."""

import contextvars
import ctypes
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

MAX_SECONDS = 10.0  # wall time of one call of student code; time in a debugger does not count
MAX_COMPILING_SECONDS = 40.0  # for Theano and JAX, which compile: slow on a busy machine
STOPPING_SECONDS = 0.5
_POLL_SECONDS = 0.05
_DEBUGGERS = ("bdb", "pdb", "IPython.core.debugger", "pydevd", "_pydevd_bundle")


class TimeUp(Exception):
    """Student code took too long: the limit, its stack, and whether it was stopped."""

    def __init__(self, seconds: float, stack: traceback.StackSummary, stopped: bool):
        super().__init__()
        self.seconds, self.stack, self.stopped = seconds, stack, stopped


class _Stop(BaseException):  # a BaseException: student code with `except Exception` does not catch it
    pass


class _Thread(threading.Thread):
    def __init__(self, function: Callable[[], Any]):
        super().__init__(daemon=True)
        self.function, self.context = function, contextvars.copy_context()  # ipykernel finds the cell's output in it
        self.result: Any = None
        self.error: BaseException | None = None
        self.seconds, self.deadline = 0.0, float("inf")

    def run(self) -> None:
        try:
            self.result = self.context.run(self.function)
        except BaseException as error:
            self.error = error

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


def in_thread(function: Callable[[], Any], seconds: float = float("inf")) -> Any:
    """Call a function in a thread and return its result; raise `TimeUp` if it or a `timed` part takes too long."""
    thread, end = _Thread(function), time.monotonic() + seconds
    thread.start()
    try:
        while thread.is_alive():
            thread.join(_POLL_SECONDS)
            if time.monotonic() > min(thread.deadline, end) and (frame := thread.frame()) is not None:
                if _in_debugger(frame):
                    thread.deadline = time.monotonic() + thread.seconds
                    continue
                stack = traceback.extract_stack(frame)
                raise TimeUp(thread.seconds, stack, thread.stop())
    except KeyboardInterrupt:
        thread.stop()
        raise
    if thread.error is not None:
        raise thread.error
    return thread.result


@contextmanager
def timed(seconds: float | None = None) -> Iterator[None]:
    """Limit the time of a block, by default to `MAX_SECONDS`, if it runs in a thread of `in_thread`."""
    thread = threading.current_thread()
    if not isinstance(thread, _Thread):
        yield
        return
    thread.seconds = MAX_SECONDS if seconds is None else seconds
    thread.deadline = time.monotonic() + thread.seconds
    try:
        yield
    finally:
        thread.deadline = float("inf")


def _in_debugger(frame: FrameType | None) -> bool:
    while frame is not None:
        if str(frame.f_globals.get("__name__")).startswith(_DEBUGGERS):
            return True
        frame = frame.f_back
    return False
