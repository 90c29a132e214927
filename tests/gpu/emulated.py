"""The emulated CUDA device as the tests of the emulator use it, with kernels of (y, x, factor)."""

from __future__ import annotations

import ctypes

import numpy as np
import nvrtc
from driver import Device

X = np.linspace(-3, 3, 96, dtype="float32")
HEAD = '#include "cluda.h"\nKERNEL void kernel(GLOBAL_MEM ga_float *y, GLOBAL_MEM ga_float *x, ga_double factor'
# Turns the order of the numbers around in each block of 32.
REVERSE = (
    HEAD
    + """
                   GA_DECL_SHARED_PARAM(ga_float, shared)) {
    GA_DECL_SHARED_BODY(ga_float, shared)
    LOCAL_MEM ga_float e[1];
    ga_size i = GID_0 * LDIM_0 + LID_0;
    shared[LID_0] = x[i];
    if (LID_0 == 5) e[0] = exp(1.0f);
    local_barrier();
    y[i] = factor * e[0] * shared[LDIM_0 - 1 - LID_0];
}
"""
)


def kernel(body):
    """Return the source of a kernel without shared memory, in which i is the number of the thread."""
    return f"{HEAD}) {{ const ga_size i = GID_0 * LDIM_0 + LID_0; {body} }}"


class EmulatedDevice(Device):
    """The driver, with its context in this thread, and the compiler."""

    def __init__(self, library):
        super().__init__(library)
        self.compiler = nvrtc.Nvrtc(library)

    def get(self, place, like=X):
        """Return the array, like another one, at a place on the device."""
        return super().get(place, like.shape, like.dtype)

    def allocate(self, function="cuMemAlloc_v2", size=X.nbytes):
        """Return a place in memory that nobody has written."""
        place = ctypes.c_void_p()
        self.call(function, ctypes.byref(place), ctypes.c_size_t(size))
        return place

    def pinned(self, array):
        """Return a copy of the array in pinned memory of the host."""
        place = self.allocate("cuMemAllocHost_v2", array.nbytes)
        copy = np.frombuffer((ctypes.c_char * array.nbytes).from_address(place.value), array.dtype)
        copy[:] = array
        return copy

    def handle(self, create, *arguments):
        """Return what a function of the driver creates."""
        handle = ctypes.c_void_p()
        self.call(create, ctypes.byref(handle), *arguments)
        return handle

    def run(self, source, x=X, threads=32, shared=128):
        """Return y, where `source` has a kernel of y, x and a factor, which is 2."""
        y = np.full_like(x, 7)
        place = self.put(y)
        self.launch(source, place, self.put(x), len(x) // threads, threads, shared)
        return self.get(place, y)

    def function(self, source, options=("-arch", "compute_90")):
        """Return the kernel of `source`."""
        module = self.handle("cuModuleLoadData", self.compiler.compile(source, options))
        return self.handle("cuModuleGetFunction", module, b"kernel")

    def launch(self, source, y, x, blocks=3, threads=32, shared=128, stream=None):
        """Launch the kernel of `source` on y and x, which are on the device, and do not wait for it.

        `blocks` and `threads` are numbers or the dimensions of a grid and a block; `source` may be a function.
        """
        function = self.function(source) if isinstance(source, str) else source
        grid, block = ((n, 1, 1) if isinstance(n, int) else n for n in (blocks, threads))
        arguments = y, x, ctypes.c_double(2)
        places = (ctypes.c_void_p * 3)(*map(ctypes.addressof, arguments))
        self.call("cuLaunchKernel", function, *grid, *block, shared, stream, places, None)
