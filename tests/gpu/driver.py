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


class Device(Driver):
    """The first device, on which this thread works: arrays and kernels."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__(path)
        self.make_current()

    def put(self, array):
        """Return where a copy of the array, which is in C order, is on the device."""
        place = ctypes.c_void_p()
        self.call("cuMemAlloc_v2", ctypes.byref(place), ctypes.c_size_t(array.nbytes))
        self.call("cuMemcpyHtoD_v2", place, ctypes.c_void_p(array.ctypes.data), ctypes.c_size_t(array.nbytes))
        return place

    def get(self, place, shape, dtype):
        """Return the array at a place on the device."""
        import numpy as np  # not needed to compile kernels

        array = np.empty(shape, dtype)
        to, size = ctypes.c_void_p(array.ctypes.data), ctypes.c_size_t(array.nbytes)
        self.call("cuMemcpyDtoHAsync_v2", to, place, size, None)
        self.call("cuStreamSynchronize", None)
        return array

    def load(self, image):
        """Return a function that launches the kernel of a name in a compiler's image: blocks, threads, arguments."""
        module = ctypes.c_void_p()
        self.call("cuModuleLoadData", ctypes.byref(module), image)

        def launch(name, blocks, threads, *arguments, shared=0):
            kernel = ctypes.c_void_p()
            self.call("cuModuleGetFunction", ctypes.byref(kernel), module, name.encode())
            values = [ctypes.c_int(value) if isinstance(value, int) else value for value in arguments]
            places = (ctypes.c_void_p * len(values))(*map(ctypes.addressof, values))
            self.call("cuLaunchKernel", kernel, blocks, 1, 1, threads, 1, 1, shared, None, places, None)

        return launch
