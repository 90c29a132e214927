import warnings

import numpy as np
import pytest
from readers.small import DOGS_RUN, HE_SLEEPS

from lxmls_rnn.readers.pos_corpus import UNKNOWN_WORD, PostagCorpus, compacify, train_vocabulary
from lxmls_rnn.sequences import LabelDictionary, SequenceList


def make_list(*sentences):
    sequences = SequenceList(LabelDictionary(), LabelDictionary())
    for sentence in sentences:
        words, tags = zip(*(token.split("/") for token in sentence.split()), strict=True)
        sequences.add_sequence(words, tags)
    return sequences


# compacify


def test_compacify_numbers_in_the_order_train_test_dev():
    parts = make_list("b/verb a/noun"), make_list("c/det a/noun"), make_list("d/adj b/verb")
    train, test, dev = compacify(*parts)
    assert train.x_dict.names == ["b", "a", "c", "d"]
    assert train.y_dict.names == ["noun", "verb", "det", "adj"]
    assert [train[0].x, test[0].x, dev[0].x] == [[0, 1], [2, 1], [3, 0]]
    assert train.x_dict is test.x_dict is dev.x_dict
    assert train.y_dict is test.y_dict is dev.y_dict


def test_compacify_drops_words_that_no_list_uses(tmp_path):
    file = tmp_path / "corpus.conll"
    file.write_text(DOGS_RUN + HE_SLEEPS)
    corpus = PostagCorpus()
    corpus.read_sequence_list_conll(file)
    short = corpus.read_sequence_list_conll(file, max_sent_len=3)
    assert compacify(short, short, short)[0].x_dict.names == ["He", "sleeps"]


def test_compacify_leaves_its_arguments_alone():
    train, test = make_list("b/verb a/noun"), make_list("c/det a/noun")
    compacify(test, train, train, theano=True)
    assert (train[0].x, train[0].y, train.x_dict.names, train.y_dict.names) == (
        [0, 1],
        [0, 1],
        ["b", "a"],
        ["verb", "noun"],
    )


def test_compacify_gives_int32_arrays_for_theano():
    train, _, dev = compacify(make_list("a/verb b/noun"), make_list("a/x"), make_list("b/noun"), theano=True)
    assert train[0].x.dtype == train[0].y.dtype == dev[0].x.dtype == np.int32
    assert train[0].x.tolist() == [0, 1]
    assert str(train[0]) == "a/verb b/noun"


# train_vocabulary


def test_rare_and_unseen_words_are_the_unknown_word_which_comes_last_and_stay_as_written():
    train, dev = train_vocabulary(make_list("a/det b/noun a/det c/noun c/noun"), make_list("c/noun d/noun"))
    assert train.x_dict.names == ["a", "c", UNKNOWN_WORD]
    assert [train[0].x.tolist(), dev[0].x.tolist()] == [[0, 2, 0, 1, 1], [1, 2]]
    assert dev[0].words == ["c", "d"]
    assert train[0].x.dtype == train[0].y.dtype == np.int32


def test_compacify_keeps_the_unknown_word_and_the_written_one():
    parts = train_vocabulary(make_list("a/det b/noun a/det"), make_list("d/noun"), make_list("e/noun"))
    train, test, _ = compacify(*parts)
    assert train.x_dict.names == ["a", UNKNOWN_WORD]
    assert test[0].words == ["d"]


def test_min_count_1_keeps_every_training_word_and_warns():
    with pytest.warns(UserWarning, match="the embedding of '<unk>' is never trained") as caught:
        train, _ = train_vocabulary(make_list("a/det b/noun"), make_list("c/noun"), min_count=1)
    assert [warning.filename for warning in caught] == [__file__]
    assert train.x_dict.names == ["a", "b", UNKNOWN_WORD]


def test_a_min_count_that_no_word_reaches_warns():
    with pytest.warns(UserWarning, match="fewer than min_count=3 times, so each becomes '<unk>'") as caught:
        train, _ = train_vocabulary(make_list("a/det a/noun"), make_list("c/noun"), min_count=3)
    assert [warning.filename for warning in caught] == [__file__]
    assert train.x_dict.names == [UNKNOWN_WORD]


def test_a_training_text_that_has_the_unknown_word_already_trains_it():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (train,) = train_vocabulary(make_list(f"{UNKNOWN_WORD}/noun a/det"), min_count=1)
    assert train.x_dict.names == ["a", UNKNOWN_WORD]


def test_tags_come_from_all_parts_with_noun_first():
    train, _ = train_vocabulary(make_list("a/det b/verb"), make_list("c/adj"))
    assert train.y_dict.names == ["noun", "det", "verb", "adj"]


@pytest.mark.parametrize("min_count", [0, 2.0])
def test_a_bad_min_count_is_refused(min_count):
    with pytest.raises(ValueError, match="min_count must be an integer of at least 1"):
        train_vocabulary(make_list("a/det"), min_count=min_count)


def test_an_empty_training_part_is_refused():
    with pytest.raises(ValueError, match="the training part has no sentences"):
        train_vocabulary(make_list())
