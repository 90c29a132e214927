"""Trainings from their settings, on the sample corpus and on the English Web Treebank."""

import subprocess
import sys

import pytest

from lxmls_rnn.deep_learning.training import EpochDone, Trainer
from lxmls_rnn.experiment import Settings, corpus_files, parts, prepare, read_corpus

SAMPLE_TRAIN, SAMPLE_DEV, _ = map(str, corpus_files("sample"))
another_model = pytest.mark.slow("the same for the LSTM, three seconds")


def test_the_vocabulary_of_the_training_part_ends_with_unk():
    train, dev, n_known = read_corpus(Settings(train=SAMPLE_TRAIN, dev=SAMPLE_DEV))
    assert train.x_dict.names[n_known:] == ["<unk>"]
    assert any(n_known in sentence.x for sentence in dev)
    assert any(n_known in sentence.x for sentence in train)


def test_the_guides_vocabulary_holds_the_words_of_dev_too():
    train, dev, n_known = read_corpus(Settings(train=SAMPLE_TRAIN, dev=SAMPLE_DEV, vocabulary="guide"))
    assert max(max(sentence.x) for sentence in train) == n_known - 1
    assert max(max(sentence.x) for sentence in dev) == len(train.x_dict) - 1 >= n_known


def test_embeddings_of_a_file_become_the_first_parameter(tmp_path, capsys):
    file = tmp_path / "emb.txt"
    file.write_text("the 1 2 3\nman 4 5 6\n")  # both 'the' and 'The' are in the vocabulary
    tagger = prepare(Settings(train=SAMPLE_TRAIN, embeddings=str(file))).tagger
    assert tagger.model.sizes.n_emb == 3
    assert tagger.model.param[0][:, tagger.words.index("man")].tolist() == [4, 5, 6]
    assert tagger.model.param[0][:, tagger.words.index("the")].tolist() == [1, 2, 3]
    assert tagger.model.param[0][:, tagger.words.index("The")].tolist() == [1, 2, 3]
    assert "Getting embeddings for the vocabulary 3/570" in capsys.readouterr().out


def test_settings_survive_json():
    settings = Settings(train=SAMPLE_TRAIN, model="LSTM", trainer=Trainer(epochs=3, patience=2))
    assert Settings.from_dict(settings.to_dict()) == settings


def test_settings_of_earlier_versions_have_peepholes():
    given = Settings(train=SAMPLE_TRAIN, model="LSTM").to_dict()
    assert given.pop("peepholes") is True
    assert Settings.from_dict(given).peepholes


def test_only_an_lstm_can_be_without_peepholes():
    settings = Settings(train=SAMPLE_TRAIN, max_nr_sent=20, model="NumpyLSTM", peepholes=False)
    assert settings.model_in_words == "NumpyLSTM without peepholes"
    assert list(prepare(settings).tagger.model.get_values()) == ["W_e", "W_x", "W_h", "W_y"]
    with pytest.raises(ValueError, match="peepholes can be left out of an LSTM alone, got the model NumpyRNN"):
        Settings(train=SAMPLE_TRAIN, peepholes=False)


@pytest.mark.parametrize(("option", "value"), [("model", "GRU"), ("vocabulary", "test")])
def test_bad_settings_are_met_at_the_door(option, value):
    with pytest.raises(ValueError, match=f"{option} must be one of .*, got '{value}'"):
        Settings(train=SAMPLE_TRAIN, **{option: value})


def test_an_unknown_corpus_is_refused():
    with pytest.raises(ValueError, match="corpus must be one of sample, ewt, reach:K or a file, got 'wsj'"):
        corpus_files("wsj")


def epochs_of(settings):
    experiment = prepare(settings)
    events = settings.trainer.fit(experiment.tagger.model, experiment.train, experiment.dev)
    return [event for event in events if isinstance(event, EpochDone)]


@pytest.mark.parametrize(
    ("model", "accuracy"), [("NumpyRNN", 0.93), pytest.param("NumpyLSTM", 0.88, marks=another_model)]
)
def test_the_sample_corpus_is_learnt(model, accuracy):
    # a decaying rate and short steps: where it ends, 0.945 and 0.915 to 0.933, depends little on a processor's rounding
    trainer = Trainer(epochs=10, rate=1.0, decay=0.3, clip=1.0)
    events = epochs_of(Settings(train=SAMPLE_TRAIN, dev=SAMPLE_DEV, model=model, trainer=trainer))
    assert events[-1].cost < events[0].cost / 5
    assert events[-1].dev_accuracy > accuracy


@pytest.mark.theano
def test_the_guides_settings_on_ewt_give_the_same_costs_in_numpy_and_theano(ewt_dir):
    settings = {
        "train": str(ewt_dir / "en_ewt-ud-dev.conllu"),
        "dev": str(ewt_dir / "en_ewt-ud-test.conllu"),
        "max_sent_len": 15,
        "max_nr_sent": 1000,
        "vocabulary": "guide",
    }
    bare, scan = (epochs_of(Settings(**settings, model=model)) for model in ("NumpyRNN", "RNN"))
    assert len(bare) == 5
    assert [event.cost for event in scan] == pytest.approx([event.cost for event in bare], rel=1e-8)
    assert [event.dev_accuracy for event in scan] == [event.dev_accuracy for event in bare]
    # these figures are in the README
    assert [round(event.cost, 2) for event in bare] == [2121.52, 641.29, 287.90, 180.02, 124.58]


def test_the_parts_of_a_named_corpus_are_known_and_of_a_file_only_what_was_named():
    assert [path.name for path in parts(Settings(train=SAMPLE_TRAIN, dev=SAMPLE_DEV)).values()] == [
        "train.conll", "dev.conll", "test.conll"
    ]  # fmt: skip
    assert set(parts(Settings(train="own.conll"))) == {"train"}


def test_relative_paths_are_those_in_the_folder_of_data():
    named, plain = Settings("sample/train.conll", "sample/dev.conll"), Settings(SAMPLE_TRAIN, SAMPLE_DEV)
    assert parts(named) == parts(plain)
    assert list(named.checksums().values()) == list(plain.checksums().values())
    assert [part.x_dict.names for part in read_corpus(named)[:2]] == [
        part.x_dict.names for part in read_corpus(plain)[:2]
    ]


@pytest.mark.process
def test_settings_of_a_theano_model_do_not_import_theano():
    code = "import sys; from lxmls_rnn.experiment import Settings; Settings('x', model='RNN')"
    subprocess.run([sys.executable, "-c", f"{code}; assert 'theano' not in sys.modules"], check=True)


def test_only_what_can_be_fetched_is_advised_to_be(tmp_path, monkeypatch):
    monkeypatch.setenv("LXMLS_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="get it with `lxmls-rnn fetch ewt`, or set LXMLS_DATA"):
        corpus_files("ewt")
    with pytest.raises(FileNotFoundError, match="set LXMLS_DATA to the folder data of this project"):
        corpus_files("sample")
