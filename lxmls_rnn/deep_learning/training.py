"""Training: stochastic gradient descent over a corpus, as a stream of events.

`Trainer.fit` is a generator. Who iterates over it decides what to do with the events: draw a progress bar, a curve,
write a run to disk; and stops the training by not asking for the next one.
"""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np

from lxmls_rnn.deep_learning import parameters
from lxmls_rnn.deep_learning.evaluation import accuracy
from lxmls_rnn.deep_learning.sgd import Steps, make_steps


class Progress(NamedTuple):
    """Where a training stands; with the model's parameters it is all that is needed to go on exactly from there.

    Attributes
    ----------
    epoch, batch
        Number of whole epochs done, and of batches done in the epoch that has begun.
    cost, sentences, correct, words, seconds
        Sums over the batches of the epoch that has begun: cost of the sentences (nats a word), their number, words
        tagged rightly before their update, words, time.
    best_accuracy, epochs_without_gain
        For early stopping: the best accuracy on dev so far and the epochs since.
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


@dataclass(frozen=True)
class EpochDone:
    """One pass over the training corpus."""

    epoch: int  # counted from 1
    cost: float  # sum over the sentences of their cost, each before its update, nats a word
    train_accuracy: float  # running: each word tagged before its sentence's update
    dev_accuracy: float | None
    rate: float
    seconds: float
    words_per_second: float
    is_best: bool  # on dev; always true without early stopping
    progress: Progress

    def metrics(self) -> dict[str, Any]:
        """Return the numbers, without the progress."""
        metrics = asdict(self)
        del metrics["progress"]
        return metrics


@dataclass(frozen=True)
class Stopped:
    """Training has ended."""

    reason: str
    progress: Progress


Event = Started | BatchDone | EpochDone | Stopped


@dataclass(frozen=True)
class Batch:
    """Sentences of similar length as arrays, padded at the end with word 0 and tag 0 of weight 0.

    Attributes
    ----------
    x, y
        int32 word and tag ids, (L,) for one sentence trained alone, else (B, L).
    weights
        Weight of each position in the cost: 1 / (B * length of its sentence).
    sentences, words
        Their number.
    """

    x: np.ndarray
    y: np.ndarray
    weights: np.ndarray
    sentences: int
    words: int


@dataclass(frozen=True)
class Trainer:
    """Stochastic gradient descent for every model alike.

    Parameters
    ----------
    epochs
        Passes over the training corpus.
    rate, decay
        Learning rate in epoch n = 0, 1, ...: rate / (1 + decay * n).
    batch_size
        Sentences for one update. 1 trains as the lab guide does. More sentences of similar length are padded to one
        matrix; the cost is the mean over them.
    clip
        Largest Euclidean norm of the gradient, None for no limit.
    shuffle, seed
        Whether to go through the corpus in a new order in every epoch, and the seed of the orders.
    patience
        Early stopping: end after so many epochs without a better accuracy on dev, with the parameters of the best
        epoch. None trains all epochs and keeps the last parameters.
    freeze_embeddings
        Leave the embeddings as they are.

    Raises
    ------
    ValueError
        A number out of its range.
    """

    epochs: int = 5
    rate: float = 0.5
    decay: float = 0.0
    batch_size: int = 1
    clip: float | None = None
    shuffle: bool = False
    seed: int = 0
    patience: int | None = None
    freeze_embeddings: bool = False

    def __post_init__(self) -> None:
        for name, least in (("epochs", 1), ("batch_size", 1), ("patience", 1), ("seed", 0)):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < least):
                raise ValueError(f"{name} must be an integer of at least {least}, got {value!r}")
        for name, positive in (("rate", True), ("clip", True), ("decay", False)):
            value = getattr(self, name)
            if value is not None and not (np.isfinite(value) and (value > 0 or (value == 0 and not positive))):
                raise ValueError(f"{name} must be a {'positive' if positive else 'non-negative'} number, got {value!r}")

    def fit(
        self,
        model: Any,
        train: Iterable[Any],
        dev: Iterable[Any] | None = None,
        progress: Progress | None = None,
        best: dict[str, np.ndarray] | None = None,
    ) -> Iterator[Event]:
        """Train `model` in place.

        Parameters
        ----------
        model
            Any tagger.
        train, dev
            Sentences with `x` and `y`, integer ids, (L,).
        progress
            Where to go on, with the parameters that the model had there; None begins.
        best
            With `progress` and `patience`: the parameters of the best epoch so far.

        Yields
        ------
        Event
            Started, then BatchDone after each update, or after some, and EpochDone after each epoch, at last Stopped.
            The model may be read, and saved, while the generator waits.

        Raises
        ------
        ValueError
            No sentence to train on; `patience` without `dev`; an empty sentence; x and y of different length;
            `progress` with other batches than these.
        IndexError
            A word or tag outside the model's sizes.
        FloatingPointError
            The cost is no longer a finite number.
        """
        train, dev = list(train), list(dev or [])
        if self.patience is not None and not dev:
            raise ValueError("patience (early stopping) needs a dev corpus")
        if not train:
            raise ValueError("train must hold at least one sentence")
        for sentence in train + dev:
            words = parameters.check_words(sentence.x, model.sizes.n_words)
            parameters.check_tags(sentence.y, words, model.sizes.n_tags)
        p = progress or Progress()
        batches = self.batches(train, model.dtype)
        if p.batch > len(batches):
            raise ValueError(f"progress stands at batch {p.batch}, but the corpus makes only {len(batches)} batches")
        # checkpoints of earlier versions do not count them
        p = p._replace(sentences=sum(batches[n].sentences for n in self._order(len(batches), p.epoch)[: p.batch]))
        yield Started(self.epochs, len(batches), len(train), sum(len(s.x) for s in train), p)
        steps = None
        while not (reason := self._end(p)):
            steps = steps or make_steps(model, batches, clip=self.clip, freeze_embeddings=self.freeze_embeddings)
            p = yield from self._batches_of_epoch(steps, batches, p)
            event = self._end_epoch(model, dev, p)
            p = event.progress
            if event.is_best and self.patience is not None:
                best = model.get_values()
            yield event
        if self.patience is not None and best is not None:
            model.set_values(best)
        yield Stopped(reason, p)

    def _end(self, p: Progress) -> str:
        """Return why the training ends here, or nothing if it goes on."""
        if p.epoch >= self.epochs:
            return f"all {self.epochs} epochs done"
        if self.patience is not None and p.epochs_without_gain >= self.patience:
            return f"no better accuracy on dev for {self.patience} epochs"
        return ""

    def batches(self, sentences: Sequence[Any], dtype: str) -> list[Batch]:
        """Cut a corpus into batches of sentences of similar length, in the order of their first sentences."""
        if self.batch_size == 1:
            return [_one(sentence, dtype) for sentence in sentences]
        by_length = sorted(range(len(sentences)), key=lambda n: len(sentences[n].x))
        cuts = [sorted(by_length[n : n + self.batch_size]) for n in range(0, len(sentences), self.batch_size)]
        return [_pad([sentences[n] for n in cut], dtype) for cut in sorted(cuts)]

    def rate_of_epoch(self, epoch: int) -> float:
        """Learning rate of epoch 0, 1, ...."""
        return self.rate / (1 + self.decay * epoch)

    def _order(self, n_batches: int, epoch: int) -> np.ndarray:
        """Return the numbers of the batches in the order of epoch 0, 1, ...."""
        order = np.arange(n_batches)
        if self.shuffle:
            # a generator for each epoch: to go on in the middle of a training takes no state but its number
            np.random.RandomState([self.seed, epoch]).shuffle(order)
        return order

    def _batches_of_epoch(
        self, steps: Steps, batches: list[Batch], p: Progress
    ) -> Generator[BatchDone, None, Progress]:
        order, rate = self._order(len(batches), p.epoch), self.rate_of_epoch(p.epoch)
        begin = time.perf_counter()
        for costs, rights in steps(order[p.batch :], rate):
            _, number, cost, sentences, correct, words, *_ = p
            for cost_of_batch, right in zip(costs, rights, strict=True):
                if not math.isfinite(cost_of_batch):
                    raise FloatingPointError(
                        f"the cost became {cost_of_batch} in epoch {p.epoch + 1}, batch {number + 1}: "
                        f"try a lower rate than {rate:g}, or clip the gradient"
                    )
                batch = batches[order[number]]
                number += 1
                cost += cost_of_batch * batch.sentences
                sentences += batch.sentences
                correct += right
                words += batch.words
            mean = (cost - p.cost) / (sentences - p.sentences)
            seconds = p.seconds + time.perf_counter() - begin
            p = Progress(p.epoch, number, cost, sentences, correct, words, seconds, *p[-2:])
            yield BatchDone(p.epoch + 1, number, len(batches), len(costs), mean, p)
            begin = time.perf_counter()  # anew: what was done with the event, or a pause, does not count
        return p

    def _end_epoch(self, model: Any, dev: Sequence[Any], p: Progress) -> EpochDone:
        dev_accuracy = accuracy(model, dev) if dev else None
        is_best, best, without_gain = True, p.best_accuracy, p.epochs_without_gain
        if self.patience is not None and dev_accuracy is not None:
            is_best = dev_accuracy > best
            best, without_gain = max(best, dev_accuracy), 0 if is_best else without_gain + 1
        return EpochDone(
            epoch=p.epoch + 1,
            cost=p.cost,
            train_accuracy=p.accuracy,
            dev_accuracy=dev_accuracy,
            rate=self.rate_of_epoch(p.epoch),
            seconds=p.seconds,
            words_per_second=p.words_per_second,
            is_best=is_best,
            progress=Progress(epoch=p.epoch + 1, best_accuracy=best, epochs_without_gain=without_gain),
        )


def _one(sentence: Any, dtype: str) -> Batch:
    length = len(sentence.x)
    weights = np.full(length, 1 / length, dtype)
    return Batch(np.asarray(sentence.x, "int32"), np.asarray(sentence.y, "int32"), weights, 1, length)


def _pad(sentences: list[Any], dtype: str) -> Batch:
    lengths = [len(sentence.x) for sentence in sentences]
    shape = len(sentences), max(lengths)
    x, y, weights = np.zeros(shape, "int32"), np.zeros(shape, "int32"), np.zeros(shape, dtype)
    for row, (sentence, length) in enumerate(zip(sentences, lengths, strict=True)):
        x[row, :length], y[row, :length] = sentence.x, sentence.y
        weights[row, :length] = 1 / (length * len(sentences))
    return Batch(x, y, weights, len(sentences), sum(lengths))
