"""The emulated CUDA device: a kernel computes what it says, and a mistake in it does not stay hidden."""

import ctypes
import faulthandler
import multiprocessing
import signal

import numpy as np
import nvrtc
import pytest

X = np.linspace(-3, 3, 96, dtype="float32")
# Turns the order of the numbers around in each block of 32.
REVERSE = """
#include "cluda.h"
KERNEL void kernel(GLOBAL_MEM ga_float *y, GLOBAL_MEM const ga_float *x, ga_double factor
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


class Device:
    """The emulated driver."""

    def __init__(self, library):
        self.compiler = nvrtc.Nvrtc(library)
        self.driver = ctypes.CDLL(library)

    def call(self, function, *arguments):
        """Call the driver; its error becomes a RuntimeError."""
        if getattr(self.driver, function)(*arguments) != 0:
            why = ctypes.c_char_p()
            self.driver.cuGetErrorString(0, ctypes.byref(why))
            raise RuntimeError(why.value.decode())

    def put(self, array):
        """Return where a copy of the array is on the device."""
        place = ctypes.c_void_p()
        self.call("cuMemAlloc_v2", ctypes.byref(place), ctypes.c_size_t(array.nbytes))
        self.call("cuMemcpyHtoD_v2", place, ctypes.c_void_p(array.ctypes.data), ctypes.c_size_t(array.nbytes))
        return place

    def get(self, place, like):
        """Return the array, like another one, at a place on the device."""
        array = np.empty_like(like)
        to, size = ctypes.c_void_p(array.ctypes.data), ctypes.c_size_t(array.nbytes)
        self.call("cuMemcpyDtoHAsync_v2", to, place, size, None)
        return array

    def run(self, source, x=X, threads=32, shared=128):
        """Return y, where `source` has a kernel of y, x and a factor, which is 2."""
        module, kernel = ctypes.c_void_p(), ctypes.c_void_p()
        image = self.compiler.compile(source, ["-arch", "compute_90"])
        self.call("cuModuleLoadData", ctypes.byref(module), image)
        self.call("cuModuleGetFunction", ctypes.byref(kernel), module, b"kernel")
        y = np.full_like(x, 7)
        arguments = [self.put(y), self.put(x), ctypes.c_double(2)]
        places = (ctypes.c_void_p * 3)(*map(ctypes.addressof, arguments))
        try:
            self.call("cuLaunchKernel", kernel, len(x) // threads, 1, 1, threads, 1, 1, shared, None, places, None)
            return self.get(arguments[0], y)
        finally:
            for place in arguments[:2]:
                self.call("cuMemFree_v2", place)


@pytest.fixture(scope="module")
def device(stand_ins):
    return Device(stand_ins / "libcuda.so")


def test_blocks_threads_barriers_and_both_kinds_of_shared_memory(device):
    expected = 2 * np.e * X.reshape(3, 32)[:, ::-1].ravel()
    assert np.allclose(device.run(REVERSE), expected, rtol=1e-6)


def test_a_barrier_that_is_missing(device):
    assert np.isnan(device.run(REVERSE.replace("local_barrier();", ""))).any()


@pytest.mark.parametrize("other", ["LID_0 + (LID_0 < 31)", "LID_0 - (LID_0 > 0)"])
def test_a_barrier_that_is_missing_before_memory_is_written_again(device, other):
    """The thread that still reads is one before or one behind that which writes: in one of 40 blocks it shows."""
    source = REVERSE.replace("e[0] * shared[LDIM_0 - 1 - LID_0];", f"shared[{other}]; shared[LID_0] = 0;")
    ones = np.ones(32 * 40, "float32")
    assert not np.array_equal(device.run(source, ones), 2 * ones)
    assert np.array_equal(device.run(source.replace("; shared", "; local_barrier(); shared"), ones), 2 * ones)


def test_a_barrier_that_only_some_threads_reach(device):
    with pytest.raises(RuntimeError, match="only some threads of a block reach a barrier"):
        device.run(REVERSE.replace("local_barrier();", "if (LID_0 < 7) local_barrier();"))


def test_shared_memory_that_nobody_has_written(device):
    assert np.isnan(device.run(REVERSE.replace("shared[LID_0] = x[i];", ""))).all()


def test_an_array_that_nobody_has_written(device):
    place = ctypes.c_void_p()
    device.call("cuMemAlloc_v2", ctypes.byref(place), ctypes.c_size_t(X.nbytes))
    assert np.isnan(device.get(place, X)).all()


def test_writing_behind_shared_memory(device):
    with pytest.raises(RuntimeError, match="a kernel writes behind its shared memory"):
        device.run(REVERSE, shared=124)


def test_a_block_of_too_many_threads(device):
    with pytest.raises(RuntimeError, match="too many threads"):
        device.run(REVERSE, np.zeros(2048, "float32"), threads=2048)


def test_a_kernel_that_does_not_compile(device):
    with pytest.raises(nvrtc.CompileError, match=r"nonsense.* was not declared"):
        device.run(REVERSE.replace("x[i]", "nonsense"))


@pytest.mark.parametrize("index", ["96 + LID_0", "-1"])  # of 96; 128 are set aside
def test_writing_just_outside_an_array(device, index):
    with pytest.raises(RuntimeError, match="a kernel writes outside an array"):
        device.run(REVERSE.replace("y[i] =", f"y[{index}] ="))


@pytest.mark.parametrize("index", ["i + 128", "i - 1024"])
def test_touching_what_is_outside_an_array(device, index):
    assert signal_of(device.run, REVERSE.replace("x[i]", f"x[{index}]")) == signal.SIGSEGV


def test_touching_memory_that_was_freed(device):
    place = device.put(X)
    device.call("cuMemFree_v2", place)
    assert device.put(X).value != place.value
    assert signal_of(device.get, place, X) == signal.SIGSEGV


def test_too_much_shared_memory(device):
    with pytest.raises(RuntimeError, match="too much shared memory"):
        device.run(REVERSE.replace("e[1]", "e[1024]"), shared=47 * 1024)


def signal_of(function, *arguments):
    """Return the signal that ends a process which calls the function."""
    # without pytest's report of where it was
    process = multiprocessing.get_context("fork").Process(target=lambda: (faulthandler.disable(), function(*arguments)))
    process.start()
    process.join()
    return -process.exitcode
