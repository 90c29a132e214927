"""Mutual exclusion of threads on an NVIDIA GPU, in the GPU's context; detection of a lost GPU.

Each thread has a stack of CUDA contexts and works in the topmost one. libgpuarray 0.7.6 has one counter for all threads
of how often its context was entered. It pushes the context on the stack of the thread that raises the counter to 1.
Two threads at the same time can make the counter too low, which ends the process.

The distributions' libgpuarray has three more faults, which packages/pygpu fixes. Compiling a kernel again, it
enters the context and never leaves it: from then on no other thread gets a context. It frees memory without entering
the context; it ignores the error, also for objects that Python frees between these calls. The thread's own context is
the workaround for both. `wait_for_reads` is the workaround for the third, copies that arrive late.

While one thread compiles for a GPU, the trainings of other threads wait.
"""

import ctypes
import functools
import importlib
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from theano_runtime.host import host
from theano_runtime.lock import LOCK, reporting_wait

YIELD_SECONDS = 0.0005  # pause of a thread while another one waits; longer than waking up takes

# libgpuarray's table of operations, `_gpuarray_buffer_ops` in src/private.h: its length, and the positions of two.
OPERATIONS, BUFFER_READ, BUFFER_SYNC = 21, 9, 17

Call = Callable[..., Any]


class Turn:
    """A reentrant lock for calls that lets a waiting thread go first."""

    def __init__(self) -> None:
        self._lock: Any = threading.RLock()
        self._waiting: set[int] = set()

    def is_mine(self) -> bool:
        """Whether this thread holds the lock."""
        return bool(self._lock._is_owned())

    def run(self, call: Call) -> Any:
        """Call a function while holding the lock, and return its result."""
        if self.is_mine():
            return call()
        if self._waiting:  # otherwise a thread that calls in a loop would always get the lock first
            time.sleep(YIELD_SECONDS)
        me = threading.get_ident()
        self._waiting.add(me)
        try:
            with self._lock:
                self._waiting.discard(me)
                return call()
        finally:  # where an interrupt has ended the wait; else the other threads would sleep before each call
            self._waiting.discard(me)


_interrupts: list[BaseException] = []  # in `read_and_wait`, which libgpuarray calls
TURN = Turn()  # for compiling and for computing on a GPU: two locks could cause a deadlock


class PrimaryContext:
    """The primary context of the GPU with a PCI bus id, in which libgpuarray works."""

    def __init__(self, bus_id: str) -> None:
        # Most calls return at once; releasing the GIL would take longer.
        try:
            name = "libcuda.so"
            self._driver = ctypes.CDLL(name)
        except OSError:
            name = "libcuda.so.1"
            self._driver = ctypes.CDLL(name)
        self._quick = ctypes.PyDLL(name)
        device, self._context = ctypes.c_int(), ctypes.c_void_p()
        status = self._quick.cuDeviceGetByPCIBusId(ctypes.byref(device), bus_id.encode())
        status = status or self._driver.cuDevicePrimaryCtxRetain(ctypes.byref(self._context), device)
        if status != 0:
            raise RuntimeError(f"the context of the GPU {bus_id} is unavailable: {self._error(status)}")

    def _error(self, status: int) -> str:
        """Return the driver's name of an error, for example CUDA_ERROR_UNKNOWN for 999."""
        name = ctypes.c_char_p()
        if self._driver.cuGetErrorName(status, ctypes.byref(name)) != 0 or name.value is None:
            return f"CUDA error {status}"
        return name.value.decode()

    def make_current(self) -> None:
        """Make this context the thread's current one unless the thread has one."""
        current = ctypes.c_void_p()
        if self._quick.cuCtxGetCurrent(ctypes.byref(current)) == 0 and not current.value:
            self._quick.cuCtxSetCurrent(self._context)

    def check(self) -> None:
        """Raise the host's `GpuLost` if the GPU has stopped working; every later call then returns the same error."""
        status = self._driver.cuCtxSynchronize()
        if status != 0:
            raise host().GpuLost(self._error(status))

    def exclusively(self, call: Call) -> Call:
        """Wrap a function so that it holds the lock and runs in this context.

        If the GPU is lost, it raises the host's `GpuLost` instead of its own exception.
        """

        def inside(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            self.make_current()
            try:
                result = call(*args, **kwargs)
            except Exception:
                self.check()
                raise
            if _interrupts:
                raise _interrupts.pop()
            return result

        @functools.wraps(call)
        def locked(*args: Any, **kwargs: Any) -> Any:
            return TURN.run(lambda: inside(args, kwargs))

        return locked


def in_turns(call: Call) -> Call:
    """Wrap a function that compiles, as ``orig_function`` does for `theano.function`, so that threads take turns.

    All threads of the process share the optimiser and the module cache.
    """

    @functools.wraps(call)
    def locked(*args: Any, **kwargs: Any) -> Any:
        with reporting_wait(lambda: "another thread") as end_reports:

            def compile_it() -> Any:  # a scan compiles its loop inside this call
                end_reports()
                with LOCK.released_after():
                    return call(*args, **kwargs)

            return TURN.run(compile_it)

    return locked


def fork(call: Call) -> Any:
    """Call a function that forks while no other thread compiles or uses a GPU: the child would wait for it forever."""
    with reporting_wait(lambda: "another thread") as end_reports:
        TURN.run(end_reports)
    return TURN.run(call)  # not above, where the child could wait for the thread that reports


def _contains_libgpuarray(pygpu: Any) -> bool:
    """Whether pygpu is the build of packages/pygpu, whose libgpuarray waits; the distributions' does not."""
    return Path(pygpu.__file__).with_name("lib").is_dir()


def wait_for_reads(context: int) -> None:
    """Let libgpuarray wait after each copy to the host, in the context at this address.

    The distributions' libgpuarray 0.7.6 does not wait. That is right for pageable memory on most systems, but CUDA does
    not promise it, and not on a system that copies such memory directly (GH200).
    """
    operations = ctypes.POINTER(ctypes.c_void_p * OPERATIONS).from_address(context)  # the first field of the context
    changed = type(operations.contents)(*operations.contents)
    read_type = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t)
    read = read_type(changed[BUFFER_READ] or 0)
    sync = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(changed[BUFFER_SYNC] or 0)

    @read_type
    def read_and_wait(target: int, source: int, offset: int, size: int) -> int:
        while True:
            try:
                return read(target, source, offset, size) or sync(source)
            except BaseException as error:  # Ctrl-C: an exception cannot pass through libgpuarray
                _interrupts.append(error)

    changed[BUFFER_READ] = ctypes.cast(read_and_wait, ctypes.c_void_p).value
    operations.contents = changed
    for used in (changed, read_and_wait):  # never freed: libgpuarray uses them until the process ends
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(used))


def share_gpu() -> None:
    """Let threads take turns on the GPU if Theano uses one."""
    from theano.compile import function_module, sharedvalue
    from theano.gpuarray import type as gpu

    try:
        context = gpu.get_context(None)
    except gpu.ContextNotDefined:
        return
    if not _contains_libgpuarray(importlib.import_module("pygpu")):
        wait_for_reads(context.ptr)
    exclusively = PrimaryContext(context.unique_id).exclusively
    function_module.Function.__call__ = exclusively(function_module.Function.__call__)
    for name in ("get_value", "set_value"):
        setattr(gpu.GpuArraySharedVariable, name, exclusively(getattr(gpu.GpuArraySharedVariable, name)))
    constructors, on_gpu = sharedvalue.shared.constructors, gpu.gpuarray_shared_constructor
    if on_gpu in constructors:  # not with the flag init_gpu_device
        constructors[constructors.index(on_gpu)] = exclusively(on_gpu)
    compiling = in_turns(exclusively(function_module.orig_function.__wrapped__))
    for name in ("theano.compile.function", "theano.compile.pfunc"):
        module: Any = importlib.import_module(name)  # theano.compile.function is also the name of a function
        module.orig_function = compiling
    for owner, name in (
        (function_module.Function, "copy"),
        (function_module, "_constructor_Function"),  # unpickling
        (function_module, "_constructor_FunctionMaker"),
    ):
        setattr(owner, name, in_turns(exclusively(getattr(owner, name).__wrapped__)))
