"""The emulated CUDA device does what it is asked for late, and in any order that streams and events allow."""

import ctypes
from itertools import pairwise

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


def test_arguments_of_a_launch_are_read_at_once(device):
    y, x = device.put(X), device.put(2 * X)
    device.launch(COPY, y, x)
    x.value = 0
    assert np.array_equal(device.get(y), 2 * X)


def test_pinned_memory_is_read_when_the_copy_is_made(device):
    source, place = device.pinned(X), device.put(X)
    device.call("cuMemcpyHtoDAsync_v2", place, pointer(source), SIZE, None)
    source[:] = 5
    assert set(device.get(place)) == {5}


def test_other_memory_of_the_host_is_read_at_once(device):
    source, place = X.copy(), device.put(X)
    device.call("cuMemcpyHtoDAsync_v2", place, pointer(source), SIZE, None)
    source[:] = 5
    assert np.array_equal(device.get(place), X)


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


def test_an_event_orders_two_streams(device, two_streams, monkeypatch):
    add, double = map(device.function, (ADD, DOUBLE))
    event = device.handle("cuEventCreate", 0)
    for seed in range(12):
        monkeypatch.setenv("EMULATED_SEED", str(seed))
        y = device.put(X)
        for function, (before, after) in zip((add, double), pairwise([*two_streams, two_streams[0]]), strict=True):
            device.launch(function, y, y, stream=before)
            device.call("cuEventRecord", event, before)
            device.call("cuStreamWaitEvent", after, event, 0)
        device.launch(add, y, y, stream=two_streams[0])
        assert np.array_equal(device.get(y), 2 * (X + 1) + 1)


def test_waiting_for_one_stream_or_event_does_no_work_of_another(device, two_streams):
    add, event = device.function(ADD), device.handle("cuEventCreate", 0)
    seen = [device.pinned(np.zeros_like(X)) for _ in two_streams]
    for stream, array in zip(two_streams, seen, strict=True):
        device.launch(add, pointer(array), pointer(array), stream=stream)
    device.call("cuEventRecord", event, two_streams[1])
    device.call("cuStreamSynchronize", two_streams[0])
    assert [array[0] for array in seen] == [1, 0]
    device.launch(add, pointer(seen[1]), pointer(seen[1]), stream=two_streams[1])
    device.call("cuEventSynchronize", event)
    assert [array[0] for array in seen] == [1, 1]
    device.call("cuStreamDestroy_v2", two_streams[1])
    assert [array[0] for array in seen] == [1, 2]


def test_other_streams_wait_for_the_default_one(device, two_streams):
    seen = device.pinned(np.zeros_like(X))
    device.launch(ADD, pointer(seen), pointer(seen))
    device.launch(DOUBLE, pointer(seen), pointer(seen), stream=two_streams[0])
    device.call("cuStreamSynchronize", two_streams[0])
    assert set(seen) == {2}


def test_a_stream_that_does_not_wait_for_the_default_one(device):
    stream, seen = device.handle("cuStreamCreate", 1), device.pinned(np.zeros_like(X))
    device.launch(ADD, pointer(seen), pointer(seen))
    device.launch(DOUBLE, pointer(seen), pointer(seen), stream=stream)
    device.call("cuStreamSynchronize", stream)
    assert not seen.any()
    device.call("cuCtxSynchronize")
    assert set(seen) == {1}


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


def test_memory_is_freed_when_all_work_with_it_is_done(device):
    y, x = device.put(X), device.put(2 * X)
    device.launch(COPY, y, x)
    device.call("cuMemFree_v2", x)
    assert np.array_equal(device.get(y), 2 * X)


def test_a_product_of_cublas_is_done_late_and_in_its_stream(device):
    library, handle, one = device.library, ctypes.c_void_p(), ctypes.c_float(1)
    stream = device.handle("cuStreamCreate", 0)
    assert library.cublasCreate_v2(ctypes.byref(handle)) == library.cublasSetStream_v2(handle, stream) == 0
    matrix, seen = device.put(np.ones(4, "float32")), device.pinned(np.zeros(4, "float32"))
    arguments = [ctypes.byref(one), matrix, 2, matrix, 2, ctypes.byref(one), pointer(seen), 2]
    assert library.cublasSgemm_v2(handle, 0, 0, 2, 2, 2, *arguments) == 0
    assert not seen.any()
    device.call("cuStreamSynchronize", stream)
    assert set(seen) == {2}
