import threading

import pytest

from lxmls_rnn import paths
from lxmls_rnn.datasets import reach
from lxmls_rnn.datasets.corpora import corpus_files, corpus_name
from lxmls_rnn.experiment import Settings, parts, read_corpus
from lxmls_rnn.runs import find_runs


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setenv("LXMLS_DATA", str(tmp_path))
    return tmp_path


def sentences(file):
    return [[line.split("\t")[1:5:3] for line in text.splitlines()] for text in file.read_text().strip().split("\n\n")]


@pytest.mark.parametrize("distance", [1, 7])
def test_the_first_word_alone_decides_the_tag_so_many_words_on(data, distance):
    train, dev, test = map(sentences, corpus_files(f"reach:{distance}"))
    assert (len(train), len(dev), len(test)) == (1000, 200, 200)
    tags = {"She": "VBZ", "Her": "NNS"}
    for sentence in train + dev + test:
        assert len(sentence) == distance + 2
        assert sentence[distance][1] == tags[sentence[0][0]]
    first = [sentence[0][0] for sentence in dev]
    assert 0.35 < first.count("She") / len(first) < 0.65
    assert {sentence[distance][0] for sentence in dev} == {"watches"}
    if distance > 1:
        assert dev != test
        assert dev != train[:200]


def test_an_unknown_word_is_trained_too(data, recwarn):
    train, dev, _ = corpus_files("reach:2")
    read, _, n_known = read_corpus(Settings(str(train), str(dev)))
    assert sum(int((sentence.x == n_known).sum()) for sentence in read) == 1
    assert not recwarn.list


def test_it_is_made_once_and_the_same_everywhere(data, tmp_path, monkeypatch):
    (train, _, _) = corpus_files("reach:4")
    before = train.read_bytes(), train.stat().st_mtime_ns
    assert corpus_files("reach:4")[0].stat().st_mtime_ns == before[1]
    monkeypatch.setenv("LXMLS_DATA", str(tmp_path / "elsewhere"))
    assert corpus_files("reach:4")[0].read_bytes() == before[0]


def test_several_may_make_it_at_once(data):
    threads = [threading.Thread(target=reach.make, args=(9, data)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(path.name for path in (data / "reach").iterdir()) == ["9"]
    assert len(list((data / "reach" / "9").iterdir())) == 3


@pytest.mark.parametrize("name", ["reach:0", "reach:201", "reach:99999999999"])
def test_a_distance_that_is_none_is_refused(data, name):
    with pytest.raises(ValueError, match=f"must be from 1 to 200, got '{name}'"):
        corpus_files(name)


@pytest.mark.parametrize("name", ["reach", "reach:", "reach:x", "reach:-1"])
def test_another_name_is_no_corpus(data, name):
    with pytest.raises(
        ValueError, match="must be one of sample, sample-pt, sample-both, ewt, reach:K, ud:CODE or a file"
    ):
        corpus_files(name)


def test_where_data_cannot_be_written_it_is_made_beside_the_runs(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LXMLS_DATA", str(tmp_path / "file"))
    monkeypatch.setenv("LXMLS_RUNS", str(tmp_path / "runs"))
    train, dev, test = corpus_files("reach:3")
    assert train == tmp_path / "runs/.corpora/reach/3/train.conll"
    assert corpus_name(str(train)) == "reach:3"
    assert parts(Settings(str(train), str(dev)))["test"] == test
    assert parts(Settings("reach:3")) == {"train": train, "dev": dev, "test": test}
    assert find_runs() == ([], [])
    monkeypatch.setenv("LXMLS_RUNS", str(tmp_path / "file" / "runs"))
    with pytest.raises(OSError, match=str(paths.runs())):
        corpus_files("reach:3")


def test_a_folder_that_lacks_files_is_told_to_be_deleted_and_an_empty_one_is_filled(tmp_path, monkeypatch):
    monkeypatch.setenv("LXMLS_DATA", str(tmp_path))
    folder = tmp_path / "reach" / "5"
    folder.mkdir(parents=True)
    train, *_ = corpus_files("reach:5")
    train.unlink()
    with pytest.raises(
        FileNotFoundError, match=f"no file {train}: delete the folder {folder}, and it is generated again"
    ):
        corpus_files("reach:5")
