"""The sentence to look at: typed or of the sample corpus, with tags that it has there."""

import pytest

from lab.widgets.sentence_choice import SentenceChoice, encode, likely_tags, sample


def written(*sentence):
    lines = (f"{n}\t{word}\t_\t{tag}\t{tag}\t_\t0\troot\t_\t_" for n, (word, tag) in enumerate(sentence, 1))
    return "\n".join(lines) + "\n\n"


@pytest.fixture
def corpus(data):
    """A sample corpus of two sentences, in which a word has two tags."""
    (data / "sample").unlink()
    (data / "sample").mkdir()
    first = ("The", "det"), ("saw", "noun"), ("saw", "verb"), ("Red", "adj")
    (data / "sample" / "train.conll").write_text(written(*first) + written(("She", "pron"), ("saw", "verb")))
    for part in ("dev", "test"):
        (data / "sample" / f"{part}.conll").write_text(written(("Red", "noun"), ("saw", "noun")))


def test_a_word_has_its_most_frequent_tag_however_it_is_written(corpus):
    assert len(sample()) == 2
    assert likely_tags(["the", "The", "saw", "Saw", "red", "zork"]) == ["det", "det", "verb", "verb", "adj", "noun"]


def test_the_last_sentence_of_the_corpus_can_be_chosen_and_none_after_it(corpus):
    choice = SentenceChoice("the saw")
    choice.number.value = 2
    assert choice.sentence() == (["She", "saw"], ["pron", "verb"])
    choice.number.value = 3
    with pytest.raises(ValueError, match="has the sentences 1 to 2, got number 3"):
        choice.sentence()
    choice.words.value = "Red saw"
    assert (choice.number.value, choice.tags.value) == ("0", "adj verb")
    choice.tags.value = "adj noun"
    assert choice.sentence() == (["Red", "saw"], ["adj", "noun"])
    choice.tags.value = "adj"
    with pytest.raises(ValueError, match=r"the sentence has 2 words \(Red saw\) and 1 tags: expected a tag for each"):
        choice.sentence()


def test_a_sentence_becomes_ids_of_the_sample_corpus():
    words, tags = ["the", "zork", "dog"], ["det", "noun", "noun"]
    ids = encode(words, tags)
    assert ids.words == ["the", "<unk>", "dog"]
    assert len(set(ids.x)) == 3
    assert ids.y[0] != ids.y[1] == ids.y[2]
    assert max(ids.x) < ids.n_words
    assert max(ids.y) < ids.n_tags
    with pytest.raises(ValueError, match="the sample corpus has no tag 'sign': expected one of "):
        encode(words, ["det", "noun", "sign"])
