"""The emulated CUDA device does what it is asked for late, and in any order that streams and events allow."""

import ctypes

import numpy as np
import pytest
from emulated import X, kernel

SIZE = ctypes.c_size_t(X.nbytes)
ADD, DOUBLE, COPY = kernel("y[i] += 1;"), kernel("y[i] *= 2;"), kernel("y[i] = x[i];")


@pytest.fixture
def two_streams(device):
    return [device.handle("cuStreamCreate", 0) for _ in range(2)]


@pytest.fixture(autouse=True)
def without_seed(monkeypatch):
    """As late as it can be."""
    monkeypatch.delenv("EMULATED_SEED", raising=False)


def pointer(array):
    return ctypes.c_void_p(array.ctypes.data)


def test_a_launch_runs_when_the_host_waits_for_it(device):
    seen = device.pinned(np.zeros_like(X))
    device.launch(COPY, pointer(seen), device.put(X))
    assert not seen.any()
    device.call("cuStreamSynchronize", None)
    assert np.array_equal(seen, X)


def test_pinned_memory_is_written_when_the_copy_is_made(device):
    seen = device.pinned(np.zeros_like(X))
    device.call("cuMemcpyDtoHAsync_v2", pointer(seen), device.put(X), SIZE, None)
    assert not seen.any()
    device.call("cuCtxSynchronize")
    assert np.array_equal(seen, X)


def test_a_stream_keeps_its_order_and_another_one_does_not_wait(device, two_streams, monkeypatch):
    add, double = map(device.function, (ADD, DOUBLE))
    one, other = two_streams
    results = set()
    for seed in range(12):
        monkeypatch.setenv("EMULATED_SEED", str(seed))
        y = device.put(X)
        device.launch(add, y, y, stream=one)
        device.launch(double, y, y, stream=one)
        assert np.array_equal(device.get(y), 2 * (X + 1))  # by the default stream, which waits for both
        device.launch(add, y, y, stream=one)
        device.launch(double, y, y, stream=other)
        results.add(device.get(y)[0].item())
    first = 2 * (X[0] + 1)
    assert results == {2 * (first + 1), 2 * first + 1}


def test_a_seed_decides_that_work_is_done_earlier(device, monkeypatch):
    seen, add = device.pinned(np.zeros_like(X)), device.function(ADD)
    begun = set()
    for seed in range(1, 40):
        seen[:] = 0
        monkeypatch.setenv("EMULATED_SEED", str(seed))
        device.launch(add, pointer(seen), pointer(seen))
        for _ in range(3):
            device.handle("cuCtxGetDevice")
        begun.add(seen[0].item())
        device.call("cuCtxSynchronize")
        assert set(seen) == {1}
    assert begun == {0, 1}
