import re

import numpy as np
import pytest
from readers.small import DOGS_RUN, HE_SLEEPS, printed

from lxmls_rnn import paths
from lxmls_rnn.readers.pos_corpus import PostagCorpus, PostagCorpusData
from lxmls_rnn.readers.tags import read_tag_map

UNIVERSAL_TAGS = {"noun", "verb", "pron", "adj", "adv", "adp", "conj", "det", "num", "prt", "x", "."}


# Formats


def test_mapping_file_none_keeps_the_tags_in_lower_case(read):
    assert printed(read(DOGS_RUN, mapping_file=None)) == ["Dogs/nns run/vbp ./."]


def test_a_mapping_of_ones_own(read, tmp_path):
    mapping = tmp_path / "coarse.map"
    mapping.write_text("nns\t.\n\nvbp\tdeed\n \n.\tstop\n")  # the new tag . has a line of its own
    assert printed(read(DOGS_RUN, mapping_file=mapping)) == ["Dogs/. run/deed ./stop"]


# Limits


def test_max_sent_len_is_exclusive(read):
    assert printed(read(DOGS_RUN + HE_SLEEPS, max_sent_len=3)) == ["He/pron sleeps/verb"]


def test_a_sentence_of_one_word_counts_unless_the_length_is_limited(read):
    assert printed(read("1 Run _ VB VB\n\n" + HE_SLEEPS)) == ["Run/verb", "He/pron sleeps/verb"]
    assert printed(read("1 Run _ VB VB\n\n" + HE_SLEEPS, max_sent_len=15)) == ["He/pron sleeps/verb"]


def test_max_nr_sent_counts_kept_sentences(read):
    sequences = read(DOGS_RUN + HE_SLEEPS + HE_SLEEPS, max_sent_len=3, max_nr_sent=1)
    assert printed(sequences) == ["He/pron sleeps/verb"]


@pytest.mark.parametrize("name", ["max_sent_len", "max_nr_sent"])
@pytest.mark.parametrize("value", [0, -1, 1.5, "10", [], True])
def test_a_limit_that_is_no_positive_integer_is_refused(read, name, value):
    with pytest.raises(ValueError, match=re.escape(f"{name} must be an integer of at least 1, got {value!r}")):
        read(DOGS_RUN, **{name: value})


def test_a_limit_may_be_a_numpy_integer(read):
    assert len(read(DOGS_RUN, max_nr_sent=np.int64(1))) == 1


# Bad input


@pytest.mark.parametrize("content", ["", "\n\n", "# only a comment\n"])
def test_a_file_without_sentences_is_refused(read, content):
    with pytest.raises(ValueError, match=r"corpus\.conll: the file has no sentences"):
        read(content)


def test_a_file_of_which_the_limits_leave_nothing_is_refused(read):
    with pytest.raises(ValueError, match="none of its 2 sentences has more than 1 and fewer than 2 words"):
        read(DOGS_RUN + HE_SLEEPS, max_sent_len=2)


def test_a_file_that_fails_leaves_the_dictionaries_as_they_were(tmp_path):
    file = tmp_path / "bad.conll"
    file.write_text(DOGS_RUN + "1\tbad line\n")
    corpus = PostagCorpus()
    with pytest.raises(ValueError, match="line 5"):
        corpus.read_sequence_list_conll(file)
    assert (corpus.word_dict, corpus.tag_dict) == ({}, {"noun": 0})


def test_a_warning_points_at_the_line_that_reads(tmp_path):
    file = tmp_path / "corpus.conll"
    file.write_text("1 a _ _ WEIRD\n2 b _ _ NN\n")
    with pytest.warns(UserWarning, match="WEIRD") as caught:
        PostagCorpus().read_sequence_list_conll(file)
    assert [warning.filename for warning in caught] == [__file__]


# The tag map


@pytest.mark.parametrize(
    ("line", "reason"),
    [("NN noun", "expected 'tag TAB new tag'"), ("nn\tverb", "this tag already has a line")],
)
def test_a_bad_line_of_a_map_is_reported(tmp_path, line, reason):
    mapping = tmp_path / "bad.map"
    mapping.write_text(f"NN\tnoun\n{line}\n")
    with pytest.raises(ValueError, match=f"bad.map, line 2: {reason}") as error:
        read_tag_map(mapping)
    assert repr(line) in str(error.value)


# The English Web Treebank


def test_no_tag_of_the_english_web_treebank_is_unknown(ewt_dir):
    file = ewt_dir / "en_ewt-ud-dev.conllu"
    text = file.read_text(encoding="utf-8")
    ids = [line.split("\t")[0] for line in text.splitlines() if line and not line.startswith("#")]
    read = PostagCorpus().read_sequence_list_conll(file)
    assert len(read) == 2001
    assert read.get_num_tokens() == sum(i.isdecimal() for i in ids) == 25147
    assert set(read.y_dict) == UNIVERSAL_TAGS


def test_unknown_tags_are_one_warning_with_their_number_and_the_first_few(read):
    lines = "".join(f"{n} a _ _ T{n}\n" for n in range(1, 51)) + "51 a _ _ T1\n"
    with pytest.warns(UserWarning, match="50 tags not in") as caught:
        read(lines, mapping_file="ptb")
    (warning,) = caught
    assert str(warning.message).endswith(", mapped to 'x': 'T1' (line 1), 'T2' (line 2), 'T3' (line 3) and 47 more")
    with pytest.warns(UserWarning, match=r"3 tags not in .*'T3' \(line 3\)$"):
        read("".join(f"{n} a _ _ T{n}\n" for n in range(1, 4)), mapping_file="ptb")


def test_an_empty_map_is_an_error(tmp_path):
    (tmp_path / "map").write_text("\n\n")
    with pytest.raises(ValueError, match="map: this map of tags is empty"):
        read_tag_map(tmp_path / "map")


@pytest.mark.daily("reads a hundred thousand sentences, two seconds")
def test_nothing_is_cut_where_no_limit_is_given(read):
    assert len(read(HE_SLEEPS * 100_500)) == 100_500


def test_universal_tags_stay_as_they_are(read, recwarn):
    sequences = read("1\tdogs\t_\t_\tNOUN\n2\trun\t_\t_\tverb\n3\t.\t_\t_\t.\n\n")
    assert [sentence.tags for sentence in sequences] == [["noun", "verb", "."]]
    assert not recwarn.list


# The interface of the current guide


def test_the_guides_data_are_the_sample_where_the_toolkits_files_are_missing(monkeypatch, tmp_path):
    (tmp_path / "sample").symlink_to(paths.data().resolve() / "sample")
    monkeypatch.setenv("LXMLS_DATA", str(tmp_path))
    data = PostagCorpusData()
    assert [file.parent.name for file in data.files.values()] == ["sample"] * 3
    assert (data.input_size, data.output_size) == (848, 12)
    assert [data.size(part) for part in ("train", "dev", "test")] == [1000, 200, 200]


def test_the_guides_data_are_the_toolkits_files_where_they_exist(monkeypatch, tmp_path):
    monkeypatch.setenv("LXMLS_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"sample/train\.conll: set LXMLS_DATA to the folder data"):
        PostagCorpusData()
    (tmp_path / "train-02-21.conll").write_text(DOGS_RUN)
    with pytest.raises(FileNotFoundError, match=r"test-23\.conll"):  # not the sample without a word
        PostagCorpusData()
    (tmp_path / "dev-22.conll").write_text(HE_SLEEPS)
    (tmp_path / "test-23.conll").write_text(HE_SLEEPS + DOGS_RUN)
    data = PostagCorpusData()
    assert data.input_size == 5
    assert [data.size(part) for part in ("train", "dev", "test")] == [1, 1, 2]


def test_a_batch_of_the_guide_is_one_sentence_with_ids_in_the_order_train_test_dev(tmp_path):
    files = {part: tmp_path / f"{part}.conll" for part in ("train", "dev", "test")}
    files["train"].write_text(DOGS_RUN)
    files["dev"].write_text("1\tA\t_\tDT\tDT\n2\tdog\t_\tNN\tNN\n\n")
    fifteen_words = "".join(f"{n}\tvery\t_\tRB\tRB\n" for n in range(1, 16))
    files["test"].write_text(HE_SLEEPS + "1\tRun\t_\tVB\tVB\n\n" + fifteen_words)
    data = PostagCorpusData(**files)
    batches = {part: data.batches(part, batch_size=1) for part in files}
    assert {part: [(b["input"].tolist(), b["output"].tolist()) for b in batches[part]] for part in files} == {
        "train": [([0, 1, 2], [0, 1, 2])],
        "test": [([3, 4], [3, 1])],
        "dev": [([5, 6], [4, 0])],
    }
    assert batches["train"][0]["input"].dtype == batches["train"][0]["output"].dtype == np.int32
    assert (data.input_size, data.output_size) == (7, 5)
    assert data.files == files


def test_bad_arguments_of_the_guides_data_are_refused(tmp_path):
    with pytest.raises(ValueError, match="expected the files train, dev and test, or none of them; got train, valid"):
        PostagCorpusData(train="a", valid="b")
    file = tmp_path / "corpus.conll"
    file.write_text(DOGS_RUN)
    with pytest.raises(ValueError, match="a batch is one sentence, got 32"):
        PostagCorpusData(**dict.fromkeys(["train", "dev", "test"], file)).batches("train", batch_size=32)
