"""Accuracy over all, known and unknown words, metrics for each tag, significance of a difference."""

from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest

from lxmls_rnn.deep_learning import evaluation
from lxmls_rnn.deep_learning.batches import cut
from lxmls_rnn.deep_learning.evaluation import (
    Judged,
    accuracy,
    bootstrap,
    check_same_tags,
    compare,
    evaluate,
    judge,
)
from lxmls_rnn.deep_learning.numpy_rnn import NumpyRNN


class Echo:
    """A model that gives word n the tag n % 3."""

    def forward(self, x):
        return np.eye(3)[np.asarray(x) % 3].T


SENTENCES = [
    SimpleNamespace(x=np.array([0, 1, 2]), y=np.array([0, 1, 1])),
    SimpleNamespace(x=np.array([3, 4]), y=np.array([0, 0])),
]


def test_words_are_counted_known_and_unknown_ones_apart_and_gold_tags_by_row():
    assert accuracy(Echo(), SENTENCES) == 3 / 5
    result = evaluate(Echo(), SENTENCES, ["a", "b", "c"], n_known_words=3)
    assert (result.accuracy, result.known_accuracy, result.unknown_accuracy) == (3 / 5, 2 / 3, 1 / 2)
    assert result.confusion.tolist() == [[2, 1, 0], [0, 1, 1], [0, 0, 0]]


def test_batches_are_as_accurate_as_their_sentences():
    model = NumpyRNN(30, 4, 5, 3, seed=1)
    rng = np.random.RandomState(0)
    sentences = [SimpleNamespace(x=rng.randint(0, 30, n), y=rng.randint(0, 3, n)) for n in (1, 7, 2, 2, 9, 4)]
    expected = accuracy(model, sentences)
    assert 0 < expected < 1
    for size in (1, 2, 4, 10):
        assert accuracy(model, cut(sentences, size, model.dtype)) == expected


def test_figures_for_each_tag():
    a, b, c, d = evaluate(Echo(), SENTENCES, ["a", "b", "c", "d"], n_known_words=3).per_tag()
    assert a == {"tag": "a", "words": 3, "precision": 1.0, "recall": 2 / 3, "f1": 0.8}
    assert b == {"tag": "b", "words": 2, "precision": 1 / 2, "recall": 1 / 2, "f1": 1 / 2}
    assert c == {"tag": "c", "words": 0, "precision": 0.0, "recall": 0.0, "f1": 0.0}
    assert d == c | {"tag": "d"}  # which comes neither in the corpus nor of the tagger
    assert [str(row["words"]) for row in (a, b, c)] == ["3", "2", "0"]  # numbers of words, not 3.0


def test_each_sentence_is_judged():
    first, second = judge(Echo(), SENTENCES, n_known_words=3)
    assert first.wrong.tolist() == [False, False, True]
    assert first.unknown.tolist() == [False, False, False]
    assert (second.predicted.tolist(), second.unknown.tolist()) == ([0, 1], [True, True])
    assert second.sentence is SENTENCES[1]


def test_macro_f1_is_the_mean_over_the_tags_in_use():
    result = evaluate(Echo(), SENTENCES, ["a", "b", "c", "d"], n_known_words=3)
    assert result.macro_f1 == pytest.approx((0.8 + 0.5 + 0) / 3)  # c is predicted once, d never used
    assert result.summary() == {
        "accuracy": "60.00%",
        "accuracy, in the vocabulary": "66.67%",
        "accuracy, not in the vocabulary": "50.00%",
        "macro F1": "43.33%",
    }
    none_unknown = evaluate(Echo(), SENTENCES, ["a", "b", "c"], n_known_words=9)
    assert none_unknown.summary()["accuracy, not in the vocabulary"] == "-"


def simulated(accuracies, rng, sentences=100):
    """Gains of a second tagger and numbers of words; some sentences are harder than others, for both taggers."""
    words = rng.integers(3, 30, sentences)
    hardness = rng.normal(0, 0.03, sentences)
    first, second = (rng.binomial(words, np.clip(accuracy - hardness, 0, 1)) for accuracy in accuracies)
    return second - first, words


@pytest.mark.parametrize(("gains", "words"), [([2, -1, 1, 1, 0], [5, 9, 2, 4, 7]), ([-1, -1, -2, 1], [4, 4, 4, 4])])
def test_the_bootstrap_is_near_the_exact_result(gains, words):
    gains, words = np.array(gains), np.array(words)
    difference = gains.sum() / words.sum()
    drawn = np.array(list(product(range(len(words)), repeat=len(words))))  # all samples, equally likely
    differences = gains[drawn].sum(axis=1) / words[drawn].sum(axis=1)
    exact = np.mean(np.abs(differences - difference) >= abs(difference) - 1e-12)
    assert 0.1 < exact < 0.9
    result = bootstrap(gains, words)
    assert result.difference == difference
    assert result.p_value == pytest.approx(exact, abs=0.02)  # 4 standard errors
    for bound, share in zip(result.interval, (0.025, 0.975), strict=True):
        assert np.mean(differences < bound - 1e-12) - 0.01 <= share <= np.mean(differences <= bound + 1e-12) + 0.01


def test_taggers_of_equal_accuracy_differ_significantly_in_five_percent_of_test_parts(monkeypatch):
    monkeypatch.setattr(evaluation, "BOOTSTRAP_SAMPLES", 500)
    rng = np.random.default_rng(0)
    results = [bootstrap(*simulated((0.9, 0.9), rng), seed=seed) for seed in range(500)]
    assert 0.03 < np.mean([result.p_value < 0.05 for result in results]) < 0.07
    assert 0.93 < np.mean([result.interval[0] <= 0 <= result.interval[1] for result in results]) < 0.97
    assert 0.46 < np.mean([result.p_value < 0.5 for result in results]) < 0.54


def test_an_obvious_difference_is_significant_in_both_directions():
    gains, words = simulated((0.8, 0.9), np.random.default_rng(0))
    better, worse = bootstrap(gains, words), bootstrap(-gains, words)
    assert better.p_value == worse.p_value == 1 / 10_001
    assert 0 < better.interval[0] < better.difference < better.interval[1]
    assert worse.interval == pytest.approx([-bound for bound in better.interval[::-1]])
    assert "+" in better.in_words()
    assert "p = 0.0001, two-sided" in worse.in_words()


def test_equal_predictions_have_p_1():
    result = bootstrap(np.zeros(20), np.full(20, 3))
    assert (result.difference, result.interval, result.p_value) == (0, (0, 0), 1)


def test_the_seed_determines_the_bootstrap_and_memory_does_not(monkeypatch):
    data = simulated((0.9, 0.91), np.random.default_rng(0))
    expected = bootstrap(*data, seed=3)
    assert bootstrap(*data, seed=3) == expected
    assert bootstrap(*data, seed=4).p_value != expected.p_value
    monkeypatch.setattr(evaluation, "MAX_DRAWN", 777)
    assert bootstrap(*data, seed=3) == expected


def judged(gold, predicted):
    y = np.array(gold)
    tags = [f"tag {k}" for k in gold]
    return Judged(SimpleNamespace(x=y, y=y, tags=tags), np.array(predicted), np.zeros(len(y), dtype=bool))


def test_two_taggers_are_compared_by_sentence():
    first = [judged([0, 1, 2], [0, 1, 0]), judged([0, 0], [1, 1])]
    second = [judged([0, 1, 2], [0, 2, 1]), judged([0, 0], [0, 0])]
    assert compare(first, second) == bootstrap(np.array([-1, 2]), np.array([3, 2]))
    assert compare(first, second, seed=1) == bootstrap(np.array([-1, 2]), np.array([3, 2]), seed=1)


def test_other_tags_are_refused():
    check_same_tags(["noun", "verb"], ["verb", "noun"])
    with pytest.raises(ValueError, match="only one of them has propn, x"):
        check_same_tags(["noun", "verb", "x"], ["verb", "noun", "propn"])
    with pytest.raises(ValueError, match="read different gold tags"):
        compare([judged([0, 1], [0, 1])], [judged([0, 2], [0, 1])])
