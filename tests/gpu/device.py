"""Arrays and kernels on a CUDA device, through its driver."""

from __future__ import annotations

import ctypes
import os

import numpy as np
from driver import Driver


class Device(Driver):
    """The first device, on which this thread works: arrays and kernels."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__(path)
        self.make_current()

    def put(self, array):
        """Return where a copy of the array is on the device."""
        array, place = np.ascontiguousarray(array), ctypes.c_void_p()
        self.call("cuMemAlloc_v2", ctypes.byref(place), ctypes.c_size_t(array.nbytes))
        self.call("cuMemcpyHtoD_v2", place, ctypes.c_void_p(array.ctypes.data), ctypes.c_size_t(array.nbytes))
        return place

    def get(self, place, shape, dtype):
        """Return the array at a place on the device."""
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
