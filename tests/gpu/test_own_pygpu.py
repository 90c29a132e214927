"""The pygpu of `make pygpu` on the emulated CUDA device: defects that packages/pygpu fixes."""

import os
import subprocess
import sys

import pytest

from lxmls_rnn.device import libraries

pytestmark = [
    pytest.mark.skipif(not libraries.has_own_pygpu(), reason="pygpu is missing or not built by `make pygpu`"),
    pytest.mark.daily("uses the emulated GPU, which takes fifteen seconds to build"),
]
PRELUDE = """
import ctypes, threading
import numpy as np
import pygpu
from pygpu.gpuarray import GpuKernel

driver = ctypes.CDLL("libcuda.so")
context = pygpu.init("cuda0", max_cache_size=0)
numbers = np.arange(1000, dtype="float32")

def current():
    found = ctypes.c_void_p()
    assert driver.cuCtxGetCurrent(ctypes.byref(found)) == 0
    return found.value
"""


def on_device(environ, code):
    """Run code with a context of the emulated device and return what it prints."""
    command = [sys.executable, "-c", PRELUDE + code]
    done = subprocess.run(command, env={**os.environ, **environ}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_a_kernel_from_the_cache_leaves_the_context(emulated_gpu):
    code = """
source = '#include "cluda.h"\\nKERNEL void empty(ga_size n) {}'
for _ in range(2):
    kernel = GpuKernel(source, "empty", [np.uintp], context=context)
    print(current())
array = pygpu.array(numbers, context=context)
thread = threading.Thread(target=lambda: print(np.array_equal(np.asarray(array), numbers)))
thread.start()
thread.join()
"""
    assert on_device(emulated_gpu, code) == ["None", "None", "True"]


def test_memory_is_freed_in_a_thread_without_a_context(emulated_gpu):
    code = """
array = pygpu.array(numbers, context=context)
place = ctypes.c_void_p(array.gpudata)
print(current())
del array
retained = ctypes.c_void_p()
driver.cuDevicePrimaryCtxRetain(ctypes.byref(retained), 0)
driver.cuCtxSetCurrent(retained)
print(driver.cuMemFree_v2(place))
"""
    assert on_device(emulated_gpu, code) == ["None", "1"]  # CUDA_ERROR_INVALID_VALUE: it is free


def test_a_copy_to_the_host_is_complete_when_it_returns(emulated_gpu):
    """Pinned memory, to which the driver copies later."""
    code = """
array = pygpu.array(numbers, context=context)
retained, place = ctypes.c_void_p(), ctypes.c_void_p()
driver.cuDevicePrimaryCtxRetain(ctypes.byref(retained), 0)
driver.cuCtxPushCurrent_v2(retained)
assert driver.cuMemAllocHost_v2(ctypes.byref(place), ctypes.c_size_t(numbers.nbytes)) == 0
driver.cuCtxPopCurrent_v2(None)
pinned = np.frombuffer((ctypes.c_char * numbers.nbytes).from_address(place.value), "float32")
array.read(pinned)
print(np.array_equal(pinned, numbers))
"""
    environ = {**emulated_gpu, "EMULATED_SEED": ""}  # as late as it can be
    assert on_device(environ, code) == ["True"]
