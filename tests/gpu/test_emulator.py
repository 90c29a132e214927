"""The emulated CUDA device: a kernel computes what it says, and a mistake in it does not stay hidden."""

import ctypes
import faulthandler
import multiprocessing
import shutil
import signal

import numpy as np
import nvrtc
import pytest

if shutil.which("g++") is None:
    pytest.skip("no g++ to make the device with", allow_module_level=True)

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

    def run(self, source, x=X, threads=32, shared=128):
        """Return y, where `source` has a kernel of y, x and a factor, which is 2."""
        module, kernel = ctypes.c_void_p(), ctypes.c_void_p()
        image = self.compiler.compile(source, ["-arch", "compute_90"])
        self.call("cuModuleLoadData", ctypes.byref(module), image)
        self.call("cuModuleGetFunction", ctypes.byref(kernel), module, b"kernel")
        y = np.full_like(x, 7)
        arguments = [self.put(y), self.put(x), ctypes.c_double(2)]
        places = (ctypes.c_void_p * 3)(*map(ctypes.addressof, arguments))
        self.call("cuLaunchKernel", kernel, len(x) // threads, 1, 1, threads, 1, 1, shared, None, places, None)
        size = ctypes.c_size_t(y.nbytes)
        self.call("cuMemcpyDtoHAsync_v2", ctypes.c_void_p(y.ctypes.data), arguments[0], size, None)
        return y


@pytest.fixture(scope="module")
def device(stand_ins):
    return Device(stand_ins / "libcuda.so")


def test_blocks_threads_barriers_and_both_kinds_of_shared_memory(device):
    expected = 2 * np.e * X.reshape(3, 32)[:, ::-1].ravel()
    assert np.allclose(device.run(REVERSE), expected, rtol=1e-6)


def test_a_barrier_that_is_missing(device):
    assert np.isnan(device.run(REVERSE.replace("local_barrier();", ""))).any()


@pytest.mark.parametrize("other", ["LID_0 + 1", "LID_0 + 31"])
def test_a_barrier_that_is_missing_before_memory_is_written_again(device, other):
    """The thread that still reads may be one before or one behind that which writes: in one of 40 blocks it shows."""
    source = REVERSE.replace("e[0] * shared[LDIM_0 - 1 - LID_0];", f"shared[({other}) % 32]; shared[LID_0] = 0;")
    ones = np.ones(32 * 40, "float32")
    assert not np.array_equal(device.run(source, ones), 2 * ones)
    assert np.array_equal(device.run(source.replace("; shared", "; local_barrier(); shared"), ones), 2 * ones)


def test_a_barrier_that_only_some_threads_reach(device):
    with pytest.raises(RuntimeError, match="only some threads of a block reach a barrier"):
        device.run(REVERSE.replace("local_barrier();", "if (LID_0 < 7) local_barrier();"))


def test_memory_that_nobody_has_written(device):
    assert np.isnan(device.run(REVERSE.replace("shared[LID_0] = x[i];", ""))).all()


def test_writing_behind_shared_memory(device):
    with pytest.raises(RuntimeError, match="a kernel writes behind its shared memory"):
        device.run(REVERSE, shared=124)


def test_a_block_of_too_many_threads(device):
    with pytest.raises(RuntimeError, match="too many threads"):
        device.run(REVERSE, np.zeros(2048, "float32"), threads=2048)


def test_a_kernel_that_does_not_compile(device):
    with pytest.raises(nvrtc.CompileError, match=r"nonsense.* was not declared"):
        device.run(REVERSE.replace("x[i]", "nonsense"))


@pytest.mark.parametrize("index", ["i + 96", "i - 2048"])
def test_touching_what_is_outside_an_array(device, index):
    read = REVERSE.replace("x[i]", f"x[{index}]")
    # without pytest's report of where it was
    process = multiprocessing.get_context("fork").Process(target=lambda: (faulthandler.disable(), device.run(read)))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGSEGV
