"""Controls of settings: what they say is what is trained, and of what can be chosen each is in its place."""

import shutil
from dataclasses import replace

import pytest

from lab.panels.play.panel import PlayPanel
from lab.widgets.controls import is_hidden, settings_code
from lab.widgets.settings_choice import (
    CorpusChoice,
    ModelChoice,
    TrainerChoice,
    chosen_settings,
    new_files,
)
from lxmls_rnn.datasets import corpora
from lxmls_rnn.datasets.corpora import corpus_files
from lxmls_rnn.deep_learning import models, rnn
from lxmls_rnn.deep_learning.activations import OF_FAST_TORCH, OF_RNN
from lxmls_rnn.experiment import SETTINGS, Settings, find

TRAIN, DEV, _ = map(str, corpus_files("sample"))
PLAIN = Settings("sample").changed(activation="logistic", seed=1234)


def upload(data, *names):
    (data / "uploads").mkdir(exist_ok=True)
    for name in names:
        (data / "uploads" / name).write_text("")


def groups():
    return CorpusChoice(), ModelChoice("NumpyRNN"), TrainerChoice()


def test_every_setting_has_a_control_and_what_is_chosen_at_first_is_its_default():
    chosen = groups()
    assert {name for group in chosen for name in group.settings} == set(SETTINGS)
    assert chosen_settings(*chosen) == PLAIN


@pytest.mark.parametrize(
    "changes",
    [
        {"min_count": 3, "model": "LSTM", "n_hidd": 7, "n_emb": 6, "activation": "tanh", "peepholes": False, "seed": 3},
        {"init": "uniform01", "embeddings": "sample/ppmi_30", "freeze_embeddings": True, "dtype": "float32"},
        {"epochs": 3, "rate": 0.25, "decay": 0.5, "batch_size": 4, "shuffle": True, "gradient_norm": True},
        {"corpus": "reach:7", "max_sent_len": 9, "max_nr_sent": 40, "vocabulary": "guide", "patience": 4},
        {"corpus": "uploads/mine.conll", "dev": "uploads/other.conll"},
        {"tags": "upos", "tag_map": "universal", "encoding": "latin-1"},
        {"tags": "7", "tag_map": "none", "clip": 2.5},
    ],
)
def test_settings_that_are_copied_are_those_that_are_trained_and_written_as_code(data, changes):
    upload(data, "mine.conll", "other.conll")
    wanted = PLAIN.changed(**changes)
    of_old = {what: str(data / file) for what, file in wanted.files().items()}  # runs of old versions have paths
    of_old["corpus"] = of_old.pop("train")
    find(wanted)  # a corpus reach:K is generated
    other = PLAIN.changed(decay=0.1, batch_size=3, shuffle=True, clip=9.0, patience=8, max_nr_sent=7, init="orthogonal")
    for given in (wanted, replace(wanted, **of_old)):
        chosen = groups()
        for source in (other, given):
            for group in chosen:
                group.copy_from(source)
        assert chosen_settings(*chosen) == wanted
    code = settings_code(wanted)
    space = {}
    exec(code, space)
    assert space["settings"] == wanted
    assert code.count("seed=") == ("seed" in changes)  # the trainer's is the same
    assert str(data) not in code  # a path that holds on another machine too
    unchanged = {"max_sent_len", "n_hidd", "init", "min_count", "embeddings"} - set(changes)
    assert not any(f"{name}=" in code for name in unchanged)


def test_what_is_basic_or_differs_is_said_though_it_is_folded():
    corpus, model, trainer = groups()
    trainer.copy_from(PLAIN.changed(decay=1.0, shuffle=True, clip=2.0))
    assert trainer.in_words() == ("epochs 5, learning rate 0.5, decay 1.0, batch size 1, max. norm 2.0, shuffle")
    corpus.copy_from(PLAIN.changed(max_nr_sent=40, vocabulary="guide", min_count=3))
    assert corpus.in_words(False) == "max. sentences 40, vocabulary guide"  # where the least count is nothing
    model["init"].value, model["peepholes"].value = "uniform01", False
    assert model.in_words(False) == "initialisation uniform01"
    model["model"].value = "NumpyLSTM"
    assert model.in_words(False) == "no peepholes, initialisation uniform01"


def test_a_number_counts_and_can_be_typed_while_its_switch_is_on():
    choice = TrainerChoice()
    choice["clip"].value = 2.5
    assert (choice["clip"].disabled, choice.value_of("clip")) == (True, None)
    choice.switches["clip"].value = True
    assert (choice["clip"].disabled, choice.value_of("clip")) == (False, 2.5)
    choice.copy_from(PLAIN)
    assert (choice["clip"].disabled, choice["clip"].value) == (True, "2.5")  # for later


@pytest.mark.parametrize("name", ["ewt", "ud:pt_bosque", "reach:7"])
def test_the_corpus_is_at_first_that_of_the_environment_also_if_it_is_not_downloaded(monkeypatch, name):
    monkeypatch.setenv("LXMLS_CORPUS", name)
    assert CorpusChoice().name == name
    assert PlayPanel().network.corpus_name == name
    assert CorpusChoice("sample").name == "sample"


def test_a_corpus_is_looked_up_once_for_the_settings_in_the_controls(monkeypatch):
    chosen, asked, look_up = groups(), [], corpora.find
    monkeypatch.setattr(corpora, "find", lambda name: asked.append(name) or look_up(name))
    assert chosen_settings(*chosen) == PLAIN
    assert asked == ["sample"]


def test_ones_own_corpora_and_files_are_listed(data):
    (data / "mine").mkdir()
    shutil.copy(TRAIN, data / "mine" / "train.conll")
    upload(data, "one.conll")
    listed = [value for _, value in CorpusChoice()["corpus"]._options_full]
    assert {"sample", "reach", "mine", "uploads/one.conll"} <= set(listed)


def test_controls_are_seen_where_they_mean_something(data):
    choice = CorpusChoice()
    hidden, disabled = map(is_hidden, (choice.distance, choice["dev"])), choice["min_count"].disabled
    assert (*hidden, disabled) == (True, True, False)
    choice["vocabulary"].value = "guide"
    assert choice["min_count"].disabled
    choice["vocabulary"].value = "train"
    choice["corpus"].value = "reach"
    assert not is_hidden(choice.distance)
    assert (choice.name, choice.in_words()) == ("reach:5", "corpus reach:5")
    upload(data, "mine.conll", ".hidden")
    new_files()
    assert [name for name in choice["corpus"].options if "/" in name] == ["uploads/mine.conll"]
    assert choice["dev"].options == ("none", "uploads/mine.conll")
    choice["corpus"].value = "uploads/mine.conll"
    assert not is_hidden(choice["dev"])
    assert choice.in_words() == "corpus uploads/mine.conll, evaluate on none"
    assert choice.value_of("dev") is choice.value_of("max_nr_sent") is None


def test_a_file_that_is_elsewhere_cannot_be_taken(data, tmp_path):
    for what in ("corpus", "dev"):
        given = {"corpus": str(data / "uploads/mine.conll"), "dev": None, what: str(tmp_path / "far.conll")}
        upload(data, "mine.conll")
        with pytest.raises(ValueError, match=rf"^{what} is the file .*far.conll: it is not in the data folder"):
            CorpusChoice().copy_from(Settings(**given))
    with pytest.raises(ValueError, match=r"^embeddings is the file"):
        ModelChoice().copy_from(Settings(TRAIN, embeddings=str(tmp_path / "far_50")))


def test_embeddings_are_the_files_that_hold_some_and_they_decide_their_size(data):
    for name in ("glove_50", "glove_50.sha256", "b_20"):
        (data / name).write_text("")
    (data / "sample").unlink()  # a link to the real one
    for folder in ("folder_30", "sample/__pycache__"):
        (data / folder).mkdir(parents=True)
    (data / "sample" / "ppmi_30").write_text("")
    choice = ModelChoice()
    assert choice["embeddings"].options == ("random", "b_20", "glove_50", "sample/ppmi_30")
    assert not choice["n_emb"].disabled
    choice["embeddings"].value = "b_20"
    assert choice["n_emb"].disabled
    (data / "fetched_5").write_text("")
    new_files()
    assert "fetched_5" in choice["embeddings"].options


def test_each_model_has_its_activations():
    choice = ModelChoice("NumpyRNN")
    assert choice["activation"].options == OF_RNN
    choice["model"].value = "FastTorchRNN"
    assert choice["activation"].options == OF_FAST_TORCH
    choice["model"].value = "FastLSTM"
    assert choice["activation"].options == ("tanh",)
    assert not is_hidden(choice["peepholes"])
    choice["peepholes"].value = False
    assert choice.value_of("peepholes") is False
    choice["model"].value = "NumpyRNN"
    assert choice.value_of("peepholes") is True  # of which it has none to leave out


def test_a_replaced_model_has_its_own_activations():
    choice = ModelChoice("FastRNN")
    models.replace("NumpyRNN", type("NumpyRNN", (rnn.NumpyRNN,), {"activations": ("logistic",)}))
    try:
        choice["model"].value = "RNN"
        assert choice["activation"].options == OF_RNN
        choice["model"].value = "NumpyRNN"
        assert choice["activation"].options == ("logistic",)
    finally:
        models.replace(None)
