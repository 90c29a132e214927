"""The Ops of ops/gpu with a pygpu of NumPy arrays, whose kernels run on the emulated device: grids, sizes, strides.

An item more than one block has, and arrays that do not begin where their memory begins, show each number that is wrong.
"""

import ctypes
import shutil
import sys
from importlib import import_module
from types import ModuleType, SimpleNamespace

import numpy as np
import nvrtc
import pytest
from driver import Device
from layers_in_numpy import lstm_errors, lstm_states, rnn_errors, rnn_states

from lxmls_rnn.deep_learning.activations import ACTIVATIONS
from lxmls_rnn.deep_learning.ops.cpu.lstm_layer import LSTMLayer
from lxmls_rnn.deep_learning.ops.cpu.rnn_layer import RNNLayer

OPS = "lxmls_rnn.deep_learning.ops.gpu"
PLANS = {"fused": 4096, "stepwise": 0}
NOWHERE = ctypes.c_void_p()  # of an array without numbers


class Context:
    """A device, as far as the Ops ask about it."""

    lmemsize = 32 * 1024  # bytes; an LSTM's backward pass with 513 units needs more


class Array(np.ndarray):
    """An array with pygpu's attributes."""

    context = Context()

    @property
    def memory(self):
        """The array to which this view belongs."""
        whole = self
        while isinstance(whole.base, np.ndarray):
            whole = whole.base
        return whole

    @property
    def offset(self):
        return self.ctypes.data - self.memory.ctypes.data


class Kernels:
    """The pygpu that the Ops use; kernels run on the device, and `launches` are their names, grids and blocks."""

    def __init__(self, device):
        self.device, self.compiler, self.loaded, self.launches = device, nvrtc.Nvrtc(device.library._name), {}, []

    def kernel(self, source, name, types, context):
        """Return a kernel that is called as pygpu's: with the whole memory of its arrays."""
        if source not in self.loaded:
            self.loaded[source] = self.device.load(self.compiler.compile(source, ["-arch", "compute_90"]))

        def call(*arguments, gs, ls, shared):
            assert shared <= Context.lmemsize
            memories = {id(a.memory): a.memory for a in arguments if isinstance(a, Array) and a.memory.size}
            places = {key: self.device.put(memory) for key, memory in memories.items()}
            given = [places.get(id(a.memory), NOWHERE) if isinstance(a, Array) else int(a) for a in arguments]
            self.launches.append((name, gs, ls))
            self.loaded[source](name, gs, ls, *given, shared=shared)
            for key, memory in memories.items():
                memory[...] = self.device.get(places[key], memory.shape, memory.dtype)
                self.device.call("cuMemFree_v2", places[key])

        return call

    def modules(self):
        """Return stand-ins for pygpu and its modules by name."""
        pygpu, blas, gpuarray = (ModuleType(name) for name in ("pygpu", "pygpu.blas", "pygpu.gpuarray"))
        pygpu.empty = lambda shape, dtype, context: np.full(shape, 77, dtype).view(Array)
        pygpu.zeros = lambda shape, dtype, context: np.zeros(shape, dtype).view(Array)
        pygpu.blas, pygpu.gpuarray, blas.gemm = blas, gpuarray, gemm
        gpuarray.GpuArray, gpuarray.GpuKernel = Array, self.kernel
        return {module.__name__: module for module in (pygpu, blas, gpuarray)}


def gemm(alpha, A, B, beta, C, overwrite_c, trans_a=False, trans_b=False):
    C[...] = alpha * (A.T if trans_a else A) @ (B.T if trans_b else B) + (beta * C if beta else 0)


@pytest.fixture(scope="module")
def gpu(stand_ins, tmp_path_factory):
    """The modules of ops/gpu, imported with the stand-ins, and the kernels."""
    kernels = Kernels(Device(shutil.copy(stand_ins / "libcuda.so", tmp_path_factory.mktemp("device"))))

    def forget():
        for name in [name for name in sys.modules if name.startswith(OPS)]:
            del sys.modules[name]

    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in sys.modules if name.startswith(OPS)]:
            patch.setitem(sys.modules, name, sys.modules[name])  # to be restored
        patch.setattr(import_module("lxmls_rnn.deep_learning.ops"), "gpu", None, raising=False)  # the import sets it
        for name, module in kernels.modules().items():
            patch.setitem(sys.modules, name, module)
        forget()
        names = "descent", "lstm_layer", "rnn_layer", "rows", "softmax_cost"
        yield SimpleNamespace(kernels=kernels, **{name: import_module(f"{OPS}.{name}") for name in names})
        forget()


def spread(values, transposed=False):
    """Return a view that equals `values`, with unusual strides and NaNs around it."""
    values = np.asarray(values)
    if values.dtype.kind == "f":
        values = values.astype("float32")
    wide = np.full(tuple(2 * n + 1 for n in values.shape[:: -1 if transposed else 1]), -7, values.dtype).view(Array)
    view = wide[(slice(1, None, 2),) * values.ndim]
    view = view.T if transposed else view
    view[...] = values
    return view


def behind(values):
    """Return a view in C order that equals `values`, behind three other numbers in its memory."""
    values = np.asarray(values, "float32")
    return np.concatenate([[7, 7, 7], values.ravel()], dtype="float32").view(Array)[3:].reshape(values.shape)


def perform(op, inputs, outputs, batch=True):
    """Return the outputs of an Op."""
    storages = [[None] for _ in range(outputs)]
    op.perform(SimpleNamespace(inputs=[SimpleNamespace(ndim=3 if batch else 2)]), inputs, storages)
    return [storage[0] for storage in storages]


def check(results, expected):
    for result, wanted in zip(results, expected, strict=True):
        np.testing.assert_allclose(result, wanted, atol=1e-5 * max(1, np.abs(wanted).max(initial=0)))


def outer(e, before):
    return np.einsum("tbm,tbn->mn", e, before)


def check_layer(ops, cpu, sizes, values, expected):
    """Compare a layer and its gradient with what is expected by name; a batch of one also as a single sentence."""
    for op, layer in zip(ops, (cpu, cpu.gradient()), strict=True):
        given = [values[name] if name in values else expected[name] for name in layer.inputs]
        wanted = [expected[name] for name in layer.outputs]
        for place in (spread, behind):
            check(perform(op(layer), list(map(place, given)), len(wanted)), wanted)
        if sizes["B"] == 1:
            given, wanted = (
                [
                    array.reshape([sizes[size] for size in layer.shape(shape, False)])
                    for array, shape in zip(arrays, shapes.values(), strict=True)
                ]
                for arrays, shapes in ((given, layer.inputs), (wanted, layer.outputs))
            )
            check(perform(op(layer), list(map(spread, given)), len(wanted), batch=False), wanted)


# B * H is one more than two blocks have threads, or H is one more than a block or two have.
SIZES = [(2, 3, 171), (2, 1, 257), (1, 2, 20), (2, 0, 3), (0, 3, 5), (1, 1, 513)]
each_plan = pytest.mark.parametrize("plan", PLANS)


def sizes_of(T, B, H):
    return {"T": T, "B": B, "H": H, "3 * H": 3 * H, "4 * H": 4 * H}


@each_plan
@pytest.mark.parametrize(
    ("activation", "T", "B", "H"), [*(("tanh", *sizes) for sizes in SIZES), *((name, 2, 2, 3) for name in ACTIVATIONS)]
)
def test_the_rnn_layer(gpu, monkeypatch, plan, activation, T, B, H):
    rng, row = np.random.RandomState(0), ACTIVATIONS[activation]
    a, e_h, h0, W_h = (rng.uniform(-1, 1, shape) for shape in ((T, B, H), (T, B, H), (B, H), (H, H)))
    W_h /= np.sqrt(H)
    h = rnn_states(row.f, a, W_h, h0)
    e_a, before, e_h0 = rnn_errors(row.slope, e_h, W_h, h, h0)
    ops = gpu.rnn_layer.GpuRNNLayer, gpu.rnn_layer.GpuRNNLayerGrad
    for op in ops:
        monkeypatch.setattr(op, "fused_up_to", PLANS[plan])
    expected = {"h": h, "e_a": e_a, "e_h0": e_h0, "g_W_h": outer(e_a, before)}
    check_layer(ops, RNNLayer(activation), sizes_of(T, B, H), {"a": a, "e_h": e_h, "h0": h0, "W_h": W_h}, expected)


@each_plan
@pytest.mark.parametrize(("T", "B", "H"), SIZES)
@pytest.mark.parametrize("peepholes", [True, False])
def test_the_lstm_layer(gpu, monkeypatch, peepholes, plan, T, B, H):
    rng, sizes = np.random.RandomState(0), sizes_of(T, B, H)
    a, e_h, h0, c0 = (rng.uniform(-1, 1, shape) for shape in ((T, B, 4 * H), (T, B, H), (B, H), (B, H)))
    W_h, W_c = rng.uniform(-1, 1, (4 * H, H)) / np.sqrt(H), rng.uniform(-1, 1, (3 * H, H)) / np.sqrt(H) * peepholes
    h, c, gates = lstm_states(a, W_h, W_c, h0, c0)
    e_a, e_b, h_before, c_before, e_h0, e_c0 = lstm_errors(e_h, W_h, W_c, h, h0, c, c0, gates)
    ops = gpu.lstm_layer.GpuLSTMLayer, gpu.lstm_layer.GpuLSTMLayerGrad
    for op in ops:
        monkeypatch.setattr(op, "fused_up_to", PLANS[plan])
    values = {"a": a, "e_h": e_h, "h0": h0, "c0": c0, "W_h": W_h, "W_c": W_c}
    expected = {"h": h, "c": c, "gates": gates, "e_a": e_a, "e_h0": e_h0, "e_c0": e_c0}
    expected |= {"g_W_h": outer(e_a, h_before), "g_W_c": outer(e_b, c_before)}
    check_layer(ops, LSTMLayer(peepholes), sizes, values, expected)


def in_one_piece(*arrays):
    """Return the arrays as GpuUpload has them: one after the other in one piece of memory."""
    memory = np.concatenate([np.asarray(array).ravel().view("float32") for array in arrays]).view(Array)
    ends = np.cumsum([array.size for array in arrays])
    return [memory[end - a.size : end].reshape(a.shape).view(a.dtype) for a, end in zip(arrays, ends, strict=True)]


@pytest.mark.parametrize("transposed", [True, False])
@pytest.mark.parametrize("subtract", [True, False])
@pytest.mark.parametrize("inplace", [True, False])
@pytest.mark.parametrize(("N", "m"), [(3, 171), (9, 57), (0, 5)])
def test_rows(gpu, transposed, subtract, inplace, N, m):
    rng, rows = np.random.RandomState(0), gpu.rows
    W, added, numbers = rng.uniform(-1, 1, (6, m)), rng.uniform(-1, 1, (N, m)), rng.randint(-6, 6, N)
    _, index = in_one_piece(np.zeros(3, "float32"), rows.row_index(numbers, 6))
    whole = np.asarray(W.T if transposed else W, "float32", order="C").view(Array)
    for matrix in (whole.T if transposed else whole, spread(W, transposed)):
        check(perform(rows.GpuTakeRows(), [matrix, index], 1), [W[numbers]])
        expected = W.copy()
        np.add.at(expected, numbers, -0.5 * added if subtract else added)
        rate = np.array([7, 0.5], "float32").view(Array)[1:].reshape(())
        results = perform(rows.GpuAddRows(inplace, subtract), [matrix, spread(added), index, rate], 1)
        check(results, [expected])
        check([matrix], [expected if inplace else W])
        matrix[...] = W


@pytest.mark.parametrize("N", [0, 1, 257, 513, 769])
def test_softmax_cost(gpu, N):
    rng, K = np.random.RandomState(0), 3
    y, weights, tags = rng.randint(-2, 3, (N, K)).astype(float), rng.uniform(0, 1, N), rng.randint(0, K, N)
    weights[::3] = 0
    p = np.exp(y) / np.exp(y).sum(axis=1, keepdims=True)
    cost, correct = -np.sum(weights * np.log(p[np.arange(N), tags])), np.sum((y.argmax(axis=1) == tags) & (weights > 0))
    _, gold, w = in_one_piece(np.zeros(3, "float32"), tags.astype("int32"), weights.astype("float32"))
    *results, both = perform(gpu.softmax_cost.GpuSoftmaxCost(), [spread(y), gold, w], 4)
    check(results, [cost, weights[:, None] * (p - np.eye(K)[tags]), correct])
    check([both.view("float32")[0], both[1]], [cost, correct])
    blocks = [] if N <= 512 else [("softmax_cost_of_words", -(-N // 256), 256)]
    assert gpu.kernels.launches[-len(blocks) - 1 :] == [*blocks, ("softmax_cost_sum", 1, 256)]


@pytest.mark.parametrize("inplace", [True, False])
def test_descent(gpu, inplace):
    rng = np.random.RandomState(0)
    shapes = (3, 5), (19, 27), (0, 4), (1, 7)
    matrices, gradients = ([rng.uniform(-1, 1, shape) for shape in shapes] for _ in range(2))
    rate = np.array([7, 0.5], "float32").view(Array)[1:].reshape(())
    for transposed in (True, False):
        given = [spread(g, transposed) for g in gradients]
        given[1] = np.asarray(gradients[1].T, "float32", order="C").view(Array).T
        places = [np.asarray(W, "float32").view(Array) for W in matrices]
        places[3] = spread(matrices[3])
        results = perform(gpu.descent.GpuDescend(inplace, len(shapes)), [rate, *given, *places], len(shapes))
        expected = [W - 0.5 * g for W, g in zip(matrices, gradients, strict=True)]
        check(results, expected)
        check(places[:3], expected[:3] if inplace else matrices[:3])
