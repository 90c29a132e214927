"""The layer Ops: NumPy's numbers, Theano's own gradient check, strides, shapes, bad input."""

import numpy as np
import pytest
import theano
import theano.tensor as T
from gpu.layers_in_numpy import lstm_states, rnn_states
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from lxmls_rnn.deep_learning import rnn as rnns
from lxmls_rnn.deep_learning.activations import ACTIVATIONS, OF_RNN
from lxmls_rnn.deep_learning.ops.cpu.lstm_layer import LSTMLayer, LSTMLayerGrad
from lxmls_rnn.deep_learning.ops.cpu.rnn_layer import RNNLayer

compiles_lstm = pytest.mark.daily("compiles the layer once more, some seconds; test_quantities has it")
tanh_in_float32 = pytest.mark.daily("the same as in float64; test_fused_steps has both")
in_float32 = pytest.mark.nightly("the same as tanh in float32, of another layer")
another_layer = pytest.mark.nightly("the same as logistic and tanh, with another activation")
WITHOUT_C = theano.compile.mode.Mode(linker="py", optimizer="fast_run")  # compiles nothing
LAYERS = {**{kind: RNNLayer(kind) for kind in OF_RNN}, "lstm": LSTMLayer(), "no peepholes": LSTMLayer(False)}


def reference(kind, a, W_h, *others):
    """Return the states of a layer in NumPy."""
    if kind in OF_RNN:
        return rnn_states(ACTIVATIONS[kind].f, a, W_h, *others)
    *W_c, h0, c0 = others
    return lstm_states(a, W_h, W_c[0] if W_c else np.zeros((3 * h0.shape[1], h0.shape[1])), h0, c0)[0]


@pytest.fixture(scope="module")
def compiled():
    """Compile each layer with its gradients once for all sizes."""
    functions = {}

    def get(kind, dtype):
        if (kind, dtype) not in functions:
            layer = LAYERS[kind]
            inputs = [T.TensorType(dtype, (False,) * len(shape))() for shape in layer.inputs.values()]
            h = layer(*inputs)
            h = h[0] if isinstance(h, list) else h
            e_h = T.tensor3("e_h", dtype=dtype)
            gradients = theano.grad(T.sum(h * e_h), inputs)
            functions[kind, dtype] = theano.function([*inputs, e_h], [h, *gradients])
        return functions[kind, dtype]

    return get


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [
        *((kind, "float64") for kind in ("logistic", "tanh")),
        *(pytest.param(kind, "float64", marks=compiles_lstm) for kind in ("lstm", "no peepholes")),
        *(pytest.param(kind, "float64", marks=another_layer) for kind in OF_RNN[2:]),
        *(pytest.param(kind, "float32", marks=in_float32) for kind in LAYERS if kind != "tanh"),
        pytest.param("tanh", "float32", marks=tanh_in_float32),
    ],
)
@given(data=st.data())
def test_batches_of_any_strides_agree_with_numpy(compiled, kind, dtype, data):
    steps, batch, H = (data.draw(st.integers(1, n)) for n in (6, 5, 40))
    rng = np.random.RandomState(data.draw(st.integers(0, 2**31)))
    sizes = {"T": steps, "B": batch, "H": H, "3 * H": 3 * H, "4 * H": 4 * H}

    def array(*shape):
        values = rng.uniform(-1, 1, tuple(2 * n for n in shape)).astype(dtype)
        return values[tuple(slice(None, None, 2) for _ in shape)]  # every other entry: no stride is the usual one

    arguments, e_h = [], array(steps, batch, H)
    for name, shape in LAYERS[kind].inputs.items():
        arguments.append(array(*(sizes[size] for size in shape)) / (H if name.startswith("W_") else 1))

    double = [argument.astype("float64") for argument in arguments]
    tolerance = 1e-10 if dtype == "float64" else 1e-4
    h, *gradients = compiled(kind, dtype)(*arguments, e_h)
    assert np.allclose(h, reference(kind, *double), rtol=tolerance, atol=tolerance)
    for n, gradient in enumerate(gradients):
        # the derivative along one random direction, by central differences
        direction = rng.uniform(-1, 1, gradient.shape)
        f = {}
        for step in (-2, -1, 1, 2):
            moved = [value + step * 1e-4 * direction if k == n else value for k, value in enumerate(double)]
            f[step] = (reference(kind, *moved) * e_h).sum()
        expected = (8 * (f[1] - f[-1]) - (f[2] - f[-2])) / 12e-4
        scale = max(1.0, np.abs(gradient).max() * np.sqrt(gradient.size))
        slack = 1e-8 if dtype == "float64" else 1e-4
        if (
            kind not in OF_RNN or ACTIVATIONS[kind].is_smooth
        ):  # a unit that switches between the points has no such derivative
            assert abs((gradient * direction).sum() - expected) <= slack * scale


@pytest.mark.parametrize(
    ("activation", "exact", "dtype"),
    [
        ("logistic", expit, "float64"),
        pytest.param("logistic", expit, "float32", marks=in_float32),
        ("tanh", np.tanh, "float64"),
        pytest.param("tanh", np.tanh, "float32", marks=tanh_in_float32),
    ],
)
def test_activations_are_exact_to_the_last_digits(compiled, activation, exact, dtype):
    rng = np.random.RandomState(0)
    edges = [0.0, 1e-30, 1e-8, 0.2499, 0.25, 0.2501, 1, 18.99, 19, 36, 40, 80, 87]
    a = np.array([*edges, *np.negative(edges), *rng.normal(size=2000), *rng.uniform(-40, 40, 2000)], dtype)
    zero = np.zeros((1, 1), dtype)
    (h, *_) = compiled(activation, dtype)(a.reshape(-1, 1, 1), zero, zero, np.ones((len(a), 1, 1), dtype))
    expected = exact(a.astype("float64"))
    units = np.abs(h.ravel() - expected) / np.spacing(np.abs(expected.astype(dtype)).clip(np.finfo(dtype).tiny))
    assert units.max() <= 4


@pytest.mark.parametrize("activation", ["logistic", "tanh"])
def test_activations_saturate_and_pass_on_what_is_no_number(compiled, activation):
    zero = np.zeros((1, 1))
    a = np.array([1000, np.inf, -1000, -np.inf, np.nan]).reshape(-1, 1, 1)
    h = np.concatenate([compiled(activation, "float64")(x[None], zero, zero, x[None])[0].ravel() for x in a])
    assert h[:2].tolist() == [1, 1]
    assert np.allclose(h[2:4], 0 if activation == "logistic" else -1, atol=1e-300)
    assert np.isnan(h[4])


@pytest.mark.parametrize("output", [1, 2])
def test_only_the_states_of_an_lstm_layer_have_a_gradient(output):
    a, W_h, h0, c0 = [T.tensor3(), T.matrix(), T.matrix(), T.matrix()]
    with pytest.raises(theano.gradient.DisconnectedInputError):
        theano.grad(LSTMLayer(peepholes=False)(a, W_h, h0, c0)[output].sum(), a)


def test_an_lstm_layer_overwrites_nothing_where_theano_is_told_so():
    a, W_h, h0, c0 = inputs = [T.tensor3(), T.matrix(), T.matrix(), T.matrix()]
    mode = WITHOUT_C.excluding("inplace")
    function = theano.function(inputs, LSTMLayer(peepholes=False)(a + 1, W_h, h0, c0)[0], mode=mode)
    (layer,) = (node.op for node in function.maker.fgraph.toposort() if isinstance(node.op, LSTMLayer))
    assert not layer.inplace


@compiles_lstm
def test_lstm_layer_overwrites_what_only_it_reads():
    rng = np.random.RandomState(0)
    values = [rng.uniform(-1, 1, shape) for shape in ((4, 3, 20), (20, 5), (3, 5), (3, 5))]
    shifted = [values[0] - 1, *values[1:]]
    inputs = a, W_h, h0, c0 = [T.tensor3(), T.matrix(), T.matrix(), T.matrix()]
    results, overwritten = [], []
    for _a, arguments in ((a, values), (a + 1, shifted)):
        h = LSTMLayer(peepholes=False)(_a, W_h, h0, c0)[0]
        function = theano.function(inputs, [h, *theano.grad(h.sum(), inputs)])
        kept = [argument.copy() for argument in arguments]
        results.append(function(*arguments))
        assert all(np.array_equal(*pair) for pair in zip(arguments, kept, strict=True))
        nodes = function.maker.fgraph.toposort()
        overwritten.append([node.op.inplace for node in nodes if isinstance(node.op, LSTMLayer | LSTMLayerGrad)])
    assert overwritten == [[False, True], [True, True]]  # never what the caller gave
    for direct, between in zip(*results, strict=True):
        assert np.allclose(direct, between, rtol=1e-13, atol=1e-14)


def test_a_second_call_does_not_change_the_first_result():
    model = rnns.FastRNN(20, 6, 5, 4, seed=0, dtype="float64")
    first = model.forward([1, 2, 3])
    kept = first.copy()
    model.forward([4, 5, 6])
    assert np.array_equal(first, kept)


def test_shapes_are_known_without_running():
    a, W_h, h0 = T.tensor3(), T.matrix(), T.matrix()
    shape = RNNLayer("tanh")(a, W_h, h0).shape
    f = theano.function([a, W_h, h0], shape, on_unused_input="ignore", mode=WITHOUT_C)
    assert not any(isinstance(node.op, RNNLayer) for node in f.maker.fgraph.toposort())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((T.tensor3(), T.matrix()), "takes a, W_h, h0; got 2 inputs"),
        ((T.tensor3(), T.matrix(), T.vector()), "h0 must have 2 dimensions"),
        ((T.dtensor3(), T.fmatrix(), T.dmatrix()), "all be float32 or all float64, got W_h of float32"),
        ((T.ltensor3(), T.lmatrix(), T.lmatrix()), "all be float32 or all float64, got a of int64"),
    ],
)
def test_bad_types_are_met_when_the_graph_is_made(arguments, message):
    with pytest.raises(TypeError, match=message):
        RNNLayer("tanh")(*arguments)


def test_bad_shapes_are_met_when_it_runs(compiled):
    with pytest.raises(ValueError, match=r"W_h must have the shape \(H, H\) with T = 2, B = 3, H = 5 from a"):
        compiled("tanh", "float64")(np.ones((2, 3, 5)), np.ones((4, 4)), np.ones((3, 5)), np.ones((2, 3, 5)))
