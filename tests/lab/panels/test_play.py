"""The play panel: what the knobs do is what the library computes."""

import re

import numpy as np
import pytest

from lab import PlayPanel
from lab.panels.play.charts import round_above
from lxmls_rnn.deep_learning.batches import cut
from lxmls_rnn.teaching.analysis import gradient_reach
from lxmls_rnn.teaching.landscape import loss, scaled, with_forget_offset


@pytest.fixture
def panel():
    return PlayPanel()


def whole(panel):
    return cut(panel._sentences, len(panel._sentences), "float64")[0]


def shown_loss(panel):
    return float(re.search(r"sentences: (\d+\.\d+)", panel.summary.value)[1])


def test_what_is_drawn_follows_from_the_knobs(panel):
    panel.W_h.value, panel.weights.value = 2.0, 0.5
    model, sentence, t = scaled(panel.base, 0.5, 2.0), panel.sentence(), panel.word.value
    h = gradient_reach(model, sentence.x, t, sentence.y[t]).h
    line, cell = panel.reaches.lines
    np.testing.assert_allclose(line.y, (h / h[-1])[::-1])
    np.testing.assert_array_equal(line.x, range(t + 1))
    assert len(cell.x) == 0
    assert shown_loss(panel) == pytest.approx(loss(model, whole(panel)), abs=1e-3)
    states = model.forward(sentence.x, all_outputs=True).h[:, 1:]
    assert f"h 3, {sentence.words[1]}: {states[2, 1]:.4g}" in panel.states.value


def test_more_recurrent_weight_lets_the_gradient_reach_further_with_tanh(panel):
    panel.tagger.value, panel.corpus.value, panel.distance.value = "RNN, tanh", "reach", 20
    shares = []
    for scale in (0.2, 0.5, 1.0):
        panel.W_h.value = scale
        shares.append(panel.reaches.lines[0].y[10])
    assert shares[0] < 1e-6 < shares[1] < 1e-2 < shares[2]


def test_the_forget_gate_is_of_an_lstm_alone_and_lets_the_cell_keep(panel):
    assert panel.forget.layout.display == "none"
    assert "Forget gate +" not in panel.line.options
    panel.tagger.value, panel.corpus.value, panel.distance.value = "LSTM", "reach", 20
    assert panel.forget.layout.display is None
    kept = []
    for offset in (-3.0, 0.0, 3.0):
        panel.forget.value = offset
        kept.append(panel.reaches.lines[1].y[10])
    assert kept[0] < 1e-5 < kept[1] < 1e-1 < kept[2]
    panel.line.value = "Forget gate +"
    x, y = panel.slices.lines[0].x, panel.slices.lines[0].y
    closed = with_forget_offset(panel.base, float(x[0]))
    assert y[0] == pytest.approx(loss(closed, whole(panel)))
    panel.tagger.value = "RNN, tanh"
    assert panel.line.value == "steepest descent"


@pytest.mark.parametrize(("line", "knob"), [("W_h ×", "W_h"), ("Weights ×", "weights")])
def test_the_loss_along_a_knob_is_what_turning_it_gives(panel, line, knob):
    panel.line.value = line
    control = getattr(panel, knob)
    control.value = 2.5
    x, losses = panel.slices.lines[0].x, panel.slices.lines[0].y
    assert (x[0], x[-1]) == (control.min, control.max)
    assert panel.slices.point.x == [2.5]
    for place in (0, 12, -1):
        control.value = float(x[place])
        assert shown_loss(panel) == pytest.approx(losses[place], abs=1e-3)


def test_each_turn_of_a_knob_draws_once(panel, monkeypatch):
    drawn = []
    monkeypatch.setattr(panel, "draw", lambda: drawn.append(panel.knobs))
    panel.W_h.value = 2.0
    panel.weights.value = 3.0
    assert len(drawn) == 2
    panel.seed.value = 5
    assert [knobs.W_h for knobs in drawn] == [2.0, 2.0, 1.0]


def test_an_epoch_lowers_the_loss_and_leaves_the_knobs_at_rest(panel):
    panel.tagger.value = "LSTM"
    panel.W_h.value, panel.forget.value = 1.5, 1.0
    before = shown_loss(panel)
    panel.epoch_button.click()
    assert shown_loss(panel) < before
    assert (panel.weights.value, panel.W_h.value, panel.forget.value) == (1.0, 1.0, 1.0)
    assert "Epochs of training: 1" in panel.summary.value
    panel.reset_button.click()
    assert "Epochs" not in panel.summary.value
    assert panel.forget.value == 0


def test_lines_are_kept_in_grey_until_the_direction_is_another(panel):
    reach, losses = panel.reaches.lines[0].y, panel.losses
    panel.keep_button.click()
    panel.tagger.value = "RNN, tanh"
    np.testing.assert_array_equal(panel.reaches.kept[0].y, reach)
    np.testing.assert_array_equal(panel.slices.kept[0].y, losses)
    assert "kept" in panel.reaches.key.value
    panel.line.value = "W_h ×"
    assert "kept" not in panel.slices.key.value
    assert "kept" in panel.reaches.key.value


def test_each_sentence_and_each_of_its_words_can_be_looked_at(panel):
    panel.number.value = 7
    words = list(panel.sentence().words)
    assert [value for _, value in panel.word.options] == list(range(len(words)))
    panel.word.value = 0
    assert "No gradient is propagated back" in panel.summary.value
    assert panel.message.value == ""


@pytest.mark.parametrize("init", ["uniform01", "glorot", "orthogonal"])
def test_at_no_place_of_the_knobs_something_is_wrong(panel, init):
    panel.init.value = init
    for tagger in panel.tagger.options:
        panel.tagger.value = tagger
        for weights, W_h in ((0, 1), (1, 0), (5, 5)):
            panel.weights.value, panel.W_h.value = weights, W_h
            assert panel.message.value == ""
            assert np.isfinite(panel.losses).all()


def test_the_code_computes_the_same(panel, capsys):
    panel.tagger.value, panel.corpus.value = "LSTM", "reach"
    panel.W_h.value, panel.forget.value = 1.5, 1.0
    panel.epoch_button.click()
    panel.weights.value = 0.8
    found = {}
    exec(panel.code(), found)
    np.testing.assert_array_equal(found["reach"].h, panel.reach.h)
    assert "watches" in capsys.readouterr().out
    assert loss(found["shown"], found["batch"]) == pytest.approx(panel.slices.point.y[0])


def test_the_axis_of_the_loss_goes_to_a_round_number():
    assert [round_above(value) for value in (0.3, 1, 1.2, 4.9, 31)] == [0.5, 1, 2, 5, 50]


def test_the_numbers_of_the_notebook_come_out(panel):
    def left(of=0):
        return f"{panel.reaches.lines[of].y[10]:.0e}"

    panel.corpus.value, panel.distance.value = "reach", 20
    found = [left()]
    panel.W_h.value = 5.0
    found.append(left())
    panel.tagger.value = "RNN, tanh"
    found.append(left())
    panel.W_h.value = 1.5
    found.append(left())
    panel.init.value = "uniform01"
    found.append(left())
    panel.W_h.value = 0.2
    found.append(left())
    assert found == ["8e-07", "2e-03", "3e-02", "3e-01", "6e-33", "5e-02"]
    panel.init.value, panel.tagger.value = "glorot", "LSTM"
    found = [left(of=1)]
    for offset in (-3.0, 3.0):
        panel.forget.value = offset
        found.append(left(of=1))
    assert found == ["7e-03", "2e-06", "1e+00"]


def test_the_axis_of_the_gradient_has_room_for_its_share(panel):
    across, up = panel.reaches.figure.axes
    assert up.scale.min < panel.reaches.lines[0].y.max() == 1 < up.scale.max
    assert all(up.scale.min <= tick <= up.scale.max for tick in up.tick_values)
    assert across.scale.min == 0
