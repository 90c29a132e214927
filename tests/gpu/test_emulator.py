"""The emulated CUDA device: a kernel computes what it says, and a mistake in it does not stay hidden."""

import ctypes
import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import nvrtc
import pytest
from driver import Driver
from emulated import REVERSE, X, kernel

INVALID_ARGUMENT, EXECUTION_FAILED = 7, 13  # cublasStatus_t
# How many blocks have run before each block.
ORDER = kernel("y[GID_0] = atom_add_fg(x, 1);")


@pytest.fixture
def other_thread():
    """Run functions in one thread, which has no context at first."""
    with ThreadPoolExecutor(1) as pool:
        yield lambda *call: pool.submit(*call).result()


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


def test_after_that_every_call_says_so(device):
    with pytest.raises(RuntimeError, match="cuMemcpyDtoHAsync_v2: CUDA_ERROR_ILLEGAL_ADDRESS"):
        device.run(BEHIND)
    with pytest.raises(RuntimeError, match="cuMemAlloc_v2: CUDA_ERROR_ILLEGAL_ADDRESS"):
        device.put(X)
    assert device.library.cublasCreate_v2(ctypes.byref(ctypes.c_void_p())) == EXECUTION_FAILED


def test_a_thread_has_no_context_until_it_makes_one_current(device, other_thread):
    with pytest.raises(RuntimeError, match="cuMemAlloc_v2: CUDA_ERROR_INVALID_CONTEXT"):
        other_thread(device.put, X)
    other_thread(device.make_current)
    place = other_thread(device.put, X)
    assert np.array_equal(device.get(place, X), X)


def test_contexts_are_pushed_and_popped_in_each_thread(device, other_thread):
    def current():
        context = ctypes.c_void_p()
        device.call("cuCtxGetCurrent", ctypes.byref(context))
        return context.value

    context = device.retain()
    assert (current(), other_thread(current)) == (context.value, None)
    device.call("cuCtxPushCurrent_v2", context)
    device.call("cuCtxPopCurrent_v2", None)
    assert current() == context.value
    device.call("cuCtxPopCurrent_v2", None)
    assert current() is None
    with pytest.raises(RuntimeError, match="cuCtxPopCurrent_v2: CUDA_ERROR_INVALID_CONTEXT"):
        device.call("cuCtxPopCurrent_v2", None)


def test_a_context_that_all_have_released_is_destroyed(device):
    device.retain()
    for _ in range(2):
        place = device.put(X)
        device.call("cuDevicePrimaryCtxRelease", 0)
    with pytest.raises(RuntimeError, match="CUDA_ERROR_CONTEXT_IS_DESTROYED"):
        device.get(place, X)
    device.make_current()
    with pytest.raises(RuntimeError, match="INVALID_VALUE: memory is freed that is not allocated"):
        device.call("cuMemFree_v2", place)


def test_a_driver_that_nobody_has_initialised(stand_ins, tmp_path):
    driver = Driver(shutil.copy(stand_ins / "libcuda.so", tmp_path))
    with pytest.raises(RuntimeError, match="CUDA_ERROR_NOT_INITIALIZED"):
        driver.call("cuDeviceGetCount", ctypes.byref(ctypes.c_int()))


def test_an_idle_device_counts_launches_and_computes_nothing(device, monkeypatch):
    launches = ctypes.c_long.in_dll(device.library, "emulated_launches")
    before = launches.value
    device.run(REVERSE)
    monkeypatch.setenv("EMULATED_IDLE", "1")
    assert device.run(REVERSE).tolist() == [7] * len(X)
    assert launches.value == before + 2


def test_a_device_that_is_lost(device, monkeypatch):
    monkeypatch.setenv("EMULATED_LOSS", "2:214")
    device.run(REVERSE)
    with pytest.raises(RuntimeError, match="CUDA_ERROR_ECC_UNCORRECTABLE: the GPU is lost"):
        device.run(REVERSE)


@pytest.mark.parametrize(
    ("transposed", "leading", "status"),
    [
        ((0, 0), (3, 2, 3), 0),
        ((0, 0), (2, 2, 3), INVALID_ARGUMENT),
        ((0, 0), (3, 1, 3), INVALID_ARGUMENT),
        ((0, 0), (3, 2, 2), INVALID_ARGUMENT),
        ((1, 1), (2, 4, 3), 0),
        ((1, 1), (1, 4, 3), INVALID_ARGUMENT),
        ((1, 1), (2, 3, 3), INVALID_ARGUMENT),
    ],
)
def test_columns_that_would_overlap_are_refused_as_cublas_does(device, transposed, leading, status):
    """A (3, 2) times B (2, 4), and both given transposed."""
    assert cublas(device, *leading, transposed) == status


def cublas(device, lda=3, ldb=2, ldc=3, transposed=(0, 0)):
    """Return the status of a product of matrices (3, 2) and (2, 4)."""
    one, handle = ctypes.c_float(1), ctypes.c_void_p()
    device.library.cublasCreate_v2(ctypes.byref(handle))
    places = [device.put(np.ones(16, "float32")) for _ in range(3)]
    arguments = [*transposed, 3, 4, 2, ctypes.byref(one), places[0], lda, places[1], ldb, ctypes.byref(one)]
    return device.library.cublasSgemm_v2(handle, *arguments, places[2], ldc)


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
