from types import SimpleNamespace

import pytest

from lxmls_rnn.sequences import LabelDictionary, SequenceList
from lxmls_rnn.sequences.sequence_list import tag_counts


@pytest.fixture
def sentences():
    sentences = SequenceList(LabelDictionary(), LabelDictionary(["noun"]))
    sentences.add_sequence(["dogs", "run"], ["noun", "verb"])
    sentences.add_sequence(["run", ",", "dogs"], ["verb", ".", "noun"])
    return sentences


def test_known_labels_keep_their_ids_and_new_ones_get_the_next(sentences):
    assert [(s.x, s.y) for s in sentences] == [([0, 1], [0, 1]), ([1, 2, 0], [1, 2, 0])]
    assert sentences.word_dict == {0: "dogs", 1: "run", 2: ","}
    assert sentences.tag_dict[0] == "noun"
    sentences[0].y[1] = 0
    assert sentences[0].tags == ["noun", "noun"]


def test_a_list_has_sizes_and_sequences_that_know_their_place(sentences):
    assert sentences.size() == len(sentences) == 2
    assert sentences.get_num_tokens() == 5
    assert sentences[1].size() == len(sentences[1]) == 3
    assert (sentences[1].nr, sentences[1].sequence_list) == (1, sentences)
    assert sentences[1:] == [sentences[1]]
    with pytest.raises(IndexError):
        sentences[2]


def test_a_sequence_prints_as_words_with_tags_and_a_list_as_its_numbers(sentences):
    assert str(sentences[1]) == repr(sentences[1]) == "run/verb ,/. dogs/noun"
    sentences.x_dict.add("cats")
    expected = "<SequenceList: 2 sentences, 5 tokens; 4 words and 3 tags in its dictionaries>"
    assert repr(sentences) == expected


def test_surface_words_are_shown_instead_of_the_words_of_the_ids(sentences):
    added = sentences.add_sequence(["<unk>", "run"], ["noun", "verb"], surface=["otters", "run"])
    assert added.words == ["otters", "run"]
    assert sentences.word_dict[added.x[0]] == "<unk>"


@pytest.mark.parametrize(
    ("words", "tags", "surface", "message"),
    [
        ([], [], None, "empty sequence"),
        (["new", "words"], ["adj"], None, "got 2 words and 1 tags"),
        (["new"], ["adj"], ["a", "b"], "got 1 words, but 2 surface words"),
    ],
)
def test_a_bad_sentence_is_refused_and_leaves_no_trace(sentences, words, tags, surface, message):
    with pytest.raises(ValueError, match=message):
        sentences.add_sequence(words, tags, surface)
    assert (len(sentences), len(sentences.x_dict), len(sentences.y_dict)) == (2, 3, 3)


def test_tags_of_words_are_counted():
    sentences = [SimpleNamespace(x=[0, 1, 0], y=[1, 0, 1]), SimpleNamespace(x=[0], y=[0])]
    assert tag_counts(sentences, 2, 2).tolist() == [[1, 2], [1, 0]]
