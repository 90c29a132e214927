"""The layers' own GPU kernels, compiled to PTX by NVIDIA's NVRTC and executed on the emulated GPU, against NumPy.

They are launched as ops/gpu does it. pygpu is not needed.
"""

import itertools
import shutil
from functools import partial

import numpy as np
import nvrtc
import pytest
from driver import Device
from layers_in_numpy import lstm_errors, lstm_states, lstm_step, lstm_step_errors, rnn_errors, rnn_states, without_g

from lxmls_rnn.deep_learning.activations import ACTIVATIONS
from lxmls_rnn.deep_learning.gpu_plans import local_floats
from lxmls_rnn.deep_learning.ops.cpu.lstm_layer import LSTMLayer
from lxmls_rnn.deep_learning.ops.cpu.rnn_layer import RNNLayer
from lxmls_rnn.deep_learning.ops.gpu.kernel_source import (
    BLOCK_THREADS,
    descent_source,
    layer_source,
    rows_source,
    softmax_cost_source,
)

oldest_and_newest = pytest.mark.parametrize("capability", nvrtc.CAPABILITIES[:: len(nvrtc.CAPABILITIES) - 1], ids=str)
UNITS = [1, 3, 20, 31, 32, 33, 64, 100, 300, 600]  # a block has 256 threads
SIZES = [(1, 1), (3, 1), (4, 3)]  # steps, sentences


def sizes(H):
    """Return steps and sentences for H hidden units: few for many, which take long."""
    return {300: [(2, 2)], 600: [(1, 1)]}.get(H, SIZES)


@pytest.fixture(scope="module")
def device(stand_ins, tmp_path_factory):
    """The emulated device."""
    return Device(shutil.copy(stand_ins / "libcuda.so", tmp_path_factory.mktemp("device")))


@pytest.fixture(scope="module")
def load(device, as_ptx, real_nvrtc):
    """Return the launcher of a source's kernels, compiled for a capability."""
    compiler, loaded = nvrtc.Nvrtc(device.library._name), {}

    def load(source, capability):
        arch = 10 * capability[0] + capability[1]
        if arch not in real_nvrtc.supported:
            pytest.skip(f"the NVRTC of CUDA {real_nvrtc.version} does not know it")
        if (source, arch) not in loaded:
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("EMULATED_PTX", as_ptx["EMULATED_PTX"])
                loaded[source, arch] = device.load(compiler.compile(source, ["-arch", f"compute_{arch}"]))
        return loaded[source, arch]

    return load


def block(H):
    return min(BLOCK_THREADS, -(-H // 32) * 32)


class Arrays:
    """Arrays on the device: random inputs, as float64 on the host too, and outputs."""

    def __init__(self, device, seed):
        self.device, self.rng, self.places = device, np.random.RandomState(seed), []

    def random(self, *shape, scale=1.0):
        return (scale * self.rng.uniform(-1, 1, shape)).astype("float32").astype("float64")

    def put(self, array, dtype="float32"):
        self.places.append(self.device.put(np.ascontiguousarray(array, dtype)))
        return self.places[-1]

    def check(self, place, expected, dtype="float32"):
        """Compare an array on the device with the expected one."""
        got = self.device.get(place, expected.shape, dtype)
        assert np.abs(got - expected).max() <= 1e-6 * max(np.abs(expected).max(), 1)

    def check_all(self, launch, arrays, expected):
        """Compare what a launch writes into arrays with what is expected, and its bits in two orders of the blocks."""
        written = []
        for seed in ("1", "2"):
            places = [self.put(array) for array in arrays]
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("EMULATED_SEED", seed)
                launch(*places)
            for place, result in zip(places, expected, strict=True):
                self.check(place, result)
                written.append(self.device.get(place, result.shape, "float32").tobytes())
        assert written[: len(arrays)] == written[len(arrays) :]

    def free(self):
        for place in self.places:
            self.device.call("cuMemFree_v2", place)


@pytest.fixture
def arrays(device):
    """Arrays on the device, freed at the end."""
    them = Arrays(device, 0)
    yield them
    them.free()


@oldest_and_newest
@pytest.mark.parametrize("H", UNITS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_rnn(load, arrays, activation, H, capability):
    launch, row = load(layer_source(RNNLayer(activation)), capability), ACTIVATIONS[activation]
    f, f_prime = row.f, row.slope
    forward, backward = local_floats("rnn", H)
    for T, B in sizes(H):
        a, e_h, h0 = arrays.random(T, B, H), arrays.random(T, B, H), arrays.random(B, H)
        W = arrays.random(H, H, scale=2 / np.sqrt(H))
        h = rnn_states(f, a, W, h0)
        states = [arrays.put(array) for array in (a, W.T, h0)]
        run = partial(launch, "rnn_forward", B, block(H), T, B, H, *states, shared=4 * forward)
        arrays.check_all(run, [np.zeros(h.shape)], [h])
        h = h.astype("float32").astype("float64")
        e_a, before, e = rnn_errors(f_prime, e_h, W, h, h0)
        given = [arrays.put(array) for array in (h, h0, e_h)]
        run = partial(launch, "rnn_backward", B, block(H), T, B, H, arrays.put(W), *given, shared=4 * backward)
        results = e_a, before, e
        arrays.check_all(run, [np.zeros(array.shape) for array in results], results)
        # one step of the plan with a product for each: what the products compute is in h, e_a and e
        blocks = -(-B * H // BLOCK_THREADS)
        products = arrays.random(T, B, H)
        now = arrays.put(products)
        launch("rnn_forward_step", blocks, BLOCK_THREADS, T - 1, B, H, states[0], now)
        products[T - 1] = f(a[T - 1] + products[T - 1])
        arrays.check(now, products)
        results = [arrays.put(array) for array in (products, h, h0)]
        launch("rnn_backward_step", blocks, BLOCK_THREADS, T - 1, B, H, *given, *results)
        products[T - 1], h[T - 1] = f_prime(h[T - 1]) * (h0 + e_h[T - 1]), before[T - 1]
        for place, expected in zip(results, (products, h, np.zeros((B, H))), strict=True):
            arrays.check(place, expected)


@oldest_and_newest
@pytest.mark.parametrize("H", UNITS)
@pytest.mark.parametrize("peepholes", [True, False])
def test_lstm(load, arrays, peepholes, H, capability):
    launch = load(layer_source(LSTMLayer(peepholes)), capability)
    forward, backward = local_floats("lstm", H)
    for T, B in sizes(H):
        a, e_h = arrays.random(T, B, 4 * H), arrays.random(T, B, H)
        W_h = arrays.random(4 * H, H, scale=1 / np.sqrt(H))
        W_c = arrays.random(3 * H, H, scale=1 / np.sqrt(H)) * peepholes
        h0, c0 = arrays.random(B, H), arrays.random(B, H)
        unread = arrays.put([np.nan])
        states = lstm_states(a, W_h, W_c, h0, c0)
        given = [arrays.put(array) for array in (a, W_h.T, W_c.T, h0, c0)]
        given[2] = given[2] if peepholes else unread
        run = partial(launch, "lstm_forward", B, block(H), T, B, H, *given, shared=4 * forward)
        arrays.check_all(run, [np.zeros(array.shape) for array in states], states)
        h, c, gates = (array.astype("float32").astype("float64") for array in states)
        results = list(lstm_errors(e_h, W_h, W_c, h, h0, c, c0, gates))
        results[1] *= peepholes  # e_b and c_before
        results[3] *= peepholes
        given = [arrays.put(array) for array in (h, h0, c, c0, gates, e_h)]
        weights = [arrays.put(W_h), arrays.put(W_c) if peepholes else unread]
        run = partial(launch, "lstm_backward", B, block(H), T, B, H, *weights, *given, shared=4 * backward)
        arrays.check_all(run, [np.zeros(array.shape) for array in results], results)


@oldest_and_newest
@pytest.mark.parametrize("H", UNITS)
@pytest.mark.parametrize("peepholes", [True, False])
def test_lstm_step(load, arrays, peepholes, H, capability):
    """The products that come in between are random numbers."""
    launch = load(layer_source(LSTMLayer(peepholes)), capability)
    for T, B in sizes(H):
        t, blocks = T - 1, -(-B * H // BLOCK_THREADS)
        a, gates, e_a = (arrays.random(T, B, 4 * H) for _ in range(3))
        h, c, e_h = (arrays.random(T, B, H) for _ in range(3))
        h0, c0, e, e_c = (arrays.random(B, H) for _ in range(4))
        peep, e_b = arrays.random(B, 3 * H), arrays.random(T, B, 3 * H)
        before, h_before, c_before = c[t - 1] if t else c0, arrays.random(T, B, H), arrays.random(T, B, H)
        results = [arrays.put(array) for array in (h, c, gates)]
        given = [arrays.put(a), arrays.put(peep if peepholes else [np.nan]), arrays.put(c0)]
        launch("lstm_forward_step", blocks, BLOCK_THREADS, t, B, H, *given, *results)
        gates[t], h[t], c[t] = lstm_step(a[t] + gates[t], peep * peepholes, before)
        for place, expected in zip(results, (h, c, gates), strict=True):
            arrays.check(place, expected)
        given = [arrays.put(array) for array in (h, h0, c, c0, gates, e_h)]
        results = [arrays.put(array) for array in (e_a, e_b, h_before, c_before, e, e_c)]
        launch("lstm_backward_step", blocks, BLOCK_THREADS, t, B, H, *given, *results)
        e_a[t], e_c = lstm_step_errors(gates[t], c[t], before, e + e_h[t], e_c)
        h_before[t] = h[t - 1] if t else h0
        if peepholes:
            e_b[t], c_before[t] = without_g(e_a[t]), before
        expected = e_a, e_b, h_before, c_before, np.zeros((B, H)), e_c
        for place, array in zip(results, expected, strict=True):
            arrays.check(place, array)


@oldest_and_newest
@pytest.mark.parametrize(("N", "K"), [(1, 1), (1, 12), (10, 12), (255, 5), (256, 3), (257, 2), (700, 17)])
def test_softmax_cost(load, arrays, N, K, capability):
    launch, blocks = load(softmax_cost_source(), capability), -(-N // BLOCK_THREADS)
    y, weights = 20 * arrays.random(N, K), np.abs(arrays.random(N))
    gold, weights[::5] = arrays.rng.randint(0, K, N).astype("int32"), 0
    p = np.exp(y - y.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    costs, right = -weights * np.log(p[np.arange(N), gold]), (y.argmax(axis=1) == gold) & (weights > 0)
    e_y = weights[:, None] * (p - np.eye(K)[gold])
    given = arrays.put(y), arrays.put(np.append(0, gold), "int32"), arrays.put(weights)
    words = [arrays.put(np.zeros((N, K))), arrays.put(np.zeros(N)), arrays.put(np.zeros(N), "int32")]
    launch("softmax_cost_of_words", blocks, BLOCK_THREADS, N, K, 1, 0, *given, *words)
    for place, expected, dtype in zip(words, (e_y, costs, right), ("float32", "float32", "int32"), strict=True):
        arrays.check(place, expected, dtype)
    for known in (0, 1):
        sums = arrays.put(np.zeros(1)), arrays.put(np.zeros(1), "int64"), arrays.put(np.zeros(2), "int64")
        e_y_now = arrays.put(np.zeros((N, K)))
        launch("softmax_cost_sum", 1, BLOCK_THREADS, known, N, K, 1, 0, *given, e_y_now, *words[1:], *sums)
        arrays.check(e_y_now, e_y * (1 - known))
        arrays.check(sums[0], costs.sum(keepdims=True))
        arrays.check(sums[1], right.sum(keepdims=True), "int64")
        arrays.check(sums[2], np.array([costs.sum()]))


@oldest_and_newest
@pytest.mark.parametrize("m", [1, 5, 32, 33, 300])
def test_rows(load, arrays, m, capability):
    launch = load(rows_source(), capability)
    numbers = np.array([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5], "int32")
    order, N = numbers.argsort(kind="stable"), len(numbers)
    counts = [np.sum(numbers == n) if i == 0 or numbers[order[i - 1]] != n else 0 for i, n in enumerate(numbers[order])]
    matrix, rows = arrays.random(10, m), arrays.random(N, m)
    index, rate = arrays.put([0, *numbers, *order, *counts], "int32"), arrays.put([7, 0.5])
    for subtract, (down, right) in itertools.product((0, 1), ((m, 1), (1, 10))):
        expected, is_transposed = matrix.copy(), right != 1
        np.add.at(expected, numbers, rows * (-0.5 if subtract else 1))
        place, taken = arrays.put(matrix.T if is_transposed else matrix), arrays.put(np.zeros((N, m)))
        launch("take_rows", -(-N * m // BLOCK_THREADS), BLOCK_THREADS, N, m, down, right, 1, index, place, taken)
        arrays.check(taken, matrix[numbers])
        launch("add_rows", N, block(m), N, m, down, right, 1, 1, subtract, index, rate, arrays.put(rows), place)
        arrays.check(place, expected.T if is_transposed else expected)


@oldest_and_newest
def test_descent(load, arrays, capability):
    launch, arguments, expected = load(descent_source(4), capability), [], []
    for shape, is_transposed in (((3, 5), False), ((20, 30), True), ((1, 700), False), ((0, 4), True)):
        W, g = arrays.random(*shape), arrays.random(*shape)
        steps = (1, shape[0]) if is_transposed else (shape[1], 1)
        place = arrays.put(W if W.size else [0])
        arguments += [W.size, shape[1], *steps, arrays.put((g.T if is_transposed else g) if W.size else [0]), place]
        expected.append((place, W - 0.5 * g))
    launch("descend", 3, BLOCK_THREADS, 1, arrays.put([7, 0.5]), *arguments)
    for place, W in expected[:3]:
        arrays.check(place, W)
