"""Training: stochastic gradient descent over a corpus, as a stream of events.

`Trainer.fit` is a generator. Who iterates over it decides what to do with the events: draw a progress bar, a curve,
write a run to disk; and stops the training by not asking for the next one.
"""

from __future__ import annotations

import math
import sys
import time
import warnings
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from lxmls_rnn import memory
from lxmls_rnn.deep_learning import parameters
from lxmls_rnn.deep_learning.batches import Batch, cut, padded_sizes
from lxmls_rnn.deep_learning.evaluation import accuracy
from lxmls_rnn.deep_learning.events import BatchDone, EpochDone, Event, Progress, Started, Stopped
from lxmls_rnn.deep_learning.interface import Model, Sentence
from lxmls_rnn.deep_learning.sgd import Steps, make_steps
from lxmls_rnn.storage.files import counted, quoted

LARGEST = sys.float_info.max  # JSON has no infinity
NONSENSE = 1.5  # times the cost of guessing: a small corpus may be a little above it for an epoch or two


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
    gradient_norm
        Record the largest norm of the gradient in each epoch where nothing is clipped too; with `clip` it is recorded
        in any case, as it was before clipping. The numbers of a training are then, to their rounding, the same.

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
    gradient_norm: bool = False

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012  see `records`

    def __post_init__(self) -> None:
        for name, least in (("epochs", 1), ("batch_size", 1), ("patience", 1), ("seed", 0)):
            value = getattr(self, name)
            if not self._is_without(name) and (isinstance(value, bool) or not isinstance(value, int) or value < least):
                raise ValueError(f"{name} must be an integer of at least {least}, got {quoted(value)}")
        for name, positive in (("rate", True), ("clip", True), ("decay", False)):
            value = getattr(self, name)
            is_number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
            fits = is_number and (0 < value < np.inf or (value == 0 and not positive))
            if not (fits or self._is_without(name)):
                kind = "positive" if positive else "non-negative"
                raise ValueError(f"{name} must be a {kind} number, got {quoted(value)}")

    def _is_without(self, name: str) -> bool:
        return name in ("patience", "clip") and getattr(self, name) is None

    def fit(
        self,
        model: Model,
        train: Iterable[Sentence],
        dev: Iterable[Sentence] | None = None,
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
            The cost is no longer a finite number, or a parameter after an epoch.
        MemoryError
            The corpus as arrays, or those of the largest batch, do not fit into memory.

        Warns
        -----
        UserWarning
            The cost of an epoch is well above that of guessing.
        """
        train, dev = list(train), list(dev or [])
        if self.patience is not None and not dev:
            raise ValueError("patience (early stopping) needs a dev corpus")
        if not train:
            raise ValueError("train must hold at least one sentence")
        for sentence in train + dev:
            words = parameters.check_words(parameters.check_sentence(sentence.x), model.sizes.n_words)
            parameters.check_tags(sentence.y, words, model.sizes.n_tags)
        p = progress or Progress()
        self._check_memory(model, train, dev)
        batches, dev_batches = (cut(part, self.batch_size, model.dtype) for part in (train, dev))
        if p.batch > len(batches):
            raise ValueError(f"progress stands at batch {p.batch}, but the corpus makes only {len(batches)} batches")
        # checkpoints of earlier versions do not count them
        p = p._replace(sentences=sum(batches[n].sentences for n in self._order(len(batches), p.epoch)[: p.batch]))
        yield Started(self.epochs, len(batches), len(train), sum(len(s.x) for s in train), p)
        steps = None
        while not (reason := self._end(p)):
            steps = steps or make_steps(model, batches, clip=self.bound, freeze_embeddings=self.freeze_embeddings)
            p = yield from self._batches_of_epoch(steps, batches, p)
            event = self._end_epoch(model, dev_batches, p)
            p = event.progress
            if event.is_best and self.patience is not None:
                best = model.get_values()
            yield event
        if self.patience is not None and best is not None:
            model.set_values(best)
        yield Stopped(reason, p)

    def _check_memory(self, model: Model, train: Sequence[Sentence], dev: Sequence[Sentence]) -> None:
        """Raise MemoryError where the corpus as arrays and those of a step on the largest batch cannot fit."""
        positions, largest = 0, 0
        for part in (train, dev):
            of_part = padded_sizes(np.array([len(sentence.x) for sentence in part], int), self.batch_size)
            positions, largest = positions + of_part[0], max(largest, of_part[1])
        n, shapes = model.sizes, model.shapes(model.sizes)
        # what the passes keep of a word, and take for a moment, was measured: of NumPy's and scan's about as much
        of_word = 2 * n.n_emb + (22 if shapes["W_h"][0] > n.n_hidd else 6) * n.n_hidd + 4 * n.n_tags
        whole, learnt = (memory.size_of(list(shapes.values())[k:], model.dtype) for k in (0, 1))
        # a gradient, what it is summed in, and the update; or the copy that is saved
        copies = max(3 * learnt, whole + whole // 2) + (whole if self.patience is not None else 0)
        need = memory.size_of([(largest, of_word)], model.dtype) + copies
        need += positions * (8 + memory.SIZE[model.dtype])
        what = f"a training on {positions:,} words, with dev and padding, the largest batch of {largest:,},"
        memory.check(what, need, "take smaller batches, shorter sentences or fewer units")

    def _end(self, p: Progress) -> str:
        """Return why the training ends here, or nothing if it goes on."""
        if p.epoch >= self.epochs:
            return "the one epoch done" if self.epochs == 1 else f"all {self.epochs} epochs done"
        if self.patience is not None and p.epochs_without_gain >= self.patience:
            return f"no better accuracy on dev for {counted(self.patience, 'epoch')}"
        return ""

    @property
    def bound(self) -> float | None:
        """What `make_steps` takes as `clip`: infinity where norms are recorded and nothing is clipped."""
        return math.inf if self.clip is None and self.gradient_norm else self.clip

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
        for costs, rights, norms in steps(order[p.batch :], rate):
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
            largest = min(max(0.0, *norms), LARGEST)  # a number that is none is passed over
            p = Progress(
                p.epoch, number, cost, sentences, correct, words, seconds,
                p.best_accuracy, p.epochs_without_gain, max(p.gradient_norm, largest),
            )  # fmt: skip
            recorded = None if self.bound is None else largest
            yield BatchDone(p.epoch + 1, number, len(batches), len(costs), mean, p, recorded)
            begin = time.perf_counter()  # anew: what was done with the event, or a pause, does not count
        return p

    def _end_epoch(self, model: Model, dev: Sequence[Batch], p: Progress) -> EpochDone:
        self._check_epoch(model, p)
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
            gradient_norm=None if self.bound is None else p.gradient_norm,
        )

    def _check_epoch(self, model: Model, p: Progress) -> None:
        """Raise FloatingPointError for parameters that are no numbers; warn where guessing would do better."""
        rate = self.rate_of_epoch(p.epoch)
        for name, value in model.get_values().items():
            if not np.isfinite(value).all():
                raise FloatingPointError(
                    f"{name} became NaN or infinite in epoch {p.epoch + 1}: "
                    f"try a lower rate than {rate:g}, or clip the gradient"
                )
        guessing = math.log(model.sizes.n_tags)
        if p.mean_cost > NONSENSE * guessing and p.epoch + 1 >= min(2, self.epochs):
            warnings.warn(
                f"the cost of epoch {p.epoch + 1}, {p.mean_cost:.3g} a word, is above that of guessing, which is "
                f"{guessing:.3g}: try a lower rate than {rate:g}, or clip the gradient",
                stacklevel=2,
            )
