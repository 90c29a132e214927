"""The play panel: what the knobs do is what the library computes."""

import re

import numpy as np
import pytest

from lab import PlayPanel
from lab.widgets.controls import is_hidden
from lxmls_rnn.deep_learning.batches import cut
from lxmls_rnn.teaching.gradient_flow import gradient_reach, state_jacobian
from lxmls_rnn.teaching.landscape import loss, losses_along, scaled, with_clamps, with_forget_offset


@pytest.fixture
def panel():
    return PlayPanel()


def choose(panel, **values):
    for name, value in values.items():
        panel.choice[name].value = value


def whole(panel):
    return cut(panel._sentences, len(panel._sentences), "float64")[0]


def shown_loss(panel):
    return float(re.search(r"sentences: (\d+\.\d+)", panel.summary.value)[1])


def test_what_is_drawn_follows_from_the_knobs(panel):
    panel.knob["W_h"].value, panel.knob["weights"].value = 2.0, 0.5
    model, sentence, t = scaled(panel.base, 0.5, 2.0), panel.sentence(), panel.word.value
    h = gradient_reach(model, sentence.x, t, sentence.y[t]).h
    line, cell = panel.reaches.lines
    np.testing.assert_allclose(line.y, (h / h[-1])[::-1])
    np.testing.assert_array_equal(line.x, range(t + 1))
    assert len(cell.x) == 0
    assert shown_loss(panel) == pytest.approx(loss(model, whole(panel)), abs=1e-3)
    states = model.forward(sentence.x, all_outputs=True).h[:, 1:]
    assert f"h 3, {sentence.words[1]}: {states[2, 1]:.4g}" in panel.states.value
    marked = re.findall('class="lab-marked"[^>]*title="h 1, (.*?):', panel.states.value)
    assert marked == [sentence.words[t]]
    assert panel.reaches.figure.axes[0].scale.max == t


def test_the_forget_gate_is_of_an_lstm_alone(panel):
    assert is_hidden(panel.knob["forget"])
    assert "Forget gate +" not in panel.line.options
    choose(panel, tagger="LSTM", corpus="reach", distance=20)
    assert not is_hidden(panel.knob["forget"])
    panel.line.value = "Forget gate +"
    x, y = panel.slices.lines[0].x, panel.slices.lines[0].y
    closed = with_forget_offset(panel.base, float(x[0]))
    assert y[0] == pytest.approx(loss(closed, whole(panel)))
    assert panel.slices.figure.axes[0].scale.min == x[0] < 0
    panel.choice["tagger"].value = "RNN, tanh"
    assert panel.line.value == "steepest descent"


@pytest.mark.parametrize(("line", "knob"), [("W_h ×", "W_h"), ("Weights ×", "weights")])
def test_the_loss_along_a_knob_is_what_turning_it_gives(panel, line, knob):
    panel.line.value = line
    control = panel.knob[knob]
    control.value = 2.5
    x, losses = panel.slices.lines[0].x, panel.slices.lines[0].y
    across, up = panel.slices.figure.axes
    assert (x[0], x[-1]) == (across.scale.min, across.scale.max) == (control.min, control.max)
    assert (across.label, up.scale.max >= losses.max()) == (line, True)
    assert panel.slices.point.x == [2.5]
    for place in (0, 12, -1):
        control.value = float(x[place])
        assert shown_loss(panel) == pytest.approx(losses[place], abs=1e-3)


def test_an_epoch_lowers_the_loss_and_leaves_the_knobs_at_rest(panel):
    panel.choice["tagger"].value = "LSTM"
    panel.knob["W_h"].value, panel.knob["forget"].value = 1.5, 1.0
    before = shown_loss(panel)
    panel.epoch_button.click()
    assert shown_loss(panel) < before
    assert (panel.knob["weights"].value, panel.knob["W_h"].value, panel.knob["forget"].value) == (1.0, 1.0, 1.0)
    assert "Epochs of training: 1" in panel.summary.value
    panel.reset_button.click()
    assert "Epochs" not in panel.summary.value
    assert panel.knob["forget"].value == 0


def test_lines_are_kept_in_grey_until_the_direction_is_another(panel):
    reach, losses = panel.reaches.lines[0].y, panel.losses
    panel.keep_button.click()
    panel.choice["tagger"].value = "RNN, tanh"
    np.testing.assert_array_equal(panel.reaches.kept[0].y, reach)
    np.testing.assert_array_equal(panel.slices.kept[0].y, losses)
    assert "kept" in panel.reaches.key.value
    panel.line.value = "W_h ×"
    assert "kept" not in panel.slices.key.value
    assert "kept" in panel.reaches.key.value
    panel.number.value = 7
    assert [value for _, value in panel.word.options] == list(range(len(panel.sentence().words)))
    panel.word.value = 0
    assert "No gradient is propagated back" in panel.summary.value
    assert panel.message.value == ""


def test_beside_the_knob_are_the_spectral_radius_and_the_norm_of_the_jacobian(panel):
    panel.choice["tagger"].value, panel.word.value = "RNN, tanh", 3
    panel.knob["W_h"].value = 2.0
    radius = 2 * np.abs(np.linalg.eigvals(panel.base.param.W_h)).max()
    J = state_jacobian(scaled(panel.base, 1, 2), panel.sentence().x[:4])
    shown = re.sub("<[^>]*>", "", panel.recurrence.value)
    assert f"Spectral radius of Wh: {radius:.2f}" in shown
    assert f"Spectral norm of ∂h4/∂h0: {np.linalg.svd(J)[1][0]:.2g}" in shown


def test_of_an_lstm_the_radii_are_of_the_gates_and_the_jacobian_of_the_whole_state(panel):
    panel.choice["tagger"].value = "LSTM"
    panel.knob["f"].value, panel.knob["i"].value = "1", "0"
    shown = re.sub("<[^>]*>", "", panel.recurrence.value)
    blocks = np.split(panel.base.param.W_h, 4)
    g, o = (np.abs(np.linalg.eigvals(blocks[gate])).max() for gate in (2, 3))
    assert f"Wh: g&nbsp;{g:.2f}, o&nbsp;{o:.2f}Spectral norm of ∂(h, c)5/∂(h, c)0: 1" in shown


@pytest.mark.parametrize("clamps", [{"i": 0.0}, {"i": 1.0, "f": 0.5, "o": 0.0}])
def test_all_that_is_shown_follows_a_clamped_gate(panel, clamps):
    assert is_hidden(panel._gates)
    panel.choice["tagger"].value, panel.knob["W_h"].value, panel.knob["forget"].value = "LSTM", 2.0, 1.0
    for gate, value in clamps.items():
        panel.knob[gate].value = f"{value:g}"
    model, sentence, t = with_clamps(scaled(panel.base, 1, 2), clamps), panel.sentence(), panel.word.value
    shown = with_forget_offset(model, 1.0)
    np.testing.assert_array_equal(panel.reach.c, gradient_reach(shown, sentence.x, t, sentence.y[t]).c)
    assert shown_loss(panel) == pytest.approx(loss(shown, whole(panel)), abs=1e-3)
    assert f"h 3, Must: {shown.forward(sentence.x, True).h[2, 1]:.4g}" in panel.states.value
    assert f"open to {shown.cells(sentence.x).f.mean():.0%}" in panel.summary.value
    assert panel.knob["forget"].disabled == ("f" in clamps)
    panel.epoch_button.click()
    assert panel.knobs.clamps == clamps
    panel.reset_button.click()
    assert panel.knobs.clamps == {}
    assert not panel.knob["forget"].disabled


def test_an_rnn_has_no_offset_and_each_seed_has_its_weights(panel):
    choose(panel, tagger="RNN, tanh")
    panel.knob["forget"].value = 1.0
    assert panel.knobs.forget == 0
    assert panel.message.value == ""
    first = panel.base.param.W_h.copy()
    choose(panel, seed=2)
    assert (panel.base.param.W_h != first).all()
    choose(panel, seed=1)
    np.testing.assert_array_equal(panel.base.param.W_h, first)
    choose(panel, n_hidd=5)
    assert panel.base.sizes.n_hidd == 5


def predict(panel, says):
    next(button for button in panel.predictions if button.description == says).click()


@pytest.mark.parametrize(("says", "W_h", "verdict"), [
    ("Grows", 0.5, "grows, but it shrinks"),
    ("Grows", 3.0, "grows, and it does"),
    ("Stays", 1.03, "stays, and it does"),
    ("Stays", 1.04, "stays, but it grows"),
    ("Stays", 0.98, "stays, and it does"),
    ("Stays", 0.96, "stays, but it shrinks"),
])  # fmt: skip
def test_a_prediction_is_judged_by_the_share_at_the_first_word(panel, says, W_h, verdict):
    before = panel.reaches.lines[0].y[-1]
    predict(panel, says)
    assert f"You predict that it {says.lower()}: now change" in panel.summary.value
    panel.knob["W_h"].value = W_h
    now = panel.reaches.lines[0].y[-1]
    numbers = f"the first word had {before:.2g} of the gradient, now {now:.2g}."
    assert f"You predicted that it {verdict}: {numbers}" in panel.summary.value


def test_a_prediction_is_of_one_change_and_never_in_the_way(panel):
    panel.knob["W_h"].value = 1.5
    assert "predict" not in panel.summary.value
    predict(panel, "Grows")
    panel.knob["W_h"].value = 2.0
    panel.knob["W_h"].value = 2.5
    assert "You predicted that it grows, and it does" in panel.summary.value
    panel.knob["weights"].value = 0.5
    assert "predict" not in panel.summary.value
    predict(panel, "Grows")
    panel.choice["tagger"].value = "LSTM"  # the last point is that of the cell, which keeps more
    assert "grows, and it does" in panel.summary.value
    assert f", now {panel.reaches.lines[1].y[-1]:.2g}." in panel.summary.value
    panel.knob["weights"].value = 0.0  # no gradient at all
    predict(panel, "Grows")
    panel.knob["weights"].value = 1.0
    assert "first word had 0 of the gradient" in panel.summary.value


def test_at_no_place_of_the_knobs_something_is_wrong(panel):
    panel.choice["init"].value = "uniform01"
    for tagger in panel.choice["tagger"].options:
        panel.choice["tagger"].value = tagger
        for weights, W_h in ((0, 1), (1, 0), (5, 5)):
            panel.knob["weights"].value, panel.knob["W_h"].value = weights, W_h
            assert panel.message.value == ""
            assert np.isfinite(panel.losses).all()
            assert not re.search("nan|inf", panel.recurrence.value)


def test_the_code_computes_the_same(panel, capsys):
    panel.choice["tagger"].value, panel.choice["corpus"].value = "LSTM", "reach"
    panel.knob["W_h"].value, panel.knob["forget"].value = 1.5, 1.0
    panel.knob["i"].value = "0.5"
    for panel.knob["weights"].value in (1.0, 0.9):
        panel.epoch_button.click()
    panel.knob["weights"].value, panel.knob["i"].value, panel.knob["o"].value = 0.8, "free", "1"
    found = {}
    exec(panel.code(), found)
    np.testing.assert_array_equal(found["reach"].h, panel.reach.h)
    assert f": {np.linalg.norm(found['jacobian'], 2):.2g}" in panel.recurrence.value
    assert "watches" in capsys.readouterr().out
    assert loss(found["shown"], found["batch"]) == pytest.approx(panel.slices.point.y[0])
    losses = losses_along(found["model"], found["downhill"], found["line"], found["batch"], 1.0)
    np.testing.assert_allclose(losses, panel.losses, rtol=1e-12)


def test_the_whole_line_of_the_gradient_is_on_the_axis_and_its_end_is_said(panel):
    up = panel.reaches.figure.axes[1]
    panel.choice["corpus"].value, panel.choice["distance"].value = "reach", 20
    for scale in (5.0, 1.0, 0.2):
        panel.knob["W_h"].value = scale
        y = panel.reaches.lines[0].y
        assert up.scale.min <= y.min() <= y.max() <= up.scale.max
        assert f"At the first word, {len(y) - 1} words back, {y[-1]:.2g} of it is left" in panel.summary.value
    panel.choice["tagger"].value = "LSTM"
    share = panel.reaches.lines[1].y[-1]
    assert f"words back, {share:.2g} of it is left in the cell c." in panel.summary.value


def test_the_numbers_of_the_notebook_come_out(panel):
    def left(of=0):
        return f"{panel.reaches.lines[of].y[10]:.0e}"

    assert is_hidden(panel.choice["distance"])
    panel.choice["corpus"].value, panel.choice["distance"].value = "reach", 20
    assert not is_hidden(panel.choice["distance"])
    found = [left()]
    panel.knob["W_h"].value = 5.0
    found.append(left())
    panel.choice["tagger"].value = "RNN, tanh"
    found.append(left())
    panel.knob["W_h"].value = 1.5
    found.append(left())
    panel.choice["init"].value = "uniform01"
    found.append(left())
    panel.knob["W_h"].value = 0.2
    found.append(left())
    assert found == ["8e-07", "2e-03", "3e-02", "3e-01", "6e-33", "5e-02"]
    panel.choice["init"].value, panel.choice["tagger"].value = "glorot", "LSTM"
    found = [left(of=1)]
    for offset in (-3.0, 3.0):
        panel.knob["forget"].value = offset
        found.append(left(of=1))
    assert found == ["7e-03", "2e-06", "1e+00"]
