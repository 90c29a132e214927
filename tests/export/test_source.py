"""Source, licence and an example of what a model was trained on."""

from types import SimpleNamespace

import pytest

from lxmls_rnn.datasets import corpora
from lxmls_rnn.datasets.corpora import CORPORA, corpus_files
from lxmls_rnn.deep_learning.rnn import NumpyRNN
from lxmls_rnn.experiment import Settings, prepare
from lxmls_rnn.export import source
from lxmls_rnn.runs import Run
from lxmls_rnn.tagger import Tagger


@pytest.fixture
def data(tmp_path, monkeypatch):
    folder = tmp_path / "data"
    (folder / "ud/pt_bosque").mkdir(parents=True)
    (folder / "ud/pt_bosque/pt_bosque-ud-train.conllu").touch()
    monkeypatch.setenv("LXMLS_DATA", str(folder))
    return folder


@pytest.mark.parametrize("corpus", ["sample", "sample-pt", "sample-both", "reach:3"])
def test_corpora_of_the_lab_have_its_licence(corpus):
    text = source.describe(Settings(corpus))
    assert text.startswith(f"Corpus: {corpus}, made for the LxMLS RNN lab. Licence: MIT")
    assert "Permission is hereby granted, free of charge" in text


@pytest.mark.parametrize("stored", ["", None])  # the image installs the package before it has the file
def test_the_licence_is_found_in_a_checkout_too(monkeypatch, stored):
    whole = source.describe(Settings("sample"))
    monkeypatch.setattr(corpora, "distribution", lambda name: SimpleNamespace(read_text=lambda file: stored))
    assert source.describe(Settings("sample")) == whole


def test_a_corpus_given_by_its_file_is_that_corpus():
    assert "Corpus: sample, made" in source.describe(Settings(str(corpus_files("sample")[0])))
    assert "Corpus: sample, made" in source.describe(Settings(CORPORA["sample"].files[0]))


def test_the_web_treebank_and_embeddings_have_those_of_their_authors(data):
    (data / "sample").mkdir()
    for vectors in ("glove_50", "sample/ppmi_30"):
        (data / vectors).touch()
    text = source.describe(Settings("ewt", embeddings="glove_50"))
    assert "ewt. Universal Dependencies English Web Treebank" in text
    assert (
        "Licence: CC BY-SA 4.0, https://creativecommons.org/licenses/by-sa/4.0/. Source: https://github.com/Univ"
        in text
    )
    assert "\n\nEmbeddings: glove_50. GloVe's embeddings" in text
    assert "Embeddings: ppmi_30, made for the LxMLS RNN lab" in source.describe(
        Settings("ewt", embeddings="sample/ppmi_30")
    )


def test_a_treebank_has_the_text_beside_it_or_an_unknown_licence(data):
    text = source.describe(Settings("ud:pt_bosque"))
    assert "UniversalDependencies/UD_Portuguese-Bosque" in text
    assert "Its licence is unknown: there is no LICENSE.txt beside the corpus." in text
    (data / "ud/pt_bosque/LICENSE.txt").write_text("Creative Commons, BY-SA\n")
    text = source.describe(Settings("ud:pt_bosque"))
    assert text.endswith(", with its licence:\n\nCreative Commons, BY-SA")
    assert "unknown" not in text


@pytest.mark.parametrize("name", ["sample", "train.conll", "ewt", "ud:pt_bosque", "ppmi_30", "glove_50"])
def test_a_file_of_one_s_own_is_said_to_be_unknown_whatever_its_name(tmp_path, monkeypatch, name):
    (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    own = f"{name}, a file of one's own: its licence is unknown."
    texts = [source.describe(Settings(str(tmp_path / name), embeddings=str(tmp_path / name), dev=str(tmp_path / name)))]
    texts += [source.describe(Settings(name))] * (name == "train.conll")
    for text in texts:
        assert f"Corpus: {own}" in text
        assert "MIT" not in text
    assert all(f"{part}: {own}" in texts[0] for part in ("Dev", "Embeddings"))


def test_a_model_of_no_run_has_an_unknown_source(tmp_path):
    Run.create("mine", Settings("sample", max_nr_sent=20), tmp_path)
    Tagger(NumpyRNN(2, 3, 4, 2), ["a", "b"], ["c", "d"], 2).save(tmp_path / "other.npz")
    assert source.find_settings(tmp_path / "mine" / "model.npz").max_nr_sent == 20
    for file in (tmp_path / "other.npz", tmp_path / "mine" / "other.npz"):
        assert source.find_settings(file) is None
    assert source.describe(None) == source.NO_RUN


def write(file, *sentences):
    rows = [[f"{n}\t{word}\t_\tNOUN\n" for n, word in enumerate(words.split("|"), 1)] for words in sentences]
    file.write_text("\n".join("".join(lines) for lines in [*rows, ["1\truns\t_\tVERB\n"]]))
    return str(file)


SHORT, FIT, OTHER, LONG = "Hi|!", "O|cão|dorme|.", "a|b|c|d|e", "|".join("abcdefghijklm")


@pytest.mark.parametrize(
    ("train", "dev", "expected"),
    [
        ([OTHER], [SHORT, LONG, FIT, OTHER], "O cão dorme ."),
        ([SHORT, FIT], None, "O cão dorme ."),
        ([OTHER], ["in 1|o|mar|é|a.b.", FIT], "O cão dorme ."),  # the page would split it into other words
        ([OTHER], [SHORT, LONG], "Hi !"),
        ([OTHER], [SHORT.replace("!", "!?")] * 2, "runs"),
    ],
)
def test_the_example_is_the_first_short_sentence_of_dev_or_else_of_the_training(tmp_path, train, dev, expected):
    train, dev = write(tmp_path / "train", *train), dev and write(tmp_path / "dev", *dev)
    settings = Settings(train, dev=dev, tags="4", tag_map="none", vocabulary="guide")
    assert source.example(prepare(settings).tagger, settings) == expected


def test_a_corpus_that_is_gone_gives_no_example_and_a_warning(tmp_path):
    settings = Settings(write(tmp_path / "train", FIT), tags="4", tag_map="none", vocabulary="guide")
    tagger = prepare(settings).tagger
    (tmp_path / "train").unlink()
    with pytest.warns(UserWarning, match="opens without an example sentence: the train part of this run is the file"):
        assert source.example(tagger, settings) == ""
    assert source.example(tagger, None) == ""
