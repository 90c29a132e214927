"""Evaluation of a tagger: accuracy, metrics per tag, confusion matrix, and the significance of a difference."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from lxmls_rnn.deep_learning.batches import Batch, Sentence
from lxmls_rnn.deep_learning.parameters import Model

BOOTSTRAP_SAMPLES = 10_000
MAX_DRAWN = 1_000_000  # sentences that the bootstrap draws at once; each takes 24 bytes


def accuracy(model: Model, sentences: Iterable[Sentence | Batch]) -> float:
    """Return the share of words whose most probable tag is the gold tag; takes sentences or batches."""
    correct = total = 0
    for one in sentences:
        is_correct = model.forward(one.x).argmax(axis=0) == one.y
        if isinstance(one, Batch):
            is_correct = is_correct[one.weights > 0]
        correct += int(np.count_nonzero(is_correct))
        total += is_correct.size
    return correct / total


@dataclass(frozen=True)
class Evaluation:
    """Counts of an evaluation, and the metrics computed from them.

    Attributes
    ----------
    tags
        Names of the tags, in the order of the matrices.
    sentences
        Number of sentences.
    known, unknown
        Confusion matrices (n_tags, n_tags) over the words in the vocabulary of the training part, and over the other
        words: gold tag by row, predicted tag by column.
    """

    tags: list[str]
    sentences: int
    known: np.ndarray
    unknown: np.ndarray

    @property
    def confusion(self) -> np.ndarray:
        """Confusion matrix over all words."""
        return self.known + self.unknown

    @property
    def accuracy(self) -> float:
        """Accuracy over all words."""
        return _share_correct(self.confusion)

    @property
    def known_accuracy(self) -> float:
        """Accuracy over the known words, NaN if there are none."""
        return _share_correct(self.known)

    @property
    def unknown_accuracy(self) -> float:
        """Accuracy over the unknown words, NaN if there are none."""
        return _share_correct(self.unknown)

    def per_tag(self) -> list[dict[str, Any]]:
        """Return for each tag its name, number of gold words, precision, recall and F1 (0 where undefined)."""
        confusion = self.confusion
        correct, gold, predicted = confusion.diagonal(), confusion.sum(axis=1), confusion.sum(axis=0)
        rows = []
        for name, c, g, p in zip(self.tags, correct.tolist(), gold.tolist(), predicted.tolist(), strict=True):
            precision, recall, f1 = (c / p if p else 0.0, c / g if g else 0.0, 2 * c / (g + p) if g + p else 0.0)
            rows.append({"tag": name, "words": g, "precision": precision, "recall": recall, "f1": f1})
        return rows

    @property
    def macro_f1(self) -> float:
        """Mean F1 of all tags that occur as a gold or predicted tag; each tag has the same weight."""
        used = self.confusion.sum(axis=0) + self.confusion.sum(axis=1) > 0
        return float(np.mean([row["f1"] for row, is_used in zip(self.per_tag(), used, strict=True) if is_used]))

    def summary(self) -> dict[str, str]:
        """Return the accuracies and the macro F1 as percentages, by name."""
        named = {"accuracy": self.accuracy, "accuracy, in the vocabulary": self.known_accuracy}
        named |= {"accuracy, not in the vocabulary": self.unknown_accuracy, "macro F1": self.macro_f1}
        return {name: "-" if np.isnan(share) else f"{share:.2%}" for name, share in named.items()}


def _share_correct(confusion: np.ndarray) -> float:
    """Return the share of counts on the diagonal of a confusion matrix; NaN if the matrix is empty."""
    total = confusion.sum()
    return float(confusion.trace() / total) if total else float("nan")


class Judged(NamedTuple):
    """A sentence and the tags that a tagger predicts for it."""

    sentence: Any  # with x and y, integer ids, (L,)
    predicted: np.ndarray  # tag ids, (L,)
    unknown: np.ndarray  # whether the word is outside the vocabulary of the training part, bool (L,)

    @property
    def wrong(self) -> np.ndarray:
        """Whether the predicted tag differs from the gold tag, bool (L,)."""
        return self.predicted != np.asarray(self.sentence.y)


def judge(model: Model, sentences: Iterable[Sentence], n_known_words: int) -> Iterator[Judged]:
    """Tag sentences one by one; parameters as in `evaluate`."""
    for sentence in sentences:
        unknown = np.asarray(sentence.x) >= n_known_words
        yield Judged(sentence, model.forward(sentence.x).argmax(axis=0), unknown)


def count(judged: Iterable[Judged], tags: list[str]) -> Evaluation:
    """Return the evaluation of the sentences that `judge` yields; `tags` are the names of the tag ids."""
    counts = np.zeros((2, len(tags), len(tags)), dtype=np.int64)
    number = 0
    for number, judgement in enumerate(judged, 1):  # noqa: B007  the number is used after the loop
        np.add.at(counts, (judgement.unknown.astype(int), np.asarray(judgement.sentence.y), judgement.predicted), 1)
    return Evaluation(list(tags), number, counts[0], counts[1])


def evaluate(model: Model, sentences: Iterable[Sentence], tags: list[str], n_known_words: int) -> Evaluation:
    """Tag sentences and compare the predictions with their gold tags.

    Parameters
    ----------
    model
        Any tagger.
    sentences
        Sentences with `x` and `y`, integer ids, (L,).
    tags
        Names of the tag ids.
    n_known_words
        Words with a smaller id are in the vocabulary of the training part.
    """
    return count(judge(model, sentences, n_known_words), tags)


class AccuracyDifference(NamedTuple):
    """Difference in accuracy of two taggers on the same sentences, second minus first, and its significance."""

    difference: float
    interval: tuple[float, float]  # 95% confidence
    p_value: float  # two-sided

    def in_words(self) -> str:
        """Return the difference, its interval and what the p-value means, in two lines."""
        low, high = (f"{100 * bound:+.2f}" for bound in self.interval)
        return (
            f"Second minus first: {100 * self.difference:+.2f} points of accuracy, 95% interval {low} to {high} "
            f"(paired bootstrap over sentences, {BOOTSTRAP_SAMPLES:,} samples).\n"
            f"p = {self.p_value:.4f}, two-sided: if both were equally accurate, a test part like this one would show "
            f"as large a difference, in either direction, with a probability of {self.p_value:.2%}."
        )


def check_same_tags(first: Iterable[str], second: Iterable[str]) -> None:
    """Raise ValueError, which names the tags that only one of two taggers has, if there are any."""
    if only := set(first) ^ set(second):
        raise ValueError(f"the two models have different tags; only one of them has {', '.join(sorted(only))}")


def compare(first: Sequence[Judged], second: Sequence[Judged], seed: int = 0) -> AccuracyDifference:
    """Compare what `judge` yields for two taggers and the same file; ValueError if the gold tags differ."""
    if [judgement.sentence.tags for judgement in first] != [judgement.sentence.tags for judgement in second]:
        raise ValueError("the two models read different gold tags: their tag columns or tag maps differ")
    gains = [np.count_nonzero(a.wrong) - np.count_nonzero(b.wrong) for a, b in zip(first, second, strict=True)]
    return bootstrap(np.array(gains), np.array([judgement.wrong.size for judgement in first]), seed)


def bootstrap(gains: np.ndarray, words: np.ndarray, seed: int = 0) -> AccuracyDifference:
    """Compare two taggers by their results on n sentences.

    For each sentence, `words` is its length, and `gains` is how many more words the second tagger tags correctly.

    This is the paired bootstrap of Koehn, "Statistical significance tests for machine translation evaluation", EMNLP
    2004: each sample draws n sentences with replacement. The p-value is the share of samples whose difference is as far
    from the observed one, in either direction, as that is from 0 (Berg-Kirkpatrick, Burkett & Klein, EMNLP 2012, count
    one direction). The observed difference counts as a sample, so p is never 0.
    """
    by_sentence = np.array([gains, words], dtype=np.int64)
    gain, total = by_sentence.sum(axis=1)
    rng, n = np.random.default_rng(seed), len(words)
    at_once = max(1, MAX_DRAWN // n)
    sizes = [min(at_once, BOOTSTRAP_SAMPLES - begin) for begin in range(0, BOOTSTRAP_SAMPLES, at_once)]
    gained, totals = np.hstack([by_sentence[:, rng.integers(n, size=(size, n))].sum(axis=2) for size in sizes])
    # |gained / totals - gain / total| >= |gain / total|, in integers, which do not round
    is_as_far = np.abs(gained * total - gain * totals) >= abs(gain) * totals
    low, high = np.percentile(gained / totals, [2.5, 97.5])
    p_value = (1 + np.count_nonzero(is_as_far)) / (1 + BOOTSTRAP_SAMPLES)
    return AccuracyDifference(float(gain / total), (float(low), float(high)), p_value)
