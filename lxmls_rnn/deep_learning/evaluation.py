"""Evaluation of a tagger: accuracy on all, known and unknown words, metrics per tag, confusion matrix."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from lxmls_rnn.deep_learning.batches import Batch
from lxmls_rnn.deep_learning.interface import Model, Sentence


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
    for number, one in enumerate(judged, 1):  # noqa: B007  the number is used after the loop
        np.add.at(counts, (one.unknown.astype(int), np.asarray(one.sentence.y), one.predicted), 1)
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
