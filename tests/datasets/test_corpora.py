"""The corpora by name: their files, and what to do where one is missing."""

import shutil
from types import SimpleNamespace

import pytest

from lxmls_rnn import paths
from lxmls_rnn.datasets import corpora, reach
from lxmls_rnn.datasets.corpora import corpus_files, corpus_name, own_licence
from lxmls_rnn.experiment import Settings, prepare


def test_an_unknown_corpus_is_refused():
    with pytest.raises(ValueError, match=r"corpus must be one of sample, sample-pt, sample-both, ewt, .* got 'wsj'"):
        corpus_files("wsj")


def test_a_corpus_has_the_name_of_its_training_file(tmp_path):
    assert [corpus_name(str(corpus_files("sample")[n])) for n in (0, 1)] == ["sample", "dev.conll"]
    assert corpus_name("sample/train.conll") == "sample"
    assert corpus_name("somewhere/own.conll") == "own.conll"
    assert corpus_name("/another/data/sample/train.conll") == "sample"  # of a run of another machine
    copy = tmp_path / "sample/train.conll"
    copy.parent.mkdir()
    shutil.copy(corpus_files("sample")[0], copy)
    assert corpus_name(str(copy)) == "sample"
    copy.write_text("another\n")
    assert corpus_name(str(copy)) == "train.conll"
    for distance in (1, reach.MAX_DISTANCE):
        assert corpus_name(reach.files_of_distance(distance)[0]) == f"reach:{distance}"


def test_only_what_can_be_fetched_is_advised_to_be(tmp_path, monkeypatch):
    monkeypatch.setenv("LXMLS_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="get it with `lxmls-rnn fetch ewt`, or set LXMLS_DATA"):
        corpus_files("ewt")
    with pytest.raises(FileNotFoundError, match="set LXMLS_DATA to the folder data of this project"):
        corpus_files("sample")


def test_an_installed_library_has_the_sample_itself_but_a_data_folder_goes_before_it(monkeypatch, tmp_path):
    shutil.copytree(paths.data() / "sample", tmp_path / "package" / "sample")
    monkeypatch.setattr(paths, "PACKAGED", tmp_path / "package")
    monkeypatch.setenv("LXMLS_DATA", str(tmp_path / "data"))
    assert corpus_files("sample")[0] == tmp_path / "package" / "sample" / "train.conll"
    assert corpus_name("sample/pt/train.conllu") == "sample-pt"
    assert prepare(Settings("sample", max_nr_sent=5)).dev is not None
    shutil.copytree(tmp_path / "package" / "sample", tmp_path / "data" / "sample")
    assert corpus_files("sample")[0] == tmp_path / "data" / "sample" / "train.conll"


def test_a_corpus_lacks_no_part(monkeypatch, tmp_path):
    shutil.copytree(paths.data() / "sample", tmp_path / "sample")
    monkeypatch.setenv("LXMLS_DATA", str(tmp_path))
    (tmp_path / "sample" / "test.conll").unlink()
    with pytest.raises(FileNotFoundError, match=r"no file .*sample/test\.conll: set LXMLS_DATA"):
        corpus_files("sample")


def test_the_labs_licence_is_the_packages_or_the_checkouts(monkeypatch, tmp_path):
    package = SimpleNamespace(read_text=lambda name: "the package's")
    monkeypatch.setattr(corpora, "distribution", lambda name: package)
    monkeypatch.setattr(corpora, "__file__", str(tmp_path / "lxmls_rnn" / "datasets" / "corpora.py"))
    (tmp_path / "LICENSE").write_text("the checkout's")
    assert own_licence().endswith("\n\nthe package's")
    package.read_text = lambda name: None
    assert own_licence().endswith("\n\nthe checkout's")
    (tmp_path / "LICENSE").unlink()
    assert own_licence().endswith("\n\nMIT License")


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A corpus of one's own in the folder `mine` of the data folder, which LXMLS_CORPUS names."""
    for part, file in zip(("train", "dev", "test"), corpus_files("sample-pt"), strict=True):
        (tmp_path / "mine").mkdir(exist_ok=True)
        shutil.copy(file, tmp_path / "mine" / f"{part}.conllu")
    monkeypatch.setenv("LXMLS_DATA", str(tmp_path))
    monkeypatch.setenv("LXMLS_CORPUS", "mine")
    return tmp_path / "mine"


def test_a_folder_of_the_data_folder_is_a_corpus_and_can_be_the_default(mine):
    assert corpora.own() == ["mine"]
    assert corpora.default() == "mine"
    assert corpus_files() == tuple(mine / f"{part}.conllu" for part in ("train", "dev", "test"))
    assert corpus_name(str(mine / "train.conllu")) == "mine"
    assert prepare(Settings("mine", max_nr_sent=5)).dev is not None
    (mine / "test.conllu").unlink()
    with pytest.raises(FileNotFoundError, match=r"no file .*mine/test\.conllu: a corpus of your own has train\.conllu"):
        corpus_files("mine")


def test_a_corpus_is_made_beside_the_runs_where_the_data_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "reach").touch()  # no folder: nobody can write there, not even root
    monkeypatch.setenv("LXMLS_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("LXMLS_RUNS", str(tmp_path))
    train, _, _ = corpus_files("reach:3")
    assert train.is_relative_to(tmp_path / ".corpora")
    assert prepare(Settings("reach:3", max_nr_sent=5)).dev is not None


def test_the_default_is_the_sample_and_a_bad_one_is_named(mine, monkeypatch):
    for unset in ("", None):
        monkeypatch.setenv("LXMLS_CORPUS", unset) if unset is not None else monkeypatch.delenv("LXMLS_CORPUS")
        assert corpora.default() == "sample"
    for wrong in ("yours", "mine/train.conllu", "..", ".mine"):
        monkeypatch.setenv("LXMLS_CORPUS", wrong)
        with pytest.raises(ValueError, match=f"LXMLS_CORPUS={wrong}: there is no such corpus, expected one of sample,"):
            corpus_files()
