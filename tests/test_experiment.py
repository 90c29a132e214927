"""Trainings from their settings, on the sample corpus and on the English Web Treebank."""

import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from lxmls_rnn.datasets import reach
from lxmls_rnn.datasets.corpora import corpus_files
from lxmls_rnn.deep_learning.training import EpochDone, Trainer
from lxmls_rnn.experiment import GUIDE, Settings, find, parts, prepare, read_corpus
from lxmls_rnn.runs import Run
from lxmls_rnn.tagger import Tagger

SAMPLE_TRAIN, SAMPLE_DEV, _ = map(str, corpus_files("sample"))


def test_the_vocabulary_of_the_training_part_ends_with_unk():
    train, dev, n_known = read_corpus(Settings(corpus=SAMPLE_TRAIN, dev=SAMPLE_DEV))
    assert train.x_dict.names[n_known:] == ["<unk>"]
    assert any(n_known in sentence.x for sentence in dev)
    assert any(n_known in sentence.x for sentence in train)


def test_the_guides_vocabulary_holds_the_words_of_dev_too():
    train, dev, n_known = read_corpus(Settings(corpus=SAMPLE_TRAIN, dev=SAMPLE_DEV, vocabulary="guide"))
    assert max(max(sentence.x) for sentence in train) == n_known - 1
    assert max(max(sentence.x) for sentence in dev) == len(train.x_dict) - 1 >= n_known


def test_embeddings_of_a_file_become_the_first_parameter(tmp_path, capsys):
    file = tmp_path / "emb.txt"
    file.write_text("the 1 2 3\nman 4 5 6\n")  # both 'the' and 'The' are in the vocabulary
    tagger = prepare(Settings(corpus=SAMPLE_TRAIN, embeddings=str(file))).tagger
    assert tagger.model.sizes.n_emb == 3
    assert tagger.model.param[0][:, tagger.words.index("man")].tolist() == [4, 5, 6]
    assert tagger.model.param[0][:, tagger.words.index("the")].tolist() == [1, 2, 3]
    assert tagger.model.param[0][:, tagger.words.index("The")].tolist() == [1, 2, 3]
    assert "Getting embeddings for the vocabulary 3/570" in capsys.readouterr().out
    guide = prepare(Settings(corpus=SAMPLE_TRAIN, embeddings=str(file), vocabulary="guide")).tagger
    assert guide.model.param[0][:, guide.words.index("the")].tolist() != [1, 2, 3]  # by the guide's rule, only 'The'


@pytest.mark.parametrize("vocabulary", ["train", "guide"])
def test_a_training_may_do_without_dev(vocabulary):
    experiment = prepare(Settings(SAMPLE_TRAIN, max_nr_sent=30, min_count=3, vocabulary=vocabulary))
    words = [word for sentence in experiment.train for word in sentence.words]
    unknown = 1 if vocabulary == "train" else 0
    frequent = {word for word in words if vocabulary == "guide" or words.count(word) >= 3}
    assert experiment.dev is None
    assert len(experiment.train) == 30
    assert experiment.tagger.n_known_words == len(experiment.tagger.words) - unknown == len(frequent)
    assert set(experiment.tagger.words[: len(frequent)]) == frequent


def test_the_model_is_as_the_settings_say():
    assert Settings("sample").init == "glorot"
    chosen = {"n_emb": 7, "n_hidd": 6, "activation": "tanh", "dtype": "float32", "seed": 3, "init": "orthogonal"}
    tagger = prepare(Settings(SAMPLE_TRAIN, max_nr_sent=20, **chosen)).tagger
    model = tagger.model
    assert model.sizes == (len(tagger.words), 7, 6, len(tagger.tags))
    assert model.options == {"activation": "tanh", "dtype": "float32"}
    again = type(model)(*model.sizes, seed=3, init="orthogonal", **model.options)
    assert all((value == W).all() for W, value in zip(model.param, again.param, strict=True))


def test_the_settings_of_a_corpus_are_those_that_decide_what_is_read():
    corpus = {"dev": SAMPLE_DEV, "max_sent_len": 9, "max_nr_sent": 8, "vocabulary": "guide", "min_count": 3}
    one = Settings(SAMPLE_TRAIN, **corpus, n_hidd=5, seed=7)
    assert one.of_corpus == Settings(SAMPLE_TRAIN, **corpus)
    train, dev, _ = read_corpus(one)
    assert (len(train), len(dev)) == (8, 8)
    assert max(len(sentence) for sentence in [*train, *dev]) == 8


def test_settings_survive_json():
    settings = Settings(corpus=SAMPLE_TRAIN, model="LSTM", trainer=Trainer(epochs=3, patience=2))
    assert Settings.from_dict(settings.to_dict()) == settings


def test_a_corpus_by_name_is_kept_by_name_and_is_its_files():
    named = Settings("sample")
    assert named.to_dict()["corpus"] == "sample"
    assert named.files() == {"train": "sample/train.conll", "dev": "sample/dev.conll"}
    assert parts(named) == parts(Settings(SAMPLE_TRAIN, SAMPLE_DEV))
    assert read_corpus(named)[1] is not None
    assert Settings("sample", dev="own.conll").files()["dev"] == "own.conll"
    assert set(Settings("sample/train.conll").files()) == {"train"}  # a file brings no other
    assert set(parts(Settings("own.conll"))) == {"train"}
    assert [path.name for path in parts(named).values()] == ["train.conll", "dev.conll", "test.conll"]


def test_only_an_lstm_can_be_without_peepholes():
    settings = Settings(corpus=SAMPLE_TRAIN, max_nr_sent=20, model="NumpyLSTM", peepholes=False)
    assert settings.model_in_words == "NumpyLSTM without peepholes"
    assert list(prepare(settings).tagger.model.get_values()) == ["W_e", "W_x", "W_h", "W_y"]
    with pytest.raises(ValueError, match="only an LSTM can be without peepholes, got the model NumpyRNN"):
        Settings(corpus=SAMPLE_TRAIN, peepholes=False)


def test_a_setting_that_is_changed_is_the_trainers_too_and_a_seed_is_both():
    settings = Settings("sample").changed(n_hidd=9, rate=0.2, seed=5)
    assert settings == Settings("sample", n_hidd=9, seed=5, trainer=Trainer(rate=0.2, seed=5))
    assert replace(settings, trainer=Trainer(rate=0.2, seed=3)).changed(seed=5) == settings
    assert (settings.flat()["rate"], settings.flat()["n_hidd"]) == (0.2, 9)
    for invalid, message in (({"tags": "2"}, "tags must be"), ({"clip": 0}, "clip must be")):
        with pytest.raises(ValueError, match=message):
            settings.changed(**invalid)
    with pytest.raises(TypeError, match="speed"):
        settings.changed(speed=2)


def test_checksums_are_those_of_the_files(tmp_path):
    file = tmp_path / "large.txt"
    file.write_bytes(bytes(range(256)) * 10_000)
    settings = Settings(SAMPLE_TRAIN, embeddings=str(file))
    sums = {name: hashlib.sha256(Path(name).read_bytes()).hexdigest() for name in (SAMPLE_TRAIN, str(file))}
    assert find(settings).checksums == sums
    file.unlink()
    with pytest.raises(FileNotFoundError, match=f"embeddings must be a file, but there is none at {file}"):
        _ = find(settings).checksums


def test_the_files_of_a_training_are_found_once(tmp_path, monkeypatch):
    made, make = [], reach.make
    monkeypatch.setattr(reach, "make", lambda *where: made.append(where) or make(*where))
    assert list(Run.create("one", Settings("reach:2", max_nr_sent=9, trainer=Trainer(epochs=1)), tmp_path).fit())
    assert len(made) == 1


def epochs_of(settings):
    experiment = prepare(settings)
    events = settings.trainer.fit(experiment.tagger.model, experiment.train, experiment.dev)
    return [event for event in events if isinstance(event, EpochDone)]


@pytest.mark.parametrize(("model", "accuracy"), [("NumpyRNN", 0.94), ("NumpyLSTM", 0.95)])
@pytest.mark.daily("ten epochs on the whole sample, four seconds; test_training learns something smaller")
def test_the_sample_corpus_is_learnt(model, accuracy):
    events = epochs_of(Settings(corpus=SAMPLE_TRAIN, dev=SAMPLE_DEV, model=model, trainer=Trainer(epochs=10)))
    assert events[-1].cost < events[0].cost / 5
    assert events[-1].dev_accuracy > accuracy


@pytest.mark.nightly("the same as test_gradient_check and test_training, on a thousand sentences of EWT")
def test_the_guides_settings_on_ewt_give_the_same_costs_in_numpy_and_theano(ewt_dir):
    settings = {
        "corpus": str(ewt_dir / "en_ewt-ud-dev.conllu"),
        "dev": str(ewt_dir / "en_ewt-ud-test.conllu"),
        "max_sent_len": 15,
        "max_nr_sent": 1000,
        **GUIDE,
    }
    bare, scan = (epochs_of(Settings(**settings, model=model)) for model in ("NumpyRNN", "RNN"))
    assert len(bare) == 5
    assert [event.cost for event in scan] == pytest.approx([event.cost for event in bare], rel=1e-8)
    assert [event.dev_accuracy for event in scan] == [event.dev_accuracy for event in bare]
    # these figures are in docs/models.md
    assert [round(event.cost, 2) for event in bare] == [2121.52, 641.29, 287.90, 180.02, 124.58]


def test_settings_of_a_theano_model_do_not_import_theano():
    code = "import sys; from lxmls_rnn.experiment import Settings; Settings('x', model='RNN')"
    subprocess.run([sys.executable, "-c", f"{code}; assert 'theano' not in sys.modules"], check=True)


# The tags

UPOS = (
    "1\tO\t_\tDET\t_\n2\tgato\t_\tNOUN\t_\n3\tdorme\t_\tVERB\t_\n\n" * 3 + "1\tUm\t_\tDET\t_\n2\tpato\t_\tNOUN\t_\n\n"
)


@pytest.fixture
def portuguese(tmp_path):
    file = tmp_path / "pt.conllu"
    file.write_text(UPOS)
    return str(file)


def test_the_tags_of_the_corpus_are_in_the_settings_of_the_run_and_in_its_model(portuguese, tmp_path):
    run = Run.create("pt", Settings(portuguese, dev=portuguese, trainer=Trainer(epochs=1)), tmp_path)
    assert list(run.fit())
    assert (run.settings.tags, run.settings.tag_map) == ("upos", "none")
    assert Run.open("pt", tmp_path).settings == run.settings
    tagger, _ = run.load()
    assert sorted(tagger.tags) == ["det", "noun", "verb"]
    assert tagger.tag_source == ("upos", "none")
    both = tmp_path / "both.conllu"
    both.write_text(UPOS.replace("NOUN\t_", "NOUN\tNN").replace("VERB\t_", "VERB\tVB").replace("DET\t_", "DET\tRB"))
    assert tagger.evaluate(both).accuracy == tagger.evaluate(portuguese).accuracy
    with pytest.raises(ValueError, match=r"tags that the model does not know: adv \(4 words\)"):
        tagger.evaluate(both, tags="xpos", tag_map="ptb")


def test_a_rare_tag_that_only_the_test_part_has_counts_as_an_error(portuguese, tmp_path):
    tagger = prepare(Settings(portuguese)).tagger
    rare = tmp_path / "rare.conllu"
    rare.write_text(UPOS * 10 + UPOS[:44].replace("DET", "INTJ"))
    with pytest.warns(UserWarning, match=r"does not know: intj \(1 word\); they count as errors"):
        result = tagger.evaluate(rare)
    assert result.tags == [*tagger.tags, "intj"]
    assert result.confusion.sum() == result.sentences * 3 - 10
    assert result.confusion[:, -1].sum() == 0 < result.confusion[-1].sum() == 1
    assert tagger.tags == ["noun", "det", "verb"]


def test_a_model_may_leave_the_choice_of_its_tags_to_the_file(portuguese, tmp_path):
    tagger = prepare(Settings(portuguese)).tagger
    tagger.tag_source = None
    tagger.save(tmp_path / "model.npz")
    assert Tagger.load(tmp_path).tag_source is None


def test_a_corpus_with_one_tag_is_refused(tmp_path):
    file = tmp_path / "same.conll"
    file.write_text("1 a _ _ NN\n2 b _ _ NNS\n\n" * 3 + "1 c _ _ NN\n2 b _ _ NN\n\n")
    with pytest.raises(
        ValueError, match=r"every word of .*same\.conll has the tag 'noun', so there is nothing to learn"
    ):
        Run.create("same", Settings(str(file)), tmp_path)
    assert not (tmp_path / "same").exists()


def test_a_map_of_ones_own_is_a_file_of_the_run(portuguese, tmp_path):
    own = tmp_path / "own.map"
    own.write_text("DET\tfunction\nNOUN\tcontent\nVERB\tcontent\n")
    settings = Settings(portuguese, tags="upos", tag_map=str(own), trainer=Trainer(epochs=1))
    run = Run.create("own", settings, tmp_path)
    assert list(run.fit())
    assert run.load()[0].evaluate(portuguese).tags == ["noun", "function", "content"]
    own.write_text("DET\tdet\nNOUN\tcontent\nVERB\tcontent\n")
    with pytest.raises(ValueError, match=r"own\.map has changed since the run own began"):
        list(run.fit(2))
    with pytest.raises(
        FileNotFoundError, match="tag_map must be one of auto, none, ptb, universal or a file, but there"
    ):
        Run.create("typo", Settings(portuguese, tag_map="upos"), tmp_path)


def test_a_file_in_latin_1_is_trained_and_measured_with_its_encoding(tmp_path):
    file = tmp_path / "latin.conll"
    file.write_bytes(("1 Não _ _ RB\n2 é _ _ VBZ\n\n" * 3 + "1 Já _ _ RB\n2 é _ _ VBZ\n\n").encode("latin-1"))
    experiment = prepare(Settings(str(file), encoding="latin-1"))
    assert experiment.tagger.words == ["Não", "é", "<unk>"]
    assert experiment.tagger.evaluate(file, **Settings(str(file), encoding="latin-1").reading).sentences == 4
