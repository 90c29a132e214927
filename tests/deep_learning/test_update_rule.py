"""One step of SGD: the same for every kind of model, and the same as with dense gradients."""

from functools import partial

import numpy as np
import pytest

from lxmls_rnn.deep_learning import rnn as rnns
from lxmls_rnn.deep_learning.update_rule import Descent

SIZES = 30, 6, 5, 4
X = np.array([3, 1, 4, 1, 3], "int32")  # repeated words: their gradients add up
Y = np.array([0, 3, 2, 1, 0], "int32")
WEIGHTS = np.full(5, 1 / 5)
BATCH = (
    np.array([[3, 1, 4, 1], [3, 9, 0, 0]], "int32"),
    np.array([[0, 3, 2, 1], [2, 1, 0, 0]], "int32"),
    np.array([[1 / 8] * 4, [1 / 4, 1 / 4, 0, 0]]),
)
CLIPS = [None, 0.01]
MEASURED = [*CLIPS, np.inf]
of_scan = pytest.mark.daily("compiles a graph of scan, some seconds")
another_graph = pytest.mark.nightly("the same as batches of an RNN with clipping, of another layer")
FUSED = [(rnns.FastRNN, rnns.NumpyRNN), (rnns.FastLSTM, rnns.NumpyLSTM)]
SCANS = [(rnns.RNN, rnns.NumpyRNN), (rnns.LSTM, rnns.NumpyLSTM)]
SCANS.append(tuple(partial(cls, peepholes=False) for cls in SCANS[-1]))


@pytest.mark.parametrize("clip", MEASURED)
@pytest.mark.parametrize("cls", [rnns.NumpyRNN, rnns.NumpyLSTM, partial(rnns.NumpyLSTM, peepholes=False)])
def test_a_numpy_step_is_the_step_along_the_dense_gradient(cls, clip):
    model, dense = cls(*SIZES, seed=0), cls(*SIZES, seed=0)
    gradients = dense.grads(X, Y)
    norm = np.sqrt(sum((g**2).sum() for g in gradients))
    scale = 1 if clip is None else min(1, clip / norm)
    cost, correct, length = model.make_step(Descent(clip))(X, Y, WEIGHTS, 0.5)
    assert length == (0 if clip is None else pytest.approx(norm, rel=1e-13))
    assert cost == pytest.approx(dense.forward(X, True, Y).loss, rel=1e-13)
    assert correct == (dense.forward(X).argmax(axis=0) == Y).sum()
    for W, W_dense, gradient in zip(model.param, dense.param, gradients, strict=True):
        assert np.allclose(W, W_dense - 0.5 * scale * gradient, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("clip", CLIPS)
def test_a_rate_that_is_a_number_of_numpys_leaves_the_steps_precision(clip):
    models = [rnns.NumpyRNN(*SIZES, seed=0, dtype="float32") for _ in range(2)]
    for model, rate in zip(models, (0.3, np.float64(0.3)), strict=True):
        result = model.make_step(Descent(clip))(X, Y, WEIGHTS.astype("float32"), rate)
        assert [type(number) for number in result] == [float, int, float]
    for W, value in zip(models[0].param, models[1].param, strict=True):
        assert (value == W).all()


@of_scan
@pytest.mark.parametrize(
    ("scan", "bare", "batched", "clip"),
    [
        pytest.param(
            *pair, batched, clip, marks=() if (pair, batched, clip) == (SCANS[0], True, 0.01) else another_graph
        )
        for pair in SCANS
        for batched in (False, True)
        for clip in CLIPS
    ],
)
def test_a_step_of_scan_is_the_numpy_step(scan, bare, batched, clip):
    """Those of the fused layers are compared in test_fused_steps."""
    a, b = scan(*SIZES, seed=0), bare(*SIZES, seed=0)
    steps = [model.make_step(Descent(clip), batched=batched) for model in (a, b)]
    for _ in range(3):
        results = [step(*(BATCH if batched else (X, Y, WEIGHTS)), 0.5) for step in steps]
        assert results[0][0] == pytest.approx(results[1][0], rel=1e-8)
        assert results[0][1] == results[1][1]
        assert results[0][2] == pytest.approx(results[1][2], rel=1e-8)
    for W, value in zip(a.param, b.param, strict=True):
        assert np.allclose(W.get_value(), value, rtol=1e-8, atol=1e-12)
    assert a.param[0].get_value(borrow=True).flags.f_contiguous


@pytest.mark.parametrize(("cls", "bare"), [*FUSED, *(pytest.param(*pair, marks=another_graph) for pair in SCANS)])
def test_sizes_of_one_work_in_a_batch(cls, bare):
    x, y = np.zeros((2, 3), "int32"), np.zeros((2, 3), "int32")
    models = cls(1, 1, 1, 1, seed=0), bare(1, 1, 1, 1, seed=0)
    for model in models:
        model.make_step(batched=True)(x, y, np.full((2, 3), 1 / 6), 0.5)
    for W, value in zip(models[0].param, models[1].param, strict=True):
        assert np.allclose(W.get_value(), value, rtol=1e-8, atol=1e-14)


@pytest.mark.parametrize(
    ("cls", "clip"),
    [(rnns.NumpyRNN, None), (rnns.NumpyRNN, 0.01), pytest.param(rnns.RNN, 0.01, marks=of_scan)],
)
def test_frozen_embeddings_stay(cls, clip):
    model = cls(*SIZES, seed=0)
    before = model.get_values()
    model.make_step(Descent(clip, freeze_embeddings=True))(X, Y, WEIGHTS, 0.5)
    after = model.get_values()
    assert np.array_equal(before["W_e"], after["W_e"])
    assert not np.array_equal(before["W_x"], after["W_x"])
