"""Text in, tagged text out."""

import pytest

from lxmls_rnn.deep_learning import model_file
from lxmls_rnn.deep_learning.models import model_class
from lxmls_rnn.deep_learning.rnn import NumpyRNN
from lxmls_rnn.readers.tags import TagSource
from lxmls_rnn.tagger import Tagger, tokenize

WORDS, TAGS = ["the", "dog", "runs", "<unk>"], ["noun", "verb", "det"]


@pytest.fixture
def tagger():
    return Tagger(NumpyRNN(4, 5, 6, 3, seed=0), WORDS, TAGS, 3)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't stop, it's 3.5!", ["Do", "n't", "stop", ",", "it", "'s", "3.5", "!"]),
        ("The U.S. is well-known (he said).", ["The", "U.S.", "is", "well-known", "(", "he", "said", ")", "."]),
        (
            "Mr. Li\u2019s 3rd e-mail... went to a.b@c.org -- ok?",
            ["Mr.", "Li", "'s", "3rd", "e-mail", "...", "went", "to", "a.b@c.org", "--", "ok", "?"],
        ),
        ("cafe\u0301 in the 1990s at 10:30", ["caf\u00e9", "in", "the", "1990s", "at", "10:30"]),
        ("हिन्दी में किताबें।", ["हिन्दी", "में", "किताबें", "।"]),  # vowel signs
        ("مَدْرَسَةٌ می\u200cخواهم", ["مَدْرَسَةٌ", "می\u200cخواهم"]),  # marks, and a joiner
        ("猫 です。 \u2764\ufe0f!", ["猫", "です", "。", "\u2764\ufe0f", "!"]),
        (f"{'a' * 64}@b.org {'a' * 65}@b.org", [f"{'a' * 64}@b.org", "a" * 65, "@", "b.org"]),  # in linear time
        ("   ", []),
    ],
)
def test_tokenize(text, words):
    assert tokenize(text) == words


def test_each_word_gets_a_tag_and_its_probability(tagger):
    tagged = tagger.tag("the dog sleeps")
    p_y = tagger.model.forward([0, 1, 3])
    assert [word.word for word in tagged] == ["the", "dog", "sleeps"]
    assert [word.known for word in tagged] == [True, True, False]
    assert [word.probability for word in tagged] == p_y.max(axis=0).tolist()
    assert [word.tag for word in tagged] == [TAGS[tag] for tag in p_y.argmax(axis=0)]


def test_words_keep_their_case_and_in_another_case_are_unknown(tagger):
    tagged = tagger.tag("The dog RUNS")
    assert [(word.word, word.known) for word in tagged] == [("The", False), ("dog", True), ("RUNS", False)]
    assert tagger.encode(["The", "dog", "RUNS"]).tolist() == [3, 1, 3]


def test_it_comes_back_from_its_file(tagger, tmp_path):
    tagger.save(tmp_path / "model.npz")
    for path in (tmp_path, tmp_path / "model.npz"):
        loaded = Tagger.load(path)
        assert loaded.tag("the dog sleeps") == tagger.tag("the dog sleeps")
        assert loaded.n_known_words == 3


def test_a_word_outside_the_guides_vocabulary_is_named():
    tagger = Tagger(NumpyRNN(3, 5, 6, 3, seed=0), WORDS[:3], TAGS, 3)
    with pytest.raises(ValueError, match=r"the word 'sleeps' is not in the vocabulary, .* --vocabulary train$"):
        tagger.tag("the dog sleeps")


def test_an_empty_sentence_is_refused(tagger):
    with pytest.raises(ValueError, match="no word to tag"):
        tagger.tag("  ")


def test_a_model_without_vocabulary_cannot_tag(tmp_path):
    model_file.save(tmp_path / "m.npz", NumpyRNN(4, 5, 6, 3))
    model_file.save(tmp_path / "w.npz", NumpyRNN(4, 5, 6, 3), words=WORDS)
    for file in ("m.npz", "w.npz"):
        with pytest.raises(ValueError, match=f"{file} lacks a vocabulary or tags: it cannot tag text"):
            Tagger.load(tmp_path / file)


def test_a_header_is_kept_and_all_its_words_are_known_unless_it_says_how_many(tagger, tmp_path):
    assert tagger.header == {}  # of no file
    model_file.save(tmp_path / "m.npz", NumpyRNN(4, 5, 6, 3), words=WORDS, tags=TAGS, note="by hand")
    loaded = Tagger.load(tmp_path / "m.npz")
    assert (loaded.n_known_words, loaded.header["note"]) == (4, "by hand")


def test_a_model_may_come_back_as_another_class_of_its_family(tagger, tmp_path):
    theirs = Tagger(model_class("FastRNN")(4, 5, 6, 3, seed=0, dtype="float64"), WORDS, TAGS, 3)
    theirs.save(tmp_path / "m.npz", note=1)
    assert type(Tagger.load(tmp_path / "m.npz").model) is type(theirs.model)
    loaded = Tagger.load(tmp_path / "m.npz", NumpyRNN)
    assert type(loaded.model) is NumpyRNN
    assert loaded.header["note"] == 1
    assert loaded.tag("the dog") == tagger.tag("the dog")


@pytest.mark.parametrize(("words", "tags"), [(WORDS[:3], TAGS), (WORDS, TAGS[:2])])
def test_names_must_be_as_many_as_the_model_has(words, tags):
    message = f"the model has 4 words and 3 tags, got {len(words)} and {len(tags)} names"
    with pytest.raises(ValueError, match=message):
        Tagger(NumpyRNN(4, 5, 6, 3), words, tags, 3)


def test_a_corpus_is_read_and_evaluated_with_the_models_own_ids(tagger, tmp_path):
    file = tmp_path / "c.conll"
    file.write_text("1\tthe\t_\t_\tDT\n2\tcat\t_\t_\tNN\n3\truns\t_\t_\tVBZ\n\n")
    (sentence,) = tagger.read(file)
    assert (sentence.x.tolist(), sentence.y.tolist()) == ([0, 3, 2], [2, 0, 1])
    assert (sentence.words, sentence.tags) == (["the", "cat", "runs"], ["det", "noun", "verb"])
    assert sentence.x.dtype == sentence.y.dtype == "int32"
    result = tagger.evaluate(file)
    assert result.confusion.sum(axis=1).tolist() == [1, 1, 1]
    assert int(result.unknown.sum()) == 1
    file.write_text(2 * file.read_text())
    assert tagger.evaluate(file).sentences == 2
    assert tagger.evaluate(file, max_nr_sent=1).sentences == 1


@pytest.mark.parametrize(
    ("source", "asked", "tags"),
    [
        (None, {}, ["noun", "verb"]),
        (TagSource("xpos", "ptb"), {"tags": "upos", "tag_map": "none"}, ["verb", "noun"]),
        (TagSource("upos", "none"), {}, ["verb", "noun"]),
        (TagSource("upos", "none"), {"tags": "xpos", "tag_map": "ptb"}, ["noun", "verb"]),
    ],
)
def test_the_tags_of_a_file_are_those_asked_for_else_those_of_the_training(tmp_path, source, asked, tags):
    tagger = Tagger(NumpyRNN(4, 5, 6, 3, seed=0), WORDS, TAGS, 3, source)
    (tmp_path / "c.conllu").write_text("1\tdog\t_\tverb\tNN\n2\truns\t_\tnoun\tVBZ\n\n")
    (sentence,) = tagger.read(tmp_path / "c.conllu", **asked)
    assert sentence.tags == tags


def test_neighbours_are_words_and_a_word_that_is_not_there_is_named(tagger):
    tagger.model.param[0][:, 1] = tagger.model.param[0][:, 0]
    assert tagger.neighbours("the", 1) == [("dog", pytest.approx(1))]
    found = tagger.neighbours("the")
    tagger.model.param[0][:] += 100  # the mean of the embeddings does not count
    assert tagger.neighbours("the") == [(word, pytest.approx(cosine)) for word, cosine in found]
    assert found[-1][1] < 0
    with pytest.raises(ValueError, match="'cat' is not among the 4 words"):
        tagger.neighbours("cat")
