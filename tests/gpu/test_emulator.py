"""The emulated CUDA device: a kernel computes what it says, and a mistake in it does not stay hidden."""

import ctypes

import numpy as np
import nvrtc
import pytest
from emulated import REVERSE, X, kernel

# How many blocks have run before each block.
ORDER = kernel("y[GID_0] = atom_add_fg(x, 1);")


def test_blocks_threads_barriers_and_both_kinds_of_shared_memory(device):
    expected = 2 * np.e * X.reshape(3, 32)[:, ::-1].ravel()
    assert np.allclose(device.run(REVERSE), expected, rtol=1e-6)


def test_a_seed_shuffles_the_blocks(device, monkeypatch):
    orders = []
    for seed in "", "1", "2", "1":
        monkeypatch.setenv("EMULATED_SEED", seed)
        orders.append(device.run(ORDER, np.zeros(40, "float32"), threads=1, shared=0).tolist())
    assert [sorted(order) for order in orders] == [list(range(40))] * 4
    assert orders[0] == list(range(40))
    assert orders[1] == orders[3]
    assert len({tuple(order) for order in orders}) == 3


def test_a_kernel_that_does_not_compile(device):
    with pytest.raises(nvrtc.CompileError, match=r"nonsense.* was not declared"):
        device.run(REVERSE.replace("x[i]", "nonsense"))


BEHIND = kernel("y[i + 1] = x[i];")


def test_what_goes_wrong_in_a_kernel_is_said_by_the_call_that_waits_for_it(device):
    y, x = device.put(X), device.put(X)
    device.launch(BEHIND, y, x)
    device.call("cuMemsetD8Async", x, 0, ctypes.c_size_t(4), None)
    device.launch(REVERSE, y, x)
    device.call("cuEventRecord", device.handle("cuEventCreate", 0), None)
    with pytest.raises(RuntimeError, match=r"cuCtxSynchronize: CUDA_ERROR_ILLEGAL_ADDRESS: .* writes"):
        device.call("cuCtxSynchronize")


@pytest.mark.parametrize(
    ("size", "error"), [(5, "ILLEGAL_ADDRESS: cuBLAS reads .* outside"), (0, "LAUNCH_FAILED: cuBLAS reads .* nobody")]
)
def test_a_product_of_what_is_not_there(device, size, error):
    """Of matrices (3, 2) and (2, 4), the first of which has `size` numbers; or 6 that nobody has written."""
    one, handle = ctypes.c_float(1), ctypes.c_void_p()
    device.library.cublasCreate_v2(ctypes.byref(handle))
    A = device.put(np.ones(size, "float32")) if size else device.allocate(size=24)
    B, C = (device.put(np.ones(12, "float32")) for _ in range(2))
    arguments = [0, 0, 3, 4, 2, ctypes.byref(one), A, 3, B, 2, ctypes.byref(one), C, 3]
    assert device.library.cublasSgemm_v2(handle, *arguments) == 0
    with pytest.raises(RuntimeError, match=f"cuCtxSynchronize: CUDA_ERROR_{error}"):
        device.call("cuCtxSynchronize")
