"""The emulated CUDA device finds wrong kernels, refuses wrong contexts and copies, and works late."""

import ctypes
import shutil

import numpy as np
import nvrtc
import pytest
from driver import Device

pytestmark = pytest.mark.daily("uses the emulated GPU, which takes fifteen seconds to build")
X = np.linspace(-3, 3, 96, dtype="float32")
SIZE = ctypes.c_size_t(X.nbytes)
SOURCE = """#include "cluda.h"
KERNEL void kernel(GLOBAL_MEM ga_float *y, GLOBAL_MEM ga_float *x) {{
    LOCAL_MEM ga_float shared[33];
    const ga_size i = GID_0 * LDIM_0 + LID_0;
    shared[LID_0] = x[i];
    {body}
}}"""
REVERSED_BLOCKS = "local_barrier(); y[i] = shared[31 - LID_0];"
WRONG_KERNELS = {
    "a missing barrier": (
        "local_barrier(); shared[LID_0] = 1; y[i] = shared[31 - LID_0];",
        "another thread (reads|writes), without a barrier",
    ),
    "a barrier for some": ("if (LID_0 < 7) local_barrier();", "only some threads of a block reach a barrier"),
    "two blocks that write the same": ("if (LID_0 == 0) y[0] = 1;", "writes 4 bytes that another block writes"),
    "one index too far": ("y[i + 1] = 1;", "writes 4 bytes outside of every array"),
    "unwritten memory": ("x[i] = y[i];", "reads 4 bytes that nobody has written"),
    "unwritten shared memory": ("y[i] = shared[32];", "reads 4 bytes of shared memory that nobody has written"),
    "a bad address": ("if (i == 0) *(ga_double *)(y + 1) = 1;", "writes 8 bytes at an address that is not aligned"),
}
REFUSED_CALLS = {
    "without a context": (["cuCtxPopCurrent_v2", None], "INVALID_CONTEXT: no context is current in this thread"),
    "in a destroyed context": (["cuDevicePrimaryCtxRelease_v2", 0], "CONTEXT_IS_DESTROYED"),
    "of freed memory": (["cuMemFree_v2", "x"], "INVALID_VALUE: a copy from or to what is no device memory"),
}


def pointer(array):
    return ctypes.c_void_p(array.ctypes.data)


@pytest.fixture
def device(stand_ins, tmp_path, monkeypatch):
    """The emulated device, whose driver no other test has had: what goes wrong in a kernel stays wrong."""
    monkeypatch.delenv("EMULATED_SEED", raising=False)  # as late as it can be
    return Device(shutil.copy(stand_ins / "libcuda.so", tmp_path))


def launch(device, body, threads=32):
    """Launch a kernel on three blocks; return its y, which nobody has written before, and its x."""
    y, x = ctypes.c_void_p(), device.put(X)
    device.call("cuMemAlloc_v2", ctypes.byref(y), SIZE)
    image = nvrtc.Nvrtc(device.library._name).compile(SOURCE.format(body=body), ["-arch", "compute_90"])
    device.load(image)("kernel", 3, threads, y, x)
    return y, x


@pytest.mark.parametrize(("body", "error"), WRONG_KERNELS.values(), ids=WRONG_KERNELS)
def test_what_goes_wrong_in_a_kernel_is_said_by_the_call_that_waits_for_it(device, body, error):
    launch(device, body)
    with pytest.raises(RuntimeError, match=f"cuCtxSynchronize: CUDA_ERROR_.*{error}"):
        device.call("cuCtxSynchronize")


@pytest.mark.parametrize(("before", "error"), REFUSED_CALLS.values(), ids=REFUSED_CALLS)
def test_a_copy_is_refused(device, before, error):
    x = device.put(X)
    device.call(*(x if argument == "x" else argument for argument in before))
    with pytest.raises(RuntimeError, match=f"cuMemcpyDtoHAsync_v2: CUDA_ERROR_{error}"):
        device.get(x, X.shape, X.dtype)


def test_a_block_with_too_many_threads_is_refused(device):
    with pytest.raises(RuntimeError, match="cuLaunchKernel: CUDA_ERROR_INVALID_VALUE"):
        launch(device, "y[i] = 1;", threads=1025)


def test_launches_and_copies_are_done_when_the_host_waits(device, monkeypatch):
    monkeypatch.setenv("EMULATED_LATE", "1")
    y, _ = launch(device, REVERSED_BLOCKS)
    seen = np.zeros_like(X)
    device.call("cuMemcpyDtoHAsync_v2", pointer(seen), y, SIZE, None)
    assert not seen.any()
    device.call("cuCtxSynchronize")
    assert np.array_equal(seen, X.reshape(3, 32)[:, ::-1].ravel())
