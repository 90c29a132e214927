"""Batches: sentences of similar length as padded arrays, for one training step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from lxmls_rnn.sequences.sequence_list import Ids


class Sentence(Protocol):
    """Word ids and gold tag ids, (L,)."""

    x: Ids
    y: Ids


@dataclass(frozen=True)
class Batch:
    """Sentences of similar length as arrays, padded at the end with word 0, tag 0 and weight 0.

    Attributes
    ----------
    x, y
        int32 word and tag ids: (L,) for a batch size of 1, else (B, L).
    weights
        Weight of each position in the loss: 1 / (B * length of its sentence).
    sentences, words
        Number of sentences, and of words without padding.
    """

    x: np.ndarray
    y: np.ndarray
    weights: np.ndarray
    sentences: int
    words: int


def cut(sentences: Sequence[Sentence], size: int, dtype: str) -> list[Batch]:
    """Split a corpus into batches of `size` sentences of similar length, in the order of their first sentences."""
    if size == 1:
        return [_one(sentence, dtype) for sentence in sentences]
    by_length = sorted(range(len(sentences)), key=lambda n: len(sentences[n].x))
    cuts = [sorted(by_length[n : n + size]) for n in range(0, len(sentences), size)]
    return [_pad([sentences[n] for n in numbers], dtype) for numbers in sorted(cuts)]


def _one(sentence: Sentence, dtype: str) -> Batch:
    length = len(sentence.x)
    weights = np.full(length, 1 / length, dtype)
    return Batch(np.asarray(sentence.x, "int32"), np.asarray(sentence.y, "int32"), weights, 1, length)


def _pad(sentences: list[Sentence], dtype: str) -> Batch:
    lengths = [len(sentence.x) for sentence in sentences]
    shape = len(sentences), max(lengths)
    x, y, weights = np.zeros(shape, "int32"), np.zeros(shape, "int32"), np.zeros(shape, dtype)
    for row, (sentence, length) in enumerate(zip(sentences, lengths, strict=True)):
        x[row, :length], y[row, :length] = sentence.x, sentence.y
        weights[row, :length] = 1 / (length * len(sentences))
    return Batch(x, y, weights, len(sentences), sum(lengths))
