"""The emulated CUDA device: a kernel computes what it says, and a mistake in it does not stay hidden."""

import ctypes
import faulthandler
import multiprocessing
import shutil
import signal
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import nvrtc
import pytest
from driver import Driver

INVALID_ARGUMENT, EXECUTION_FAILED = 7, 13  # cublasStatus_t
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


# How many blocks have run before each block.
ORDER = """
#include "cluda.h"
KERNEL void kernel(GLOBAL_MEM ga_float *y, GLOBAL_MEM ga_float *x, ga_double factor) { y[GID_0] = atom_add_fg(x, 1); }
"""


class Device(Driver):
    """The emulated driver, with its context in this thread, and the compiler."""

    def __init__(self, library):
        super().__init__(library)
        self.compiler = nvrtc.Nvrtc(library)
        self.make_current()

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
        y = np.full_like(x, 7)
        place = self.put(y)
        self.launch(source, place, self.put(x), len(x) // threads, threads, shared)
        return self.get(place, y)

    def launch(self, source, y, x, blocks=3, threads=32, shared=128):
        """Launch the kernel of `source` on y and x, which are on the device, and do not wait for it."""
        module, kernel = ctypes.c_void_p(), ctypes.c_void_p()
        image = self.compiler.compile(source, ["-arch", "compute_90"])
        self.call("cuModuleLoadData", ctypes.byref(module), image)
        self.call("cuModuleGetFunction", ctypes.byref(kernel), module, b"kernel")
        arguments = y, x, ctypes.c_double(2)
        places = (ctypes.c_void_p * 3)(*map(ctypes.addressof, arguments))
        self.call("cuLaunchKernel", kernel, blocks, 1, 1, threads, 1, 1, shared, None, places, None)


@pytest.fixture
def device(stand_ins, tmp_path):
    """A driver that no other test has had: what goes wrong in a kernel stays wrong."""
    return Device(shutil.copy(stand_ins / "libcuda.so", tmp_path))


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


BEHIND = REVERSE.replace("y[i] =", "y[96 + LID_0] =")  # writes behind y


def test_what_goes_wrong_in_a_kernel_is_said_by_the_call_that_waits_for_it(device):
    y, x = device.put(X), device.put(X)
    device.launch(BEHIND, y, x)
    device.call("cuMemsetD8Async", x, 0, ctypes.c_size_t(4), None)
    device.launch(REVERSE, y, x)
    device.call("cuEventRecord", None, None)
    with pytest.raises(RuntimeError, match="cuCtxSynchronize: CUDA_ERROR_LAUNCH_FAILED: a kernel writes outside"):
        device.call("cuCtxSynchronize")


def test_after_that_every_call_says_so(device):
    with pytest.raises(RuntimeError, match="cuMemcpyDtoHAsync_v2: CUDA_ERROR_LAUNCH_FAILED"):
        device.run(BEHIND)
    with pytest.raises(RuntimeError, match="cuMemAlloc_v2: CUDA_ERROR_LAUNCH_FAILED"):
        device.put(X)
    assert cublas(device, 3) == EXECUTION_FAILED


def test_a_launch_that_cannot_be_is_refused_at_once(device):
    with pytest.raises(RuntimeError, match="cuLaunchKernel: CUDA_ERROR_INVALID_VALUE"):
        device.launch(REVERSE, device.put(X), device.put(X), threads=2048)
    assert device.run(REVERSE).shape == X.shape


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


def test_a_copy_to_the_host_that_comes_late(device, monkeypatch):
    monkeypatch.setenv("EMULATED_LATE", "1")
    copied, place = np.zeros_like(X), device.put(X)
    device.call("cuMemcpyDtoHAsync_v2", ctypes.c_void_p(copied.ctypes.data), place, ctypes.c_size_t(X.nbytes), None)
    assert not copied.any()
    device.call("cuStreamSynchronize", None)
    assert np.array_equal(copied, X)


def test_a_driver_that_nobody_has_initialised(stand_ins, tmp_path):
    driver = Driver(shutil.copy(stand_ins / "libcuda.so", tmp_path))
    with pytest.raises(RuntimeError, match="CUDA_ERROR_NOT_INITIALIZED"):
        driver.call("cuDeviceGetCount", ctypes.byref(ctypes.c_int()))


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
    A, B, C = (np.ones(16, "float32") for _ in range(3))
    one, handle = ctypes.c_float(1), ctypes.c_void_p()
    device.library.cublasCreate_v2(ctypes.byref(handle))
    places = [ctypes.c_void_p(array.ctypes.data) for array in (A, B, C)]
    arguments = [*transposed, 3, 4, 2, ctypes.byref(one), places[0], lda, places[1], ldb, ctypes.byref(one)]
    return device.library.cublasSgemm_v2(handle, *arguments, places[2], ldc)


def signal_of(function, *arguments):
    """Return the signal that ends a process which calls the function."""
    # without pytest's report of where it was
    process = multiprocessing.get_context("fork").Process(target=lambda: (faulthandler.disable(), function(*arguments)))
    process.start()
    process.join()
    return -process.exitcode
