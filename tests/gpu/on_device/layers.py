"""The Ops on a device, float32, against the CPU's in float64, which agree with NumPy and scan."""

import numpy as np
import pytest
import theano
import theano.tensor as T
from hypothesis import given
from hypothesis import strategies as st

from lxmls_rnn.deep_learning.activations import OF_RNN
from lxmls_rnn.deep_learning.ops import lift_to_gpu
from lxmls_rnn.deep_learning.ops.cpu.lstm_layer import LSTMLayer
from lxmls_rnn.deep_learning.ops.cpu.rnn_layer import RNNLayer
from lxmls_rnn.deep_learning.ops.cpu.softmax_cost import SoftmaxCost
from lxmls_rnn.deep_learning.ops.gpu.lstm_layer import GpuLSTMLayer, GpuLSTMLayerGrad
from lxmls_rnn.deep_learning.ops.gpu.rnn_layer import GpuRNNLayer, GpuRNNLayerGrad
from lxmls_rnn.deep_learning.ops.gpu.softmax_cost import GpuSoftmaxCost

lift_to_gpu()  # as a model does when it is made

KINDS = {**{name: RNNLayer(name) for name in OF_RNN}, "lstm": LSTMLayer()}
KINDS["lstm without peepholes"] = LSTMLayer(peepholes=False)
GPU_LAYERS = (GpuRNNLayer, GpuRNNLayerGrad, GpuLSTMLayer, GpuLSTMLayerGrad)
PLANS = {"fused": 4096, "stepwise": 0}


def nodes(function):
    return [node.op for node in function.maker.fgraph.toposort()]


def every_other(variable):
    """Return a view whose strides are unusual and which does not begin where its memory begins."""
    return variable[(slice(1, None, 2),) * variable.ndim]


def spread(values):
    """Return an array of which `every_other` gives `values`."""
    wide = np.full(tuple(2 * n + 1 for n in values.shape), 7, values.dtype)
    wide[(slice(1, None, 2),) * values.ndim] = values
    return wide


@pytest.fixture(scope="module")
def compiled():
    """Compile each layer with its gradients once for all sizes; dtype float64 stays on the CPU."""
    functions = {}

    def get(kind, dtype, batch, plan):
        key = kind, dtype, batch, plan
        if key not in functions:
            layer = KINDS[kind]
            ndims = [len(layer.shape(shape, batch)) for shape in layer.inputs.values()]
            wide = [T.TensorType(dtype, (False,) * ndim)() for ndim in ndims]
            inputs = [every_other(variable) for variable in wide]
            h = layer(*inputs)
            h = h[0] if isinstance(h, list) else h
            e_h = h.type()
            gradients = theano.grad(T.sum(h * e_h), inputs)
            with pytest.MonkeyPatch.context() as patch:
                for gpu_layer in GPU_LAYERS:
                    patch.setattr(gpu_layer, "fused_up_to", PLANS[plan])
                functions[key] = theano.function([*wide, e_h], [h, *gradients])
            on_device = [op for op in nodes(functions[key]) if isinstance(op, GPU_LAYERS)]
            assert len({type(op) for op in on_device}) == (2 if dtype == "float32" else 0)
            assert all(op.fused_up_to == PLANS[plan] for op in on_device)
        return functions[key]

    return get


def shapes_of(kind, steps, batch, H):
    """Return the shapes of a layer's inputs by name; without a batch one sentence."""
    sizes, layer = {"T": steps, "B": batch, "H": H, "3 * H": 3 * H, "4 * H": 4 * H}, KINDS[kind]
    shapes = {name: layer.shape(shape, batch is not None) for name, shape in layer.inputs.items()}
    return {name: tuple(sizes[size] for size in shape) for name, shape in shapes.items()}


def check(compiled, kind, plan, steps, batch, H, seed):
    rng = np.random.RandomState(seed)
    shapes = shapes_of(kind, steps, batch, H)
    values = [rng.uniform(-1, 1, shape) for shape in shapes.values()]
    for name, value in zip(shapes, values, strict=True):
        if name.startswith("W_"):
            value *= 2 / np.sqrt(H)
    e_h = rng.uniform(-1, 1, (*shapes["a"][:-1], H))
    results = {}
    for dtype in ("float32", "float64"):
        function = compiled(kind, dtype, batch is not None, plan)
        inputs = [spread(value.astype("float32").astype(dtype)) for value in values]
        results[dtype] = function(*inputs, e_h.astype("float32").astype(dtype))
    for got, expected in zip(results["float32"], results["float64"], strict=True):
        assert np.abs(np.asarray(got) - expected).max() <= 1e-4 * max(np.abs(expected).max(), 0.1)


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("kind", KINDS)
@given(
    steps=st.integers(1, 9),
    batch=st.none() | st.integers(1, 7),
    H=st.integers(1, 70),
    seed=st.integers(0, 2**31),
)
def test_states_and_gradients(compiled, kind, plan, steps, batch, H, seed):
    check(compiled, kind, plan, steps, batch, H, seed)


def test_the_default_plans():
    context = theano.gpuarray.type.get_context(None)
    layers = {"RNN": GpuRNNLayer(RNNLayer("tanh")), "LSTM": GpuLSTMLayer(LSTMLayer())}
    plans = {name: [layer.plan(H, 4 * H, context) for H in (20, 192, 512, 1024)] for name, layer in layers.items()}
    assert plans == {
        "RNN": ["fused", "fused", "fused", "stepwise"],
        "LSTM": ["fused", "fused", "stepwise", "stepwise"],
    }
    assert layers["RNN"].plan(20, context.lmemsize, context) == "stepwise"


def test_other_types_than_float32_are_refused():
    with pytest.raises(TypeError, match="on the GPU inputs must be float32, got a of float64"):
        GpuRNNLayer(RNNLayer("tanh"))(T.dtensor3(), T.dmatrix(), T.dmatrix())
    with pytest.raises(TypeError, match="y must be float32 of 2 dimensions"):
        GpuSoftmaxCost()(T.dmatrix(), T.ivector(), T.dvector())


def test_bad_shapes_are_met_when_it_runs():
    a, W_h, h0 = T.ftensor3(), T.fmatrix(), T.fmatrix()
    f = theano.function([a, W_h, h0], RNNLayer("tanh")(a, W_h, h0))
    with pytest.raises(ValueError, match=r"W_h must have the shape \(H, H\) with T = 2, B = 3, H = 5 from a"):
        f(np.ones((2, 3, 5), "float32"), np.ones((4, 4), "float32"), np.ones((3, 5), "float32"))


@pytest.fixture(scope="module")
def cost():
    """Compile the cost in both types."""
    functions = {}
    for dtype in ("float32", "float64"):
        y, gold, weights = T.matrix(dtype=dtype), T.ivector(), T.vector(dtype=dtype)
        value, _, correct = SoftmaxCost()(*map(every_other, (y, gold, weights)))
        functions[dtype] = theano.function([y, gold, weights], [value, theano.grad(value, y), correct])
    assert any(isinstance(op, GpuSoftmaxCost) for op in nodes(functions["float32"]))
    assert not any(isinstance(op, GpuSoftmaxCost) for op in nodes(functions["float64"]))
    return functions


@given(N=st.integers(1, 700), K=st.integers(1, 60), scale=st.sampled_from([1, 80]), seed=st.integers(0, 2**31))
def test_cost_its_gradient_and_the_count(cost, N, K, scale, seed):
    rng = np.random.RandomState(seed)
    y, gold = scale * rng.uniform(-1, 1, (N, K)), rng.randint(0, K, N).astype("int32")
    weights = rng.uniform(0, 1, N) * (rng.uniform(size=N) < 0.8)
    results = {
        dtype: function(
            *map(spread, (y.astype("float32").astype(dtype), gold, weights.astype("float32").astype(dtype)))
        )
        for dtype, function in cost.items()
    }
    for got, expected in zip(results["float32"], results["float64"], strict=True):
        assert np.abs(np.asarray(got) - expected).max() <= 1e-4 * max(np.abs(expected).max(), 0.1)
    assert results["float32"][2] == results["float64"][2]


@pytest.mark.parametrize("tag", [-1, 4])
def test_a_tag_that_is_not_there_makes_the_cost_not_a_number(cost, tag):
    gold = np.array([1, tag, 2], "int32")
    value, *_ = cost["float32"](spread(np.ones((3, 4), "float32")), spread(gold), spread(np.ones(3, "float32")))
    assert np.isnan(value)
