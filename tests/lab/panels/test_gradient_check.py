import re
import threading

import pytest
from html_tables import tables

from lab import GradientCheckPanel
from lab.drawing import html
from lab.widgets.controls import is_hidden
from lxmls_rnn.deep_learning.rnn import NumpyLSTM
from lxmls_rnn.plotting import palette
from lxmls_rnn.teaching import gradient_check
from lxmls_rnn.teaching.mistakes import MISTAKES
from lxmls_rnn.teaching.model_check import ModelCheck

NUMPY = ("NumpyRNN",)


@pytest.fixture(autouse=True)
def tiny_corpus(first_sentences):
    first_sentences(30)  # finite differences take 24 passes for each word of it


def make(*models, source="words"):
    panel = GradientCheckPanel()
    for name, box in panel.choice["model"].boxes.items():
        box.value = name in models
    panel.source.value = source
    return panel


def check(panel):
    panel.check_button.click()
    panel.work.job.wait()
    return panel


def wrong(panel):
    return " ".join(row.parameter for row in panel.rows if not row.agrees)


def test_right_gradients_agree_with_finite_differences():
    panel = check(make("NumpyRNN", "NumpyLSTM"))
    assert "All gradients agree." in panel.message.value
    rnn, lstm = ["W_e", "W_x", "W_h", "W_y"], ["W_e", "W_x", "W_h", "W_c", "W_y"]
    assert [row.parameter for row in panel.rows] == [*rnn, *lstm, *rnn]
    ((_, *table),) = tables(panel.table.value)
    assert [[line[3], line[5]] for line in table] == [[f"{r.difference:.1e}", f"{r.tolerance:.0e}"] for r in panel.rows]
    assert [line[2] for line in table] == ["✓ agrees"] * 13
    assert [line[6] for line in table] == [row.against for row in panel.rows]
    assert panel.diagnosis.value.count("all gradients agree with finite differences.") == 3
    assert "NumpyLSTM, no peepholes: all gradients agree" in panel.diagnosis.value
    assert "lab-marked" in panel.entries.value


@pytest.mark.parametrize(
    ("mistake", "model", "parameters", "words"),
    [
        ("h_t instead of h_{t-1} for W_h", "NumpyRNN", "W_h", "own product of an error and an input"),
        (
            "LSTM: error along the cell forgotten",
            "NumpyLSTM",
            "W_e W_x W_h W_e W_x W_h W_c",
            "f<sub>t+1</sub> ⊙ e<sub>c,t+1</sub>",
        ),
    ],
)
def test_a_mistake_is_found_located_and_explained(mistake, model, parameters, words):
    """The other ones are in tests/teaching/test_mistakes.py."""
    panel = make()
    panel.choice["mistake"].value = mistake
    assert [name for name, box in panel.choice["model"].boxes.items() if box.value] == [model]
    check(panel)
    assert sorted(wrong(panel).split()) == sorted(parameters.split())
    assert words in panel.diagnosis.value
    assert str(html.symbols(MISTAKES[mistake].why)) in panel.diagnosis.value
    assert f"{model}, broken" in panel.table.value or f"{model}, no peepholes, broken" in panel.table.value
    differ, all_rows = len(parameters.split()), len(panel.rows)
    assert f"{differ} of {all_rows} gradients differ{'s' * (differ == 1)}." in panel.message.value
    assert f"the first difference from {model} is in " in panel.diagnosis.value


def test_the_code_of_a_broken_lstm_runs_and_the_rows_of_its_gates_are_named(capsys):
    panel = make()
    panel.choice["mistake"].value = "LSTM: c_t instead of c_{t-1} for W_c"
    exec(panel.code(), {})
    printed = capsys.readouterr().out
    assert "NumpyLSTM W_c against finite diff." in printed
    assert "W_c's own product" in printed
    check(panel)
    row = panel.rows[panel.parameter.value]
    assert row.parameter == "W_c"
    i, j = row.where
    assert f"at [{i}, {j}] {'ifo'[i // 3]} {i % 3 + 1}, in the frame" in panel.entries.value
    framed = re.findall('lab-marked"[^>]*title="([^"]*)"', panel.entries.value)
    assert framed == [f"{values[i, j]:.6g}" for values in (row.gradient, row.expected, row.differences)]
    assert ">o 3<" in panel.entries.value
    assert ">g 1<" not in panel.entries.value
    panel.parameter.value = 4
    assert "gradient of W<sub>y</sub>" in panel.entries.value
    panel.parameter.value = 0
    row = panel.rows[0]  # of W_e, which shows the columns of the sentence's words only
    framed = re.findall('lab-marked"[^>]*title="([^"]*)"', panel.entries.value)
    assert framed == [f"{values[row.where]:.6g}" for values in (row.gradient, row.expected, row.differences)]
    panel.choice["model"].boxes["NumpyLSTM"].value, panel.choice["model"].boxes["NumpyRNN"].value = False, True
    panel.check_button.click()
    assert "the mistake is in NumpyLSTM: choose this model too" in panel.message.value


def test_a_repeated_word_shows_in_its_column_and_without_one_the_mistake_does_not_show():
    panel = make(*NUMPY)
    panel.choice["mistake"].value = "error of a repeated word assigned, not added"
    check(panel)
    assert "5 of 31 columns" in panel.entries.value  # of the embeddings, those of the sentence's words
    assert tables(panel.entries.value)[0][0][-5:] == ["the", "old", "<unk>", "found", "dog"]
    assert "] the, in the frame" in panel.entries.value
    panel.sentence.words.value = "the dog found her"
    check(panel)
    assert wrong(panel) == ""
    assert "needs a word that occurs twice" in panel.message.value


def test_random_ids_are_drawn_by_the_seed_and_the_length_and_the_model_has_the_sizes_and_activation():
    panel = make(*NUMPY)
    for source, is_random in (("words", False), ("random ids", True)):
        panel.source.value = source
        of_sentence = panel.sentence.number, panel.sentence.words, panel.sentence.tags
        assert [control.disabled for control in of_sentence] == [is_random] * 3
        assert is_hidden(panel.choice["length"]) != is_random
    for name, most in (("n_emb", 20), ("n_hidd", 20), ("length", 50)):
        panel.choice[name].value = most + 1
        panel.check_button.click()
        assert f"from 1 to {most}, got {most + 1}" in panel.message.value
        panel.choice[name].value = most
    (
        panel.choice["length"].value,
        panel.choice["n_emb"].value,
        panel.choice["n_hidd"].value,
        panel.choice["activation"].value,
    ) = 3, 2, 5, "relu"
    check(panel)
    assert [panel.rows[n].gradient.shape for n in (0, 1)] == [(2, 20), (5, 2)]
    assert {row.activation for row in panel.rows} == {"relu"}
    assert len(panel._ids.x) == 3
    names = {}
    exec(panel.code(), names)
    assert names["rows"] == panel.rows
    panel.choice["seed"].value = 5
    before = panel._ids.x
    check(panel)
    assert panel._ids.x != before


@pytest.fixture
def slow(monkeypatch):
    """Let the finite differences of the LSTM wait."""
    go_on = threading.Event()

    def wait(model, *arguments):
        if isinstance(model, NumpyLSTM):
            go_on.wait()
        return differences(model, *arguments)

    differences = gradient_check._finite_differences_of
    monkeypatch.setattr(gradient_check, "_finite_differences_of", wait)
    yield go_on
    go_on.set()


def test_rows_come_while_others_are_awaited_and_stop_acts_at_once(slow):
    panel = make("NumpyRNN", "NumpyLSTM", source="random ids")
    said = threading.Event()
    panel.message.observe(lambda change: "NumpyLSTM: computing" in change.new and said.set(), "value")
    panel.check_button.click()
    job = panel.work.job
    said.wait()
    assert panel.table.value.count("✓ agrees") == 4
    assert panel.progress.value == 0.5
    assert "…" in panel.table.value
    panel.stop_button.click()
    assert "Stopped." in panel.message.value
    assert "…" not in panel.table.value
    slow.set()
    job.wait()
    assert "Stopped." in panel.message.value
    assert len(panel.rows) == 4 or panel.rows[-1].model == "NumpyLSTM"


def test_a_gradient_that_was_chosen_stays_while_rows_come(slow):
    panel = make("NumpyRNN", "NumpyLSTM", source="random ids")
    panel.choice["mistake"].value = "W_h not transposed"
    said = threading.Event()
    panel.message.observe(lambda change: "NumpyLSTM: computing" in change.new and said.set(), "value")
    panel.check_button.click()
    said.wait()
    first, *_, chosen = (n for n, row in enumerate(panel.rows) if not row.agrees)
    assert panel.parameter.value == first
    panel.parameter.value = chosen
    slow.set()
    panel.work.job.wait()
    assert panel.parameter.value == chosen < 4 < len(panel.rows)


def test_what_a_stopped_check_finds_is_not_said_of_the_next_one(slow, monkeypatch):
    diagnosing, go_on = threading.Event(), threading.Event()

    def first_differences(self, rows):
        diagnosing.set()
        go_on.wait()
        return ["NumpyRNN and NumPy part at e_y."]

    monkeypatch.setattr(ModelCheck, "first_differences", first_differences)
    panel = make("NumpyRNN", source="random ids")
    panel.check_button.click()
    before = panel.work.job
    diagnosing.wait()
    panel.stop_button.click()
    panel.choice["model"].boxes["NumpyLSTM"].value = True
    said = threading.Event()
    panel.message.observe(lambda change: "NumpyLSTM: computing" in change.new and said.set(), "value")
    panel.check_button.click()
    job = panel.work.job
    said.wait()  # NumpyRNN has its rows; NumpyLSTM waits for `slow`
    go_on.set()
    before.wait()
    panel.stop_button.click()
    assert "Diagnosis" in panel.diagnosis.value
    assert "part at" not in panel.diagnosis.value
    slow.set()
    job.wait()


def test_a_wrong_input_is_said_and_the_panel_goes_on():
    panel = make(*NUMPY)
    panel.sentence.tags.value = "a b c d e f"
    panel.check_button.click()
    assert "no tag &#x27;a&#x27;" in panel.message.value
    panel = make(source="random ids")
    panel.check_button.click()
    assert "Models: choose at least one of NumpyRNN, " in panel.message.value
    assert panel.work.job is None
    panel.choice["model"].boxes["NumpyRNN"].value = True
    check(panel)
    assert "All gradients agree." in panel.message.value


@pytest.mark.parametrize(
    ("model", "against", "dtype"),
    [
        ("FastRNN", "NumpyRNN", "float64"),
        ("NumpyLSTM", "TorchLSTM", "float64"),
        ("NumpyLSTM", "FastTorchLSTM", "float32"),
    ],
)
def test_a_model_of_any_framework_is_compared_in_every_quantity(model, against, dtype):
    panel = make(model)
    panel.choice["against"].value, panel.choice["dtype"].value = against, dtype
    check(panel)
    assert "All quantities agree." in panel.message.value
    assert panel.progress.value == 1
    assert {row.against for row in panel.rows} == {against}
    assert panel.rows[0].tolerance == (1e-8 if dtype == "float64" else 1e-4)
    assert "sum in another order" in panel.diagnosis.value
    names = {}
    exec(panel.code(), names)
    assert names["rows"] == panel.rows


def test_a_broken_model_is_compared_with_the_right_one_in_every_quantity():
    panel = make("NumpyRNN")
    panel.choice["against"].value, panel.choice["mistake"].value = "NumpyRNN", "W_h not transposed"
    check(panel)
    assert wrong(panel) == "e_h_t e_a_t W_e W_x W_h"
    assert "5 of 9 quantities differ." in panel.message.value
    shown = panel.diagnosis.value.replace("\n", " ")
    assert "NumpyRNN, logistic: the first difference from NumpyRNN is in e<sub>h,t</sub> of word 5" in shown
    assert "sum in another order" in shown
    assert panel.rows[panel.parameter.value].parameter == "e_h_t"
    row = panel.rows[panel.parameter.value]
    shades = re.findall("<td[^>]*background:([^;]*)", panel.entries.value)[-row.differences.size :]
    assert shades == [palette.shade(value, row.difference) for value in row.differences.flat]
    assert "e<sub>h,t</sub>: NumpyRNN, broken" in panel.entries.value
    assert ">found<" in panel.entries.value  # columns are words
