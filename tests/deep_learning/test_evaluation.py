"""Accuracy over all, known and unknown words, figures for each tag."""

from types import SimpleNamespace

import numpy as np

from lxmls_rnn.deep_learning.batches import cut
from lxmls_rnn.deep_learning.evaluation import accuracy, evaluate, judge
from lxmls_rnn.deep_learning.numpy_rnn import NumpyRNN


class Echo:
    """A model that gives word n the tag n % 3."""

    def forward(self, x):
        return np.eye(3)[np.asarray(x) % 3].T


SENTENCES = [
    SimpleNamespace(x=np.array([0, 1, 2]), y=np.array([0, 1, 1])),
    SimpleNamespace(x=np.array([3, 4]), y=np.array([0, 0])),
]


def test_accuracy_counts_words():
    assert accuracy(Echo(), SENTENCES) == 3 / 5


def test_batches_are_as_accurate_as_their_sentences():
    model = NumpyRNN(30, 4, 5, 3, seed=1)
    rng = np.random.RandomState(0)
    sentences = [SimpleNamespace(x=rng.randint(0, 30, n), y=rng.randint(0, 3, n)) for n in (1, 7, 2, 2, 9, 4)]
    expected = accuracy(model, sentences)
    assert 0 < expected < 1
    for size in (1, 2, 4, 10):
        assert accuracy(model, cut(sentences, size, model.dtype)) == expected


def test_known_and_unknown_words_are_counted_apart():
    result = evaluate(Echo(), SENTENCES, ["a", "b", "c"], n_known_words=3)
    assert (result.accuracy, result.known_accuracy, result.unknown_accuracy) == (3 / 5, 2 / 3, 1 / 2)


def test_the_confusion_matrix_has_gold_tags_by_row():
    result = evaluate(Echo(), SENTENCES, ["a", "b", "c"], n_known_words=3)
    assert result.confusion.tolist() == [[2, 1, 0], [0, 1, 1], [0, 0, 0]]


def test_figures_for_each_tag():
    a, b, c, d = evaluate(Echo(), SENTENCES, ["a", "b", "c", "d"], n_known_words=3).per_tag()
    assert a == {"tag": "a", "words": 3, "precision": 1.0, "recall": 2 / 3, "f1": 0.8}
    assert b == {"tag": "b", "words": 2, "precision": 1 / 2, "recall": 1 / 2, "f1": 1 / 2}
    assert c == {"tag": "c", "words": 0, "precision": 0.0, "recall": 0.0, "f1": 0.0}
    assert d == c | {"tag": "d"}  # which comes neither in the corpus nor of the tagger
    assert [str(row["words"]) for row in (a, b, c)] == ["3", "2", "0"]  # numbers of words, not 3.0


def test_no_unknown_word_gives_no_number():
    assert np.isnan(evaluate(Echo(), SENTENCES, ["a", "b", "c"], n_known_words=9).unknown_accuracy)


def test_each_sentence_is_judged():
    first, second = judge(Echo(), SENTENCES, n_known_words=3)
    assert first.wrong.tolist() == [False, False, True]
    assert first.unknown.tolist() == [False, False, False]
    assert (second.predicted.tolist(), second.unknown.tolist()) == ([0, 1], [True, True])
    assert second.sentence is SENTENCES[1]
