"""The Theano taggers: the contract of `_forward`, memory layout, first states, batches, bad input."""

import numpy as np
import pytest
import theano
import theano.tensor as T

from lxmls_rnn.deep_learning import models
from lxmls_rnn.deep_learning import rnn as rnns

SIZES = 30, 6, 5, 4
FAMILIES = [
    (rnns.RNN, rnns.NumpyRNN),
    (rnns.LSTM, rnns.NumpyLSTM),
    (rnns.FastRNN, rnns.NumpyRNN),
    (rnns.FastLSTM, rnns.NumpyLSTM),
]
CASES = [(*pair, {}) for pair in FAMILIES]
another_lstm = pytest.mark.nightly("the same as with peepholes, without; test_quantities has both, fused")
CASES += [
    pytest.param((*pair, {"peepholes": False}), marks=another_lstm) for pair in FAMILIES if pair[1] is rnns.NumpyLSTM
]


@pytest.fixture(scope="module", params=CASES, ids=lambda case: f"{case[0].__name__} {case[2] or ''}")
def pair(request):
    theano_class, numpy_class, options = request.param
    return theano_class(*SIZES, seed=0, **options), numpy_class(*SIZES, seed=0, **options)


def test_the_same_seed_draws_the_same_parameters(pair):
    scan, bare = pair
    for W, value in zip(scan.param, bare.param, strict=True):
        assert np.array_equal(W.get_value(), value)
        assert getattr(scan.param, W.name) is W


def test_values_are_set_in_the_models_type_and_order_whatever_theirs(pair):
    scan, _ = pair
    values = scan.get_values()
    assert scan.param[0].get_value(borrow=True).flags.f_contiguous
    scan.set_values({name: np.ascontiguousarray(W, "float32") for name, W in values.items()})
    assert {W.get_value().dtype.name for W in scan.param} == {scan.dtype}
    assert scan.param[0].get_value(borrow=True).flags.f_contiguous
    for name, W in scan.get_values().items():
        assert np.array_equal(W, values[name].astype("float32"))
    scan.set_values(values)
    single = type(scan)(*SIZES, **scan.options | {"dtype": "float32"})
    single.set_values(values)
    assert {W.dtype.name for W in single.get_values().values()} == {"float32"}


def test_forward_of_a_padded_batch_equals_its_sentences(pair):
    scan, bare = pair
    x = np.array([[3, 1, 4, 1], [5, 9, 0, 0]])
    p_y = scan.forward(x)
    assert p_y.shape == (4, 2, 4)
    for b, length in enumerate((4, 2)):
        assert np.allclose(p_y[:, b, :length], bare.forward(x[b, :length]))


def test_the_first_hidden_state_can_be_given(pair):
    scan, bare = pair
    x, h0 = T.ivector("x"), T.matrix("h0", dtype=scan.dtype)
    words = np.array([3, 1, 4], "int32")
    if isinstance(scan, rnns.LSTM):
        c0 = T.matrix("c0", dtype=scan.dtype)
        forward = theano.function([x, h0, c0], scan._forward(x, h0, c0).T)
        first = [np.array([bare.forward(words[:1], True).h[:, 1]]), np.array([bare.cells(words[:1]).c[:, 1]])]
    else:
        forward = theano.function([x, h0], scan._forward(x, h0).T)
        first = [np.array([bare.forward(words[:1], True).h[:, 1]])]
    rest = forward(words[1:], *[state.astype(scan.dtype) for state in first])
    assert np.allclose(rest, bare.forward(words)[:, 1:])


def test_bad_sentences_are_met_at_the_door(pair):
    scan, _ = pair
    with pytest.raises(IndexError, match="word id 30"):
        scan.forward([30])
    with pytest.raises(ValueError, match="at least one word"):
        scan.forward([])
    with pytest.raises(ValueError, match="same shape"):
        scan.grads([1, 2], [0])


def test_reset_model_draws_anew_and_keeps_the_sizes(pair):
    scan, _ = pair
    fresh = models.reset_model(scan, seed=7)
    assert type(fresh) is type(scan)
    assert (fresh.sizes, fresh.options) == (scan.sizes, scan.options)
    assert np.array_equal(fresh.param[1].get_value(), type(scan)(*SIZES, seed=7).param[1].get_value())


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="GRU"):
        rnns.GRU  # noqa: B018
