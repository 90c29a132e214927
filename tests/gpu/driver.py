"""A CUDA driver, called through ctypes as libgpuarray calls it."""

from __future__ import annotations

import ctypes
import os


class Driver:
    """The driver's library at a path, or under a name that the dynamic linker finds."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.library = ctypes.CDLL(os.fspath(path))

    def call(self, function, *arguments):
        """Call a function of the driver; its error becomes a RuntimeError."""
        status = getattr(self.library, function)(*arguments)
        if status != 0:
            name, why = ctypes.c_char_p(), ctypes.c_char_p()
            self.library.cuGetErrorName(status, ctypes.byref(name))
            self.library.cuGetErrorString(status, ctypes.byref(why))
            raise RuntimeError(f"{function}: {name.value.decode()}: {why.value.decode()}")

    def retain(self):
        """Return the primary context of the first device."""
        context = ctypes.c_void_p()
        self.call("cuInit", 0)
        self.call("cuDevicePrimaryCtxRetain", ctypes.byref(context), 0)
        return context

    def make_current(self):
        """Let this thread work on the first device."""
        self.call("cuCtxSetCurrent", self.retain())
