import re

import numpy as np
import pytest
from html_tables import tables

from lab import StepThroughPanel
from lab.drawing import html
from lab.panels.step_through import network_drawing
from lab.panels.step_through.panel import PLAY_MILLISECONDS
from lab.widgets.controls import is_hidden
from lxmls_rnn.datasets import corpora
from lxmls_rnn.deep_learning.activations import ACTIVATIONS
from lxmls_rnn.deep_learning.training import Trainer
from lxmls_rnn.experiment import Settings
from lxmls_rnn.runs import Run


@pytest.fixture
def panel():
    return StepThroughPanel("The old dog found the cat")


def train(name, model, **more):
    files = corpora.corpus_files("sample")
    sizes = {"max_nr_sent": 5, "n_emb": 3, "n_hidd": 2, **more}
    settings = Settings(str(files[0]), str(files[1]), model=model, trainer=Trainer(epochs=1), **sizes)
    run = Run.create(name, settings)
    list(run.fit())
    return run.folder


def go_to(panel, symbol, t):
    number = next(n for n, step in enumerate(panel.walk.steps, 1) if (step.symbol, step.t) == (symbol, t))
    panel.slider.value = number


def test_it_begins_at_the_first_embedding_and_a_step_shows_its_formula_with_shapes_and_numbers(panel):
    assert "Step 1 of 84 · forward · word 1 of 6" in panel.equation.value
    assert "selects a column" in panel.equation.value
    assert panel.slider.max == panel.play.max == 6 * (6 + 8)
    go_to(panel, "a_2", 2)
    shown = panel.equation.value
    assert "a<sub>2</sub> = W<sub>x</sub> z<sub>2</sub> + W<sub>h</sub> h<sub>1</sub>" in shown
    for shape in ("3 × 4", "4 × 1", "3 × 3", "3 × 1"):
        assert shape in shown
    assert all(html.number(value).replace("-", "\u2212") in shown for value in panel.walk.model.param[1].flat)


def test_opened_at_an_error_the_arrows_of_both_its_ways_are_drawn():
    panel = StepThroughPanel(at="e_h_2")
    assert "e<sub>h,2</sub> = " in panel.equation.value
    colour = network_drawing.ACTIVE_COLOURS["backward"][0]
    assert panel.drawing.value.count(f"stroke:{colour};stroke-width:3.5") == 3  # one of them in the MLP
    with pytest.raises(ValueError, match="at must be the symbol of a step, such as e_h_2, got 'e_h_9'"):
        StepThroughPanel(at="e_h_9")


def test_a_step_names_its_word_and_divides_by_the_words_of_the_sentence(panel):
    for t in (1, 4, 6):
        go_to(panel, f"e_y_{t}", t)
        assert re.findall("1/[0-9]+", panel.equation.value) == ["1/6"]
        assert f"word {t} of 6, <b>{panel.walk.words[t - 1]}</b>" in panel.equation.value


def test_quantities_to_come_are_empty_and_known_ones_are_those_of_the_model(panel):
    go_to(panel, "h_2", 2)
    both = panel.walk.model.forward(panel.walk.x, all_outputs=True, outputs=panel.walk.y)
    shown = dict(zip("zahyp", tables(panel.quantities.value), strict=False))
    for name, values, known in (("z", both.z, 2), ("h", both.h[:, 1:], 2), ("y", both.y, 1), ("p", both.p_y, 1)):
        assert columns(shown[name]) == [*as_shown(values)[:known], *[[""] * len(values)] * (6 - known)]
    panel.slider.value = panel.slider.max
    back, shown = panel.walk.model.backward(panel.walk.x, panel.walk.y), tables(panel.quantities.value)
    for table, errors in ((shown[6], back.e_y), (shown[7], back.e_h), (shown[9], back.e_z)):
        assert columns(table) == as_shown(errors)


def as_shown(values):
    """The texts of the cells of a matrix, a list for each column."""
    return [[html.number(value).replace("-", "\u2212") for value in column] for column in values.T]


def columns(table):
    """The columns of a table of the six words, without their headings."""
    return [list(column) for column in zip(*(row[-6:] for row in table[1:]), strict=True)]


@pytest.mark.parametrize(("model", "drawings"), [("NumpyRNN", 2), ("NumpyLSTM", 1)])
def test_every_step_is_explained_and_drawn_with_its_place(panel, model, drawings):
    panel.network["model"].value = model
    panel.sentence.words.value = "Dogs run"
    for number, step in enumerate(panel.walk.steps, 1):
        panel.slider.value = number
        assert "alert" not in panel.message.value
        assert "{" not in panel.equation.value
        places = re.findall(r'aria-label="([^"]+)"', panel.drawing.value)
        assert len(places) == drawings
        assert all(f"now {step.symbol} of word {step.t}" in place and step.direction in place for place in places)
        colour = network_drawing.ACTIVE_COLOURS[step.direction][0]
        assert re.search(f"(circle|rect) [^>]*fill:{colour}", panel.drawing.value)


def test_the_buttons_go_by_step_and_by_word_and_stay_within_the_walk(panel):
    panel.back.click()
    assert panel.slider.value == 1
    panel.next.click()
    assert panel.slider.value == 2
    panel.word_next.click()
    assert panel.slider.value == 7
    panel.word_back.click()
    panel.back.click()
    assert panel.slider.value == 1
    panel.slider.value = 36
    panel.word_next.click()
    assert panel.walk.steps[panel.slider.value - 1].symbol == "e_y_6"
    panel.word_back.click()
    assert panel.walk.steps[panel.slider.value - 1].symbol == "z_6"
    panel.slider.value = panel.slider.max
    panel.next.click()
    panel.word_next.click()
    assert panel.slider.value == panel.slider.max


def test_without_a_sample_corpus_the_tags_are_said_to_be_a_guess(panel, data):
    assert panel.sentence.note.value == ""
    (data / "sample").rename(data / "elsewhere")
    panel.sentence.words.value = "dogs run"
    assert panel.walk.tags == ["noun", "noun"]
    assert "Each word is tagged noun" in panel.sentence.note.value
    assert "set LXMLS_DATA to the folder data of this project" in panel.sentence.note.value
    panel.sentence.number.value = 3
    assert "no file" in panel.message.value
    (data / "elsewhere").rename(data / "sample")
    panel.sentence.words.value = "the dog"
    assert panel.sentence.note.value == ""


def test_a_wrong_sentence_is_said_and_the_panel_goes_on(panel):
    panel.sentence.tags.value = "det"
    assert "6 words" in panel.message.value
    panel.next.click()
    assert "correct the sentence" in panel.message.value
    panel.sentence.words.value = "Dogs run"
    assert panel.message.value == ""
    assert len(panel.walk.words) == 2


def test_the_sizes_and_the_activation_are_the_models(panel):
    panel.network["n_emb"].value, panel.network["n_hidd"].value, panel.network["activation"].value = 2, 5, "tanh"
    assert panel.walk.model.sizes[1:3] == (2, 5)
    assert [panel.walk.tag_names[k] for k in panel.walk.y] == panel.walk.tags
    before = panel.walk.model.param.W_h
    panel.play.playing = True
    panel.network["seed"].value = 2
    assert not panel.play.playing  # from the first step on
    assert (panel.walk.model.param.W_h != before).all()
    panel.speed.value = "slow"
    assert panel.play.interval == PLAY_MILLISECONDS["slow"]
    go_to(panel, "h_1", 1)
    assert "tanh(a<sub>1</sub>)" in panel.equation.value
    for activation in ("tanh", "logistic"):
        panel.network["activation"].value = activation
        go_to(panel, "e_a_1", 1)
        assert f"its slope, which is at most {ACTIVATIONS[activation].steepest}." in panel.equation.value


def test_a_trained_run_is_stepped_through(panel, capsys):
    panel.source.value = "a trained run"
    assert "no trained run yet" in panel.message.value
    folder = train("first", "NumpyRNN")
    panel.run.refresh()
    panel.sentence.number.value = 1
    assert panel.run.run.value == "first"
    assert panel.walk.model.sizes.n_hidd == 2
    assert np.array_equal(panel.walk.model.param[2], np.load(folder / "model.npz")["W_h"])
    assert not is_hidden(panel.run)
    train("second", "NumpyRNN", n_hidd=3)
    panel.run.refresh()
    panel.run.run.value = "second"
    assert panel.walk.model.sizes.n_hidd == 3
    panel.run.run.value = "first"
    exec(panel.code(), {})
    assert f"h_6 = logistic(a_6)\n{panel.walk.steps[32].value}" in capsys.readouterr().out
    panel.sentence.tags.value = "verb det noun verb adv sign"
    assert "no tag &#x27;sign&#x27;" in panel.message.value
    panel.sentence.words.value = "zork the blip"
    panel.sentence.tags.value = "noun det noun"
    assert panel.walk.model.sizes.n_words == 2  # words outside the vocabulary share a column
    assert "&lt;unk&gt;" in panel.equation.value


@pytest.fixture(params=[True, False], ids=["peepholes", "no peepholes"])
def lstm(panel, request):
    panel.network["model"].value, panel.network["peepholes"].value = "NumpyLSTM", request.param
    return panel


def numbers(text):
    """The numbers that a piece of HTML shows, from its tooltips."""
    return re.findall(r'title="([^"]+)"', text)


def test_an_lstm_is_drawn_anew_with_and_without_peepholes(lstm):
    peepholes = lstm.network["peepholes"].value
    assert lstm.slider.max == lstm.play.max == 6 * (12 + 13 if peepholes else 11 + 12)
    assert lstm.walk.model.peepholes is peepholes
    assert is_hidden(lstm.network["activation"])
    assert ("b<sub>t</sub>" in lstm.quantities.value) is peepholes
    lstm.slider.value = lstm.slider.max
    assert "equal those of grads(x, y)" in lstm.message.value
    assert lstm.walk.difference() < 1e-12
    filled = numbers(lstm.quantities.value)
    assert all(f"{value:.6g}" in filled for W in lstm.walk.model.grads(lstm.walk.x, lstm.walk.y) for value in W.flat)
    assert all(f"{value:.6g}" in filled for values in lstm.walk.model.cells(lstm.walk.x)[:4] for value in values.flat)
    lstm.network["model"].value = "NumpyRNN"
    assert not is_hidden(lstm.network["activation"])
    assert is_hidden(lstm.network["peepholes"])


def test_the_error_along_the_cell_is_shown_with_its_numbers(lstm):
    go_to(lstm, "e_c_2", 2)
    shown = lstm.equation.value
    assert "e<sub>c,2</sub> = o<sub>2</sub> ⊙ tanh'(c<sub>2</sub>) ⊙ e<sub>h,2</sub> + f<sub>3</sub>" in shown
    assert ("W<sub>c</sub><sup>T</sup> e<sub>b,3</sub>" in shown) is lstm.network["peepholes"].value
    assert ("through the peepholes" in shown) is lstm.network["peepholes"].value
    step = lstm.walk.steps[lstm.slider.value - 1]
    assert set(numbers(shown)) == {f"{value:.6g}" for M in (step.value, *step.operands.values()) for value in M.flat}
    go_to(lstm, "e_c_6", 6)
    assert "there is no later word" in lstm.equation.value
    go_to(lstm, "e_a_f_1", 1)
    assert "the forget gate has no effect" in lstm.equation.value


def test_the_rows_of_stacked_gates_are_named(panel):
    panel.network["model"].value = "NumpyLSTM"
    go_to(panel, "a_1", 1)
    assert all(f">{gate} {unit}<" in panel.equation.value for gate in "ifgo" for unit in (1, 2, 3))
    assert ">g 3<" in panel.quantities.value
    panel.network["n_hidd"].value = 5
    assert ">g 3<" not in panel.quantities.value
    assert panel.quantities.value.count(">g</th>") == 3  # of a_t, dW_x, dW_h


@pytest.mark.daily("compiles a model of an LSTM, ten seconds")
def test_runs_of_theanos_lstms_are_taken_as_numpys(panel, capsys):
    train("compiled", "FastLSTM", peepholes=False)
    panel.run.refresh()
    panel.source.value = "a trained run"
    assert panel.message.value == ""
    assert type(panel.walk.model).__name__ == "NumpyLSTM"
    assert panel.slider.max == 23 * len(panel.walk.words)
    exec(panel.code(), {})
    go_to(panel, "c_6", 6)
    value = panel.walk.steps[panel.slider.value - 1].value
    assert f"c_6 = f_6 * c_5 + i_6 * g_6\n{value}" in capsys.readouterr().out


def test_the_code_runs(panel, capsys):
    panel.network["model"].value = "NumpyLSTM"
    exec(panel.code(), {})
    go_to(panel, "c_2", 2)
    value = panel.walk.steps[panel.slider.value - 1].value
    assert f"c_2 = f_2 * c_1 + i_2 * g_2\n{value}" in capsys.readouterr().out


def test_of_a_long_sentence_the_words_around_the_step_are_shown(panel):
    panel.sentence.words.value = " ".join(["the dog"] * 30)
    assert "here words 1 to 14" in panel.quantities.value
    go_to(panel, "h_30", 30)
    assert ">30 dog<" in panel.quantities.value
    assert ">1 the<" not in panel.quantities.value
    assert "lab-marked" in panel.quantities.value


@pytest.mark.parametrize("model", ["NumpyRNN", "NumpyLSTM"])
def test_at_the_only_word_of_a_sentence_no_other_word_is_named(panel, model):
    panel.network["model"].value = model
    panel.sentence.words.value = "Dogs"
    said = ""
    for number in range(1, panel.slider.max + 1):
        panel.slider.value = number
        said += panel.equation.value
    assert "there is no later word" in said
    assert "At the first word" in said
    assert "word 2" not in said
    assert "<sub>2</sub>" not in said
