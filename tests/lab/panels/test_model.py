"""The model panel: formulas, the table of parameters, the model that it makes."""

import base64
import re
import threading
from collections import Counter

import numpy as np
import pytest
from html_tables import tables
from rich.filesize import decimal

from lab import ModelPanel
from lxmls_rnn.datasets.corpora import corpus_files
from lxmls_rnn.experiment import prepare
from lxmls_rnn.readers.pos_corpus import PostagCorpus


def counted(panel):
    """Wait until the words of the corpus are counted."""
    panel.counting.job.wait()
    return panel


@pytest.fixture
def panel():
    return counted(ModelPanel())


def made(panel, meanwhile=lambda: None):
    panel.make_button.click()
    meanwhile()
    panel.work.job.wait()
    return panel.experiment.tagger.model


@pytest.mark.parametrize("model", ["NumpyRNN", "NumpyLSTM"])
def test_the_table_has_the_shapes_and_numbers_of_the_model(panel, model):
    panel.model["model"].value = model
    parameters = prepare(panel.settings()).tagger.model.get_values()
    for name, W in parameters.items():
        assert f"<td>{name}</td>" in panel.table.value
        assert f"= {W.shape[0]:,} × {W.shape[1]:,}" in panel.table.value
    total = sum(W.size for W in parameters.values())
    assert f"<b>{total:,}</b>" in panel.table.value
    assert f"{total:,} trained" in panel.table.value
    assert f"{decimal(4 * total)} in float32, {decimal(8 * total)} in float64" in panel.table.value
    panel.model["freeze_embeddings"].value = True
    ((_, *rows, last),) = tables(panel.table.value)
    assert [row[4:] for row in rows] == [
        [f"{W.size / total:.1%}", "frozen" if name == "W_e" else "trained"] for name, W in parameters.items()
    ]
    assert last[5] == f"{total - parameters['W_e'].size:,} trained"


def test_the_formulas_are_those_of_the_model(panel):
    assert "h<sub>t</sub> = f(W<sub>x</sub> z<sub>t</sub>" in panel.formulas.value
    panel.model["activation"].value = "relu"
    assert "max(0, a)" in panel.formulas.value
    panel.model["model"].value = "NumpyLSTM"
    assert "W<sub>c</sub> c<sub>t−1</sub>" in panel.formulas.value
    panel.model["peepholes"].value = False
    assert "W<sub>c</sub>" not in panel.formulas.value
    assert "σ(a<sub>i</sub>)" in panel.formulas.value
    assert "peepholes" not in panel.table.value
    assert "peepholes=False" in panel.code()
    assert list(made(panel).get_values()) == ["W_e", "W_x", "W_h", "W_y"]


def test_it_says_which_words_it_counts(panel):
    train = PostagCorpus().read_sequence_list_conll(corpus_files("sample")[0])
    times = Counter(word for sentence in train for word in sentence.words)
    for least, which in ((2, "that occur at least 2 times in train"), (1, "that occur in train")):
        panel.corpus["min_count"].value = least
        words = 1 + sum(count >= least for count in times.values())
        assert f"{words} words, those {which} and &lt;unk&gt;; 12 tags." in counted(panel).table.value
    panel.corpus["vocabulary"].value = "guide"
    assert "words, all those of train and dev; 12 tags." in counted(panel).table.value


def test_a_corpus_that_is_not_there_or_wrong_is_said_and_the_panel_goes_on(data):
    panel = counted(ModelPanel())
    panel.corpus["corpus"].value = "ewt"
    assert "lxmls-rnn fetch ewt" in panel.message.value
    assert panel.table.value == ""
    panel.corpus["corpus"].value = "sample"
    assert panel.message.value == ""
    assert "W_e" in panel.table.value
    (data / "uploads").mkdir()
    (data / "uploads" / "bad.conll").write_text("1\tDogs\n")
    panel.corpus.refresh()
    panel.corpus["corpus"].value = "uploads/bad.conll"
    counted(panel)
    assert "bad.conll" in panel.message.value


def test_made_means_the_numbers_of_the_library(panel):
    settings = panel.settings()
    model = made(panel, lambda: setattr(panel.model["seed"], "value", 7))  # for the next one
    for name, W in prepare(settings).tagger.model.get_values().items():
        assert np.array_equal(W, model.get_values()[name])
        assert f"<td>{W.mean():.4g}</td>" in panel.drawn.value
    pictures = re.findall(r"base64,([^\"]*)", panel.drawn.value)
    assert [base64.b64decode(text)[:4] for text in pictures] == [b"\x89PNG"] * 4
    assert "Created: NumpyRNN, float64, seed 1234. " in panel.message.value
    assert panel.device.value == "NumPy computes on the CPU."


def test_a_file_of_embeddings_decides_their_size_and_a_wrong_one_is_said(data):
    (data / "mini_3").write_text("the 1 2 3\nold 4 5 6\n")
    panel = counted(ModelPanel())
    panel.model.refresh()
    panel.model["embeddings"].value = "mini_3"
    assert panel.sizes().n_emb == 3
    assert made(panel).sizes == panel.sizes()
    assert "mini_3" in panel.table.value
    (data / "mini_3").write_text("the 1 2 3\nold 4 5\n")
    panel.make_button.click()
    panel.work.job.wait()
    assert "line 2: expected a word and 3 numbers" in panel.message.value


def test_the_device_of_a_theano_model_is_proved_when_it_is_made(panel):
    panel.model["model"].value = "RNN"
    model = made(panel)
    assert type(model).__name__ == "RNN"
    assert panel.device.value.startswith("Theano uses the ")


def test_the_code_makes_the_model(panel, capsys):
    panel.model["n_hidd"].value = 7
    exec(panel.code(), {})
    assert "n_hidd=7" in capsys.readouterr().out


def test_stop_gives_up_a_model_at_once_and_another_can_be_drawn(panel, monkeypatch):
    drawn = threading.Event()

    def long(settings):
        drawn.wait()
        return prepare(settings)

    monkeypatch.setattr("lab.panels.model.panel.prepare", long)
    panel.make_button.click()
    given_up = panel.work.job
    panel.stop_button.click()
    assert "Stopped." in panel.message.value
    drawn.set()
    given_up.wait()
    assert panel.experiment is None
    assert not panel.drawn.value
    made(panel)
    assert "Created: NumpyRNN" in panel.message.value
