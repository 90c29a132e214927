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
