"""Events and state of a training."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import NamedTuple

from lxmls_rnn.storage.records import Count


class Progress(NamedTuple):
    """State of a training. Together with the model's parameters it is enough to resume the training exactly.

    The resumed training is identical to the last digit. A GPU, too, sums the gradients of a repeated word in the order
    of its positions; whether the matrix products of a card repeat their results was not tested.

    Attributes
    ----------
    epoch, batch
        Number of complete epochs, and of batches done in the current epoch.
    cost, sentences, correct, words, seconds
        Sums over the batches done in the current epoch: cost of each sentence (nats per word), number of sentences,
        words tagged correctly before their update, words, time.
    best_accuracy, epochs_without_gain
        For early stopping: the best accuracy on dev so far, and the number of epochs since then.
    gradient_norm
        The largest norm of the gradient in the current epoch, before clipping; 0 if not recorded.
    """

    epoch: Count = 0
    batch: Count = 0
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
        """Mean cost of a sentence in the current epoch, nats per word."""
        return self.cost / self.sentences

    @property
    def accuracy(self) -> float:
        """Share of the words that were tagged correctly before their update."""
        return self.correct / self.words

    @property
    def words_per_second(self) -> float:
        """Speed in the current epoch."""
        return self.words / self.seconds

    def since(self, before: Progress) -> Progress:
        """Return a copy whose sums cover only the batches after `before`, a state of the same epoch."""
        sums = ("cost", "sentences", "correct", "words", "seconds")
        return self._replace(**{name: getattr(self, name) - getattr(before, name) for name in sums})


@dataclass(frozen=True)
class Started:
    """Training starts or resumes."""

    epochs: int
    batches: int
    sentences: int
    words: int
    progress: Progress


@dataclass(frozen=True)
class BatchDone:
    """The parameters were updated: once, or several times in one call (`theano_fast`)."""

    epoch: int  # counted from 1
    batch: int  # last batch done, counted from 1
    batches: int
    updates: int  # since the previous event
    cost: float  # mean cost of the sentences since the previous event, nats per word
    progress: Progress
    gradient_norm: float | None = None  # largest since the previous event, before clipping; None if not recorded

    @property
    def done(self) -> float:
        """Epochs done, including the fraction of the current one."""
        return self.epoch - 1 + self.batch / self.batches


@dataclass(frozen=True)
class Metrics:
    """Metrics of an epoch: a line of metrics.jsonl."""

    epoch: Count  # counted from 1
    cost: float  # sum of the costs of all sentences, each before its update, nats per word
    train_accuracy: float  # each sentence is tagged before its own update
    dev_accuracy: float | None
    rate: float
    seconds: float
    words_per_second: float
    is_best: bool  # best accuracy on dev so far; always true without early stopping
    gradient_norm: float | None = None  # largest of the epoch, before clipping; None if not recorded


@dataclass(frozen=True)
class EpochDone(Metrics):
    """One pass over the training corpus."""

    progress: Progress = field(kw_only=True)

    def metrics(self) -> Metrics:
        """Return the metrics without the progress."""
        return Metrics(**{one.name: getattr(self, one.name) for one in fields(Metrics)})


@dataclass(frozen=True)
class Stopped:
    """Training has ended."""

    reason: str
    progress: Progress


Event = Started | BatchDone | EpochDone | Stopped
