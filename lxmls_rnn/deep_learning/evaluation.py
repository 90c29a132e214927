"""Accuracy of a tagger over all, known and unknown words, metrics of each tag, confusion matrix."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from lxmls_rnn.deep_learning.batches import Batch
from lxmls_rnn.deep_learning.interface import Model, Sentence


def accuracy(model: Model, sentences: Iterable[Sentence | Batch]) -> float:
    """Return the share of words whose most probable tag is the gold one, of sentences or of batches of them."""
    right = total = 0
    for one in sentences:
        is_right = model.forward(one.x).argmax(axis=0) == one.y
        if isinstance(one, Batch):
            is_right = is_right[one.weights > 0]
        right += int(np.count_nonzero(is_right))
        total += is_right.size
    return right / total


@dataclass(frozen=True)
class Evaluation:
    """Counts of an evaluation, and the figures that follow from them.

    Attributes
    ----------
    tags
        Names of the tags, in the order of the matrices.
    sentences
        Their number.
    known, unknown
        Confusion matrices (n_tags, n_tags) over the words that the vocabulary of the training part holds and over the
        others: gold tag by row, predicted tag by column.
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
        return share_right(self.confusion)

    @property
    def known_accuracy(self) -> float:
        """Accuracy over the known words, NaN if there are none."""
        return share_right(self.known)

    @property
    def unknown_accuracy(self) -> float:
        """Accuracy over the unknown words, NaN if there are none."""
        return share_right(self.unknown)

    def per_tag(self) -> list[dict[str, Any]]:
        """Return for each tag its name, number of gold words, precision, recall and F1 (0 where undefined)."""
        confusion = self.confusion
        right, gold, predicted = confusion.diagonal(), confusion.sum(axis=1), confusion.sum(axis=0)
        rows = []
        for name, r, g, p in zip(self.tags, right.tolist(), gold.tolist(), predicted.tolist(), strict=True):
            precision, recall, f1 = (r / p if p else 0.0, r / g if g else 0.0, 2 * r / (g + p) if g + p else 0.0)
            rows.append({"tag": name, "words": g, "precision": precision, "recall": recall, "f1": f1})
        return rows


def share_right(confusion: np.ndarray) -> float:
    """Share of a confusion matrix's counts that lie on its diagonal; NaN for an empty one."""
    total = confusion.sum()
    return float(confusion.trace() / total) if total else float("nan")


class Judged(NamedTuple):
    """A sentence with the tags that a tagger gives it."""

    sentence: Any  # with x and y, integer ids, (L,)
    predicted: np.ndarray  # tag ids, (L,)
    unknown: np.ndarray  # whether the word is outside the vocabulary of the training part, bool (L,)

    @property
    def wrong(self) -> np.ndarray:
        """Whether the tag is not the gold one, bool (L,)."""
        return self.predicted != np.asarray(self.sentence.y)


def judge(model: Model, sentences: Iterable[Sentence], n_known_words: int) -> Iterator[Judged]:
    """Tag sentences one after the other; parameters as in `evaluate`."""
    for sentence in sentences:
        unknown = np.asarray(sentence.x) >= n_known_words
        yield Judged(sentence, model.forward(sentence.x).argmax(axis=0), unknown)


def count(judged: Iterable[Judged], tags: list[str]) -> Evaluation:
    """Count what `judge` gives; `tags` are the names of the tag ids."""
    counts = np.zeros((2, len(tags), len(tags)), dtype=np.int64)
    number = 0
    for number, one in enumerate(judged, 1):  # noqa: B007  counts them
        np.add.at(counts, (one.unknown.astype(int), np.asarray(one.sentence.y), one.predicted), 1)
    return Evaluation(list(tags), number, counts[0], counts[1])


def evaluate(model: Model, sentences: Iterable[Sentence], tags: list[str], n_known_words: int) -> Evaluation:
    """Tag sentences and compare with their gold tags.

    Parameters
    ----------
    model
        Any tagger.
    sentences
        Sentences with `x` and `y`, integer ids, (L,).
    tags
        Names of the tag ids.
    n_known_words
        Words with an id below it are in the vocabulary of the training part.
    """
    return count(judge(model, sentences, n_known_words), tags)
