"""Events that a training yields, and its state."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import NamedTuple

from lxmls_rnn.storage.records import Count


class Progress(NamedTuple):
    """Where a training stands; with the model's parameters it is all that is needed to go on exactly from there.

    To the last digit on the CPU. A GPU adds up the gradients of a word that comes twice in a batch in any order.

    Attributes
    ----------
    epoch, batch
        Number of whole epochs done, and of batches done in the epoch that has begun.
    cost, sentences, correct, words, seconds
        Sums over the batches of the epoch that has begun: cost of the sentences (nats a word), their number, words
        tagged rightly before their update, words, time.
    best_accuracy, epochs_without_gain
        For early stopping: the best accuracy on dev so far and the epochs since.
    gradient_norm
        The largest norm of a gradient of the epoch that has begun, before clipping; 0 where none is recorded.
    """

    epoch: int = 0
    batch: int = 0
    cost: float = 0.0
    sentences: int = 0
    correct: int = 0
    words: int = 0
    seconds: float = 0.0
    best_accuracy: float = -1.0
    epochs_without_gain: int = 0
    gradient_norm: float = 0.0

    @property
    def mean_cost(self) -> float:
        """Mean over the sentences of their cost, nats a word."""
        return self.cost / self.sentences

    @property
    def accuracy(self) -> float:
        """Share of the words that were tagged rightly before their update."""
        return self.correct / self.words

    @property
    def words_per_second(self) -> float:
        """Of the epoch that has begun."""
        return self.words / self.seconds

    def since(self, before: Progress) -> Progress:
        """Return this with the sums over the batches since `before` only, which is of the same epoch."""
        sums = ("cost", "sentences", "correct", "words", "seconds")
        return self._replace(**{name: getattr(self, name) - getattr(before, name) for name in sums})


@dataclass(frozen=True)
class Started:
    """Training begins, or goes on."""

    epochs: int
    batches: int
    sentences: int
    words: int
    progress: Progress


@dataclass(frozen=True)
class BatchDone:
    """The parameters have been updated: once, or for many small batches in one call (`fused_sgd`)."""

    epoch: int  # counted from 1
    batch: int  # the last one done, counted from 1
    batches: int
    updates: int  # since the event before
    cost: float  # mean over the sentences since the event before of their cost, nats a word
    progress: Progress
    gradient_norm: float | None = None  # largest since the event before, before clipping; None: not recorded


@dataclass(frozen=True)
class Metrics:
    """What is recorded of an epoch: a line of metrics.jsonl."""

    epoch: Count  # counted from 1
    cost: float  # sum over the sentences of their cost, each before its update, nats a word
    train_accuracy: float  # running: each word tagged before its sentence's update
    dev_accuracy: float | None
    rate: float
    seconds: float
    words_per_second: float
    is_best: bool  # on dev; always true without early stopping
    gradient_norm: float | None = None  # largest of an update, before clipping; None: not recorded


@dataclass(frozen=True)
class EpochDone(Metrics):
    """One pass over the training corpus."""

    progress: Progress = field(kw_only=True)

    def metrics(self) -> Metrics:
        """Return the metrics alone."""
        return Metrics(**{one.name: getattr(self, one.name) for one in fields(Metrics)})


@dataclass(frozen=True)
class Stopped:
    """Training has ended."""

    reason: str
    progress: Progress


Event = Started | BatchDone | EpochDone | Stopped
