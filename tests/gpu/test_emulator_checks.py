"""The emulated CUDA device checks every access to memory and every barrier of a kernel, as CUDA's own tools do."""

import ctypes

import numpy as np
import pytest
from emulated import REVERSE, X, kernel

STALE = REVERSE.replace("e[0] * shared[LDIM_0 - 1 - LID_0];", "shared[%s]; shared[LID_0] = 0;")
HALF = "if (LID_0 < 7) local_barrier();"
FAULTS = {
    "a missing barrier": (
        REVERSE.replace("local_barrier();", "local_barrier(); shared[LID_0] = 2 * x[i];"),
        r"LAUNCH_FAILED: .* of shared memory that another thread (reads|writes), without a barrier",
    ),
    "threads that leave before a barrier": (
        kernel(f"y[i] = 1; {HALF}"),
        "LAUNCH_FAILED: kernel kernel, block .*: only some threads of a block reach a barrier",
    ),
    "threads at different barriers": (
        kernel(f"{HALF} else {{ y[i] = 1; local_barrier(); }}"),
        "LAUNCH_FAILED: .*: threads of a block wait at different barriers",
    ),
    "two threads that write the same": (
        kernel("y[GID_0] = i;"),
        "LAUNCH_FAILED: .*: writes 4 bytes that another thread writes, without a barrier",
    ),
    "two blocks that write the same": (
        kernel("if (LID_0 == 0) y[0] = 1;"),
        "LAUNCH_FAILED: .*: writes 4 bytes that another block writes",
    ),
    "a block that writes what one before it reads": (
        kernel("if (GID_0 == 0) y[i] = x[i + 32]; if (GID_0 == 1) x[i] = 1;"),
        "LAUNCH_FAILED: .*: writes 4 bytes that another block reads",
    ),
    "a block that reads what one before it writes": (
        kernel("if (GID_0 == 1) y[i] = x[i - 32]; if (GID_0 == 0) x[i] = 1;"),
        "LAUNCH_FAILED: .*: reads 4 bytes that another block writes",
    ),
    "a block that reads what another adds to": (
        kernel("if (LID_0 == 0) atom_add_fg(y, 1); if (LID_0 == 1) x[i] = y[0];"),
        "LAUNCH_FAILED: .* 4 bytes that another",
    ),
    "one index too far": (
        kernel("y[i + 1] = x[i];"),
        r"ILLEGAL_ADDRESS: kernel kernel, block \(2, 0, 0\), thread \(31, 0, 0\): writes 4 bytes outside of every",
    ),
    "one index before": (
        kernel("y[i] = x[ga_ssize(i) - 1];"),
        r"ILLEGAL_ADDRESS: kernel kernel, block \(0, 0, 0\), thread \(0, 0, 0\): reads 4 bytes outside of every array",
    ),
    "much too far": (kernel("y[i] = x[i + 4000];"), "ILLEGAL_ADDRESS: .*: reads 4 bytes outside of every array"),
    "no pointer": (kernel("y[i] = *(float *)(i + 8);"), "ILLEGAL_ADDRESS: .* that are not in the device's memory"),
    "shared memory that nobody has written": (
        REVERSE.replace("shared[LID_0] = x[i];", ""),
        "LAUNCH_FAILED: .*: reads 4 bytes of shared memory that nobody has written",
    ),
    "a number that is not aligned": (
        kernel("if (i == 0) *(ga_double *)y = *(ga_double *)(x + 1);"),
        "MISALIGNED_ADDRESS: .*: reads 8 bytes at an address that is not aligned",
    ),
    "a vector that is not aligned": (
        kernel("if (i == 0) *(float4 *)(y + 2) = *(float4 *)x;"),
        "MISALIGNED_ADDRESS: .*: writes 16 bytes at an address that is not aligned",
    ),
}


@pytest.mark.parametrize(("source", "error"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_found(device, source, error, monkeypatch):
    monkeypatch.delenv("EMULATED_SEED", raising=False)  # the first block comes first
    with pytest.raises(RuntimeError, match=f"cuMemcpyDtoHAsync_v2: CUDA_ERROR_{error}"):
        device.run(source)


@pytest.mark.parametrize("other", ["LID_0 + (LID_0 < 31)", "LID_0 - (LID_0 > 0)"])
def test_a_write_after_a_read(device, other):
    """In one of the two cases the thread that reads runs before the one that writes."""
    with pytest.raises(RuntimeError, match=r"of shared memory that another thread (reads|writes), without a barrier"):
        device.run(STALE % other, X[:32])


RIGHT = {
    "a barrier before memory is written again": (STALE % "LID_0 + (LID_0 < 31)").replace(
        "; shared", "; local_barrier(); shared"
    ),
    "vectors": kernel("if (i % 4 == 0) *(float4 *)(y + i) = *(float4 *)(x + i);"),
    "atomic additions of all blocks": kernel("atom_add_fg(y, x[i]);"),
    "threads that read the same": kernel("y[i] = x[0] + x[5];"),
    "a thread that reads what it has written": kernel("y[i] = x[i]; x[i] = 1; y[i] += x[i];"),
    "narrow numbers beside each other": kernel("((unsigned char *)y)[i] = 1;"),
    "an array of a thread's own": kernel("float own[9]; for (int k = 0; k < 9; k++) own[k] = x[i]; y[i] = own[i % 9];"),
}


@pytest.mark.parametrize("source", RIGHT.values(), ids=RIGHT)
def test_what_is_right_passes(device, source):
    device.run(source)


def test_shared_memory_behind_what_the_launch_asks_for(device):
    with pytest.raises(
        RuntimeError, match=r"ILLEGAL_ADDRESS: .* of shared memory behind the shared memory of its block"
    ):
        device.run(REVERSE, shared=124)


COPY = kernel("y[i] = x[i];")


def test_an_array_that_nobody_has_written(device):
    assert np.isnan(device.get(device.allocate())).all()
    device.launch(COPY, device.put(X), device.allocate())
    with pytest.raises(RuntimeError, match=r"LAUNCH_FAILED: .*: reads 4 bytes that nobody has written"):
        device.call("cuCtxSynchronize")


def test_a_copy_of_what_nobody_has_written_is_not_written_either(device):
    copy, size = device.put(X), ctypes.c_size_t(X.nbytes)
    device.call("cuMemcpyDtoDAsync_v2", copy, device.allocate(), size, None)
    device.launch(COPY, device.put(X), copy)
    with pytest.raises(RuntimeError, match=r"LAUNCH_FAILED: .*: reads 4 bytes that nobody has written"):
        device.call("cuCtxSynchronize")


def test_memory_that_a_kernel_uses_after_it_was_freed(device):
    place = device.put(X)
    device.call("cuMemFree_v2", place)
    assert device.put(X).value != place.value
    device.launch(COPY, device.put(X), place)
    with pytest.raises(RuntimeError, match=r"ILLEGAL_ADDRESS: .*: reads 4 bytes of an array that was freed"):
        device.call("cuCtxSynchronize")


def test_a_pointer_to_memory_of_the_host(device):
    device.launch(COPY, device.put(X), ctypes.c_void_p(X.ctypes.data))
    with pytest.raises(RuntimeError, match=r"ILLEGAL_ADDRESS: .*: reads 4 bytes that are not in the device's memory"):
        device.call("cuCtxSynchronize")


def test_a_pointer_to_pinned_memory_of_the_host(device):
    y = device.put(X)
    device.launch(kernel("y[i] = x[i] + 1;"), y, ctypes.c_void_p(device.pinned(X).ctypes.data))
    assert np.array_equal(device.get(y), X + 1)


@pytest.mark.parametrize(
    ("function", "arguments"),
    [("cuMemcpyHtoDAsync_v2", "pa"), ("cuMemcpyDtoHAsync_v2", "ap"), ("cuMemcpyDtoDAsync_v2", "pp")],
)
def test_a_copy_of_too_much_or_freed_memory_is_refused(device, function, arguments):
    place = device.put(X)
    array = np.zeros(2 * len(X), "float32")
    given = [{"p": place, "a": ctypes.c_void_p(array.ctypes.data)}[kind] for kind in arguments]
    device.call(function, *given, ctypes.c_size_t(X.nbytes), None)
    with pytest.raises(RuntimeError, match="INVALID_VALUE: a copy"):
        device.call(function, *given, ctypes.c_size_t(X.nbytes + 1), None)
    device.call("cuMemFree_v2", place)
    with pytest.raises(RuntimeError, match="INVALID_VALUE: a copy"):
        device.call(function, *given, ctypes.c_size_t(4), None)
    with pytest.raises(RuntimeError, match="INVALID_VALUE: memory is freed that is not allocated"):
        device.call("cuMemFree_v2", place)


ONE = kernel("if (LID_0 == 0) atom_add_fg(y, 1);")


@pytest.mark.parametrize(
    "limits",
    [
        {"threads": 1025},
        {"threads": (2, 513, 1)},
        {"threads": (1, 1, 65)},
        {"threads": 0},
        {"blocks": 0},
        {"blocks": 2**31},
        {"blocks": (1, 65536, 1)},
        {"blocks": (1, 1, 65536)},
        {"shared": 48 * 1024 + 1},
    ],
    ids=str,
)
def test_a_launch_beyond_the_limits_is_refused_at_once(device, limits):
    with pytest.raises(RuntimeError, match="cuLaunchKernel: CUDA_ERROR_INVALID_VALUE"):
        device.launch(ONE, device.put(X), device.put(X), **limits)
    assert device.run(REVERSE).shape == X.shape


def test_launches_at_the_limits(device):
    y, function = device.put(np.zeros(1, "float32")), device.function(ONE)
    for blocks, threads in (70_000, 1), ((1, 65535, 1), 1), ((1, 1, 3), (1, 16, 64)), (1, 1024):
        device.launch(function, y, y, blocks, threads, 48 * 1024)
    # one thread of each block, and of a block of 1 by 16 by 64 all: LID_0 is 0
    assert device.get(y, np.zeros(1, "float32")) == 70_000 + 65535 + 3 * 16 * 64 + 1


MAX_DYNAMIC_SHARED = 8  # CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES


def test_more_shared_memory_on_demand(device):
    function = device.function(REVERSE)
    y, x, most = device.put(X), device.put(X), 227 * 1024 - 4  # the kernel declares 4 bytes
    with pytest.raises(RuntimeError, match="too much shared memory"):
        device.launch(function, y, x, shared=48 * 1024)
    device.call("cuFuncSetAttribute", function, MAX_DYNAMIC_SHARED, most)
    device.launch(function, y, x, shared=most)
    with pytest.raises(RuntimeError, match="cuFuncSetAttribute: CUDA_ERROR_INVALID_VALUE"):
        device.call("cuFuncSetAttribute", function, MAX_DYNAMIC_SHARED, most + 1)
    assert np.allclose(device.get(y), 2 * np.e * X.reshape(3, 32)[:, ::-1].ravel(), rtol=1e-6)


def test_too_much_declared_shared_memory(device):
    source = REVERSE.replace("e[1]", "e[12289]")
    with pytest.raises(RuntimeError, match="cuModuleLoadData: CUDA_ERROR_INVALID_PTX"):
        device.function(source)


@pytest.mark.parametrize(("architecture", "expected"), [("compute_75", 750), ("compute_120", 1200)])
def test_a_kernel_knows_the_architecture_that_it_is_compiled_for(device, architecture, expected):
    y = device.put(X)
    device.launch(device.function(kernel("y[i] = __CUDA_ARCH__;"), ["-arch", architecture]), y, y)
    assert set(device.get(y)) == {expected}


def test_handles_that_nobody_has_given(device):
    unknown = ctypes.c_void_p(X.ctypes.data)
    function = device.function(REVERSE)
    calls = [
        ("cuModuleGetFunction", ctypes.byref(ctypes.c_void_p()), unknown, b"kernel"),
        ("cuModuleUnload", unknown),
        ("cuLaunchKernel", unknown, 1, 1, 1, 1, 1, 1, 0, None, None, None),
        ("cuLaunchKernel", function, 1, 1, 1, 1, 1, 1, 0, unknown, None, None),
        ("cuStreamSynchronize", unknown),
        ("cuEventRecord", unknown, None),
        ("cuEventSynchronize", None),
        ("cuStreamWaitEvent", None, unknown, 0),
        ("cuFuncGetAttribute", ctypes.byref(ctypes.c_int()), 0, unknown),
    ]
    for function, *arguments in calls:
        with pytest.raises(RuntimeError, match=f"{function}: CUDA_ERROR_INVALID_HANDLE"):
            device.call(function, *arguments)
    with pytest.raises(RuntimeError, match="CUDA_ERROR_INVALID_CONTEXT"):
        device.call("cuCtxPushCurrent_v2", unknown)


def test_a_kernel_of_a_module_that_was_unloaded(device):
    module = device.handle("cuModuleLoadData", device.compiler.compile(REVERSE, ["-arch", "compute_90"]))
    function = device.handle("cuModuleGetFunction", module, b"kernel")
    device.call("cuModuleUnload", module)
    with pytest.raises(RuntimeError, match="cuLaunchKernel: CUDA_ERROR_INVALID_HANDLE"):
        device.launch(function, device.put(X), device.put(X))
