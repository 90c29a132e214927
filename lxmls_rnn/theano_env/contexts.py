"""Threads on an NVIDIA GPU: one at a time, each with the GPU's context; and a GPU that is lost is said to be.

CUDA has a stack of contexts in each thread and works in the topmost one. libgpuarray 0.7.6 counts how often it has
entered its context, in all threads together, and puts it on the stack of the thread that makes the count 1. But where
it makes a kernel that it has made before, it enters and does not leave. From then on no other thread finds a context;
and two threads at once can miscount in the other direction, which ends the process.

What Python frees on its own between these calls is freed without waiting for a turn: libgpuarray ignores what goes
wrong there. While one thread compiles for a GPU, the trainings of the others wait.
"""

import ctypes
import functools
import importlib
import threading
import time
from collections.abc import Callable
from typing import Any

from lxmls_rnn.device import GpuLost, libraries
from lxmls_rnn.theano_env.lock import LOCK, reporting_wait

PAUSE = 0.0005  # seconds that a thread stays away where another one waits, which needs less to wake up

Call = Callable[..., Any]


class Turn:
    """What one thread has at a time; who has it may ask again."""

    def __init__(self) -> None:
        self._lock: Any = threading.RLock()
        self._waiting: set[int] = set()

    def run(self, call: Call) -> Any:
        """Call a function when it is this thread's turn, and return its result."""
        if self._lock._is_owned():
            return call()
        if self._waiting:  # else a thread that asks again and again would always be the first to ask
            time.sleep(PAUSE)
        me = threading.get_ident()
        self._waiting.add(me)
        with self._lock:
            self._waiting.discard(me)
            return call()


TURN = Turn()  # to compile and, on a GPU, to compute: with two, each could be had by one who waits for the other


class Primary:
    """The primary context of a GPU, named by its PCI bus id: the one that libgpuarray works in."""

    def __init__(self, bus_id: str) -> None:
        # Most calls come back at once: to let go of Python's own lock would cost more.
        self._quick, self._driver = ctypes.PyDLL("libcuda.so"), ctypes.CDLL("libcuda.so")
        device, self._context = ctypes.c_int(), ctypes.c_void_p()
        status = self._quick.cuDeviceGetByPCIBusId(ctypes.byref(device), bus_id.encode())
        status = status or self._driver.cuDevicePrimaryCtxRetain(ctypes.byref(self._context), device)
        if status != 0:
            raise RuntimeError(f"the context of the GPU {bus_id} is unavailable: {libraries.error_name(status)}")

    def make_current(self) -> None:
        """Let this thread work on the GPU."""
        current = ctypes.c_void_p()
        if self._quick.cuCtxGetCurrent(ctypes.byref(current)) == 0 and not current.value:
            self._quick.cuCtxSetCurrent(self._context)

    def check(self) -> None:
        """Raise `GpuLost` if the GPU does no more work: what goes wrong there for good every later call says again."""
        status = self._driver.cuCtxSynchronize()
        if status != 0:
            raise GpuLost(libraries.error_name(status))

    def alone(self, call: Call) -> Call:
        """Wrap a function so that it waits for its turn, then runs in this context.

        It raises `GpuLost` instead of its own exception where the GPU is lost.
        """

        def inside(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            self.make_current()
            try:
                return call(*args, **kwargs)
            except Exception:
                self.check()
                raise

        @functools.wraps(call)
        def on_its_own(*args: Any, **kwargs: Any) -> Any:
            return TURN.run(lambda: inside(args, kwargs))

        return on_its_own


def in_turns(call: Call) -> Call:
    """Wrap ``orig_function``, with which `theano.function` compiles, so that threads take turns.

    The optimiser and the module cache are the whole process's.
    """

    @functools.wraps(call)
    def alone(*args: Any, **kwargs: Any) -> Any:
        with reporting_wait(lambda: "another thread") as my_turn:

            def compile_it() -> Any:  # a scan compiles its loop within the compile of the whole
                my_turn()
                with LOCK.released_after():
                    return call(*args, **kwargs)

            return TURN.run(compile_it)

    return alone


def share_gpu() -> None:
    """Let threads take turns on the GPU where Theano's device is one of CUDA's; on another nothing changes."""
    from theano.compile import function_module, sharedvalue
    from theano.gpuarray import type as gpu

    try:
        context = gpu.get_context(None)
    except gpu.ContextNotDefined:
        return
    if context.kind != b"cuda":
        return
    alone = Primary(context.unique_id).alone
    function_module.Function.__call__ = alone(function_module.Function.__call__)
    for name in ("get_value", "set_value"):
        setattr(gpu.GpuArraySharedVariable, name, alone(getattr(gpu.GpuArraySharedVariable, name)))
    constructors = sharedvalue.shared.constructors
    constructors[constructors.index(gpu.gpuarray_shared_constructor)] = alone(gpu.gpuarray_shared_constructor)
    compiling = in_turns(alone(function_module.orig_function.__wrapped__))
    for name in ("theano.compile.function", "theano.compile.pfunc"):
        module: Any = importlib.import_module(name)  # theano.compile.function is a function's name too
        module.orig_function = compiling
