"""Weights as knobs, and the loss along a line through them."""

from types import SimpleNamespace

import numpy as np
import pytest

from lxmls_rnn.deep_learning.batches import cut
from lxmls_rnn.deep_learning.numpy_rnn import log_softmax
from lxmls_rnn.deep_learning.parameters import STACKED_GATES
from lxmls_rnn.deep_learning.rnn import NumpyLSTM, NumpyRNN
from lxmls_rnn.deep_learning.training import Trainer
from lxmls_rnn.teaching.comparison import relative_difference
from lxmls_rnn.teaching.gradient_check import finite_differences, random_values
from lxmls_rnn.teaching.landscape import (
    descend,
    gradient,
    loss,
    losses_along,
    scaled,
    steepest_descent,
    with_clamps,
    with_forget_offset,
)

SENTENCES = [SimpleNamespace(x=np.array(x), y=np.array(y)) for x, y in (([3, 0, 3, 1], [0, 2, 1, 1]), ([5, 1], [2, 0]))]
(BATCH,) = cut(SENTENCES, 2, "float64")
OFFSET = 0.7


def drawn(cls, **more):
    model = cls(6, 3, 3, 3, **more)
    model.set_values(random_values(model, np.random.RandomState(1)))
    return model


CASES = [
    (drawn(NumpyRNN), 0.0),
    (drawn(NumpyRNN, activation="tanh"), 0.0),
    (drawn(NumpyLSTM), OFFSET),
    (drawn(NumpyLSTM, peepholes=False), OFFSET),
    (with_clamps(drawn(NumpyLSTM), {"i": 0.5, "o": 1.0}), OFFSET),
]


def loss_by_hand(model, offset, **clamps):
    """Give the mean loss of the sentences by an LSTM that is written out, its forget gate with an offset."""

    def gate(name, a):
        return clamps.get(name, 1 / (1 + np.exp(-a)))

    W_e, W_x, W_h, W_c, W_y = model.param
    losses = []
    for sentence in SENTENCES:
        h = c = np.zeros(3)
        total = 0.0
        for word, tag in zip(sentence.x, sentence.y, strict=True):
            a_i, a_f, a_g, a_o = np.split(W_x @ W_e[:, word] + W_h @ h, 4)
            b_i, b_f, b_o = np.split(W_c @ c, 3)
            c = gate("f", a_f + b_f + offset) * c + gate("i", a_i + b_i) * np.tanh(a_g)
            h = gate("o", a_o + b_o) * np.tanh(c)
            total -= log_softmax(W_y @ h)[tag]
        losses.append(total / len(sentence.x))
    return np.mean(losses)


@pytest.mark.parametrize("offset", [0.0, OFFSET, -3.0])
def test_the_offset_is_added_in_the_forget_gate(offset):
    model = drawn(NumpyLSTM)
    assert loss(with_forget_offset(model, offset), BATCH) == pytest.approx(loss_by_hand(model, offset), abs=1e-12)


def test_an_rnn_has_no_forget_gate():
    model = drawn(NumpyRNN)
    assert with_forget_offset(model, 0.0) is model
    with pytest.raises(ValueError, match=r"only an LSTM has a forget gate, got the offset 0.7 for a NumpyRNN"):
        with_forget_offset(model, OFFSET)


@pytest.mark.parametrize("clamps", [{"i": 0.5}, {"f": 1.0}, {"o": 0.5}, {"i": 1.0, "f": 0.0, "o": 1.0}, {}])
def test_a_clamped_gate_is_constant_and_passes_no_gradient(clamps):
    model = with_clamps(drawn(NumpyLSTM), clamps)
    assert loss(with_forget_offset(model, OFFSET), BATCH) == pytest.approx(loss_by_hand(model, OFFSET, **clamps))
    found = gradient(model, BATCH, OFFSET)
    for name, rows in STACKED_GATES.items():
        moved = {gate for gate, g in zip(rows, np.split(found[name], len(rows)), strict=True) if g.any()}
        assert moved == {gate for gate in rows if gate not in clamps}, name


def test_clamps_outlive_scaling_and_training_until_others_replace_them():
    model = descend(scaled(with_clamps(drawn(NumpyLSTM), {"f": 1.0}), 2.0), [BATCH], 0.5)
    assert (model.cells([3, 0]).f == 1).all()
    assert (with_clamps(model, {"o": 0.0}).cells([3, 0]).f < 1).all()
    assert type(with_clamps(model, {})) is NumpyLSTM


def test_only_the_gates_of_an_lstm_are_clamped():
    assert with_clamps(CASES[0][0], {}) is CASES[0][0]
    for model, name in ((drawn(NumpyLSTM), "g"), (drawn(NumpyRNN), "f")):
        with pytest.raises(ValueError, match=f"gates of the model, i, f or o of an LSTM; got {name}"):
            with_clamps(model, {name: 1.0})


def test_scaling_leaves_the_embeddings_and_the_model_itself():
    model = drawn(NumpyLSTM)
    before = model.get_values()
    after = scaled(model, 2.0, 3.0).get_values()
    factors = {"W_e": 1, "W_x": 2, "W_h": 6, "W_c": 2, "W_y": 2}
    for name, W in before.items():
        np.testing.assert_allclose(after[name], factors[name] * W, rtol=1e-15)
        np.testing.assert_array_equal(model.get_values()[name], W)


@pytest.mark.parametrize(("model", "forget"), CASES)
def test_the_gradient_is_that_of_finite_differences(model, forget):
    model = scaled(model)
    for (name, g), W in zip(gradient(model, BATCH, forget).items(), model.param, strict=True):
        expected = finite_differences(lambda: loss(with_forget_offset(model, forget), BATCH), W)
        assert relative_difference(g, expected)[0] < 1e-8, name


@pytest.mark.parametrize(("model", "forget"), CASES)
def test_against_the_gradient_the_loss_falls_as_steeply_as_the_gradient_is_long(model, forget):
    down = steepest_descent(model, BATCH, forget)
    assert sum(np.vdot(d, d) for d in down.values()) == pytest.approx(1)
    before, here, after = losses_along(model, down, [-1e-5, 0, 1e-5], BATCH, forget)
    length = sum(np.vdot(g, g) for g in gradient(model, BATCH, forget).values()) ** 0.5
    assert here == loss(with_forget_offset(model, forget), BATCH)
    assert (after - before) / 2e-5 == pytest.approx(-length, rel=1e-6)


def test_along_one_knob_the_losses_are_those_with_the_knob_turned():
    model = drawn(NumpyLSTM)
    along = losses_along(model, {"W_h": model.param.W_h}, [-1, 0.5], BATCH)
    assert along == pytest.approx([loss(scaled(model, 1, knob), BATCH) for knob in (0, 1.5)])
    along = losses_along(model, {"forget": 1.0}, [-2, 3], BATCH, OFFSET)
    assert along == pytest.approx([loss_by_hand(model, OFFSET - 2), loss_by_hand(model, OFFSET + 3)])


def test_where_the_gradient_is_zero_there_is_no_way_down():
    still = scaled(drawn(NumpyRNN), 0.0)
    still.param.W_y[:] = 0
    for sentence in SENTENCES:
        sentence = cut([SimpleNamespace(x=sentence.x, y=sentence.y)], 1, "float64")[0]
        assert np.isfinite(losses_along(still, steepest_descent(still, sentence), [0, 1], sentence)).all()


def test_a_descent_is_the_trainers_and_holds_the_offset():
    model = CASES[2][0]
    after = descend(model, cut(SENTENCES, 1, "float64"), 0.5)
    trained = scaled(model)
    list(Trainer(epochs=1, rate=0.5).fit(trained, SENTENCES))
    for name, W in after.get_values().items():
        np.testing.assert_allclose(W, trained.get_values()[name], rtol=1e-12)

    step = gradient(model, BATCH, OFFSET)
    for name, W in descend(model, [BATCH], 0.5, OFFSET).get_values().items():
        np.testing.assert_allclose(W, model.get_values()[name] - 0.5 * step[name], rtol=1e-12)
