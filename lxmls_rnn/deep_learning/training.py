"""Training of a tagger by stochastic gradient descent, as a generator of events.

The caller iterates over `Trainer.fit` and decides what to do with each event: draw a progress bar or a curve, or write
a run to disk. To stop the training, the caller stops iterating.
"""

from __future__ import annotations

import math
import sys
import time
import warnings
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from lxmls_rnn.deep_learning import parameters
from lxmls_rnn.deep_learning.batches import Batch, Sentence, cut
from lxmls_rnn.deep_learning.evaluation import accuracy
from lxmls_rnn.deep_learning.events import BatchDone, EpochDone, Event, Progress, Started, Stopped
from lxmls_rnn.deep_learning.update_rule import Descent, Steps
from lxmls_rnn.settings import MAX_SEED, check, described, setting
from lxmls_rnn.storage.messages import counted

MAX_FLOAT = sys.float_info.max  # JSON has no infinity
WORSE_THAN_CHANCE = 1.5  # times the loss of guessing; a small corpus may exceed that loss a little in its first epochs


@described
@dataclass(frozen=True)
class Trainer:
    """Settings and loop of stochastic gradient descent, the same for every model.

    Batches of more than one sentence hold sentences of similar length, padded to one matrix; the cost is the mean over
    the sentences. With `clip` the norm of the gradient is always recorded, as it was before clipping. Recording does
    not change the training, except for rounding. With `patience` the parameters of the best epoch are restored.
    """

    epochs: int = setting(5, "Epochs", "Passes over the training part", least=1, is_basic=True)
    rate: float = setting(0.5, "Learning rate", "Step size of an update", is_positive=True, is_basic=True)
    decay: float = setting(0.0, "Decay", "The rate in epoch n = 0, 1, ... is rate / (1 + decay n)")
    batch_size: int = setting(1, "Batch size", "Sentences in an update; the lab guide uses 1", least=1, is_basic=True)
    clip: float | None = setting(
        None,
        "Max. norm",
        "Scale the gradient down if its Euclidean norm, over all parameters, is larger",
        is_positive=True,
        none="no limit",
        switch=("Clip gradient", 1.0),
        is_basic=True,
    )
    shuffle: bool = setting(False, "Shuffle", "Shuffle the sentences before each epoch")
    seed: int | None = setting(
        None, "Seed", "Seed of the order of the sentences", most=MAX_SEED, none="that of the `Settings`, or 0"
    )
    patience: int | None = setting(
        None,
        "Patience",
        "Stop after this many epochs without a better accuracy on dev, and keep the best epoch",
        least=1,
        none="train all epochs",
        switch=("Early stopping", 2),
    )
    freeze_embeddings: bool = setting(False, "Freeze embeddings", "Do not train the embeddings", "model")
    gradient_norm: bool = setting(
        False, "Log gradient norm", "Record the gradient's largest norm; always on with clipping"
    )

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012  see `records`

    def __post_init__(self) -> None:
        check(self)

    def fit(
        self,
        model: parameters.Model,
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
            State to resume from; the model must have its parameters. None starts a new training.
        best
            With `progress` and `patience`: the parameters of the best epoch so far.

        Yields
        ------
        Event
            Started, then BatchDone after one or several updates and EpochDone after each epoch, finally Stopped.
            The caller may read and save the model between two events.

        Raises
        ------
        ValueError
            `train` is empty; `patience` is set without `dev`; a sentence is empty; x and y differ in length;
            `progress` does not fit the batches of this corpus.
        IndexError
            A word id or tag id is outside the model's sizes.
        FloatingPointError
            The training diverged: the cost, or a parameter after an epoch, is NaN or infinite.

        Warns
        -----
        UserWarning
            The cost of an epoch is well above that of guessing a tag.
        """
        train, dev = list(train), list(dev or [])
        if self.patience is not None and not dev:
            raise ValueError("patience (early stopping) needs a dev corpus")
        if not train:
            raise ValueError("train must hold at least one sentence")
        for sentence in train + dev:
            model.checked(sentence.x, sentence.y)
        p = progress or Progress()
        batches, dev_batches = (cut(part, self.batch_size, model.dtype) for part in (train, dev))
        if p.batch > len(batches):
            raise ValueError(f"progress stands at batch {p.batch}, but the corpus makes only {len(batches)} batches")
        yield Started(self.epochs, len(batches), len(train), sum(len(s.x) for s in train), p)
        steps = None
        while not (reason := self.stop_reason(p.epoch, p.epochs_without_gain)):
            steps = steps or model.make_steps(batches, self.descent)
            p = yield from self._batches_of_epoch(steps, batches, p)
            event = self._end_epoch(model, dev_batches, p)
            p = event.progress
            if event.is_best and self.patience is not None:
                best = model.get_values()
            yield event
        if self.patience is not None and best is not None:
            model.set_values(best)
        yield Stopped(reason, p)

    def stop_reason(self, epoch: int, epochs_without_gain: int) -> str:
        """Return the reason why a training stops after `epoch` epochs; an empty string if it continues."""
        if epoch >= self.epochs:
            return "the one epoch done" if self.epochs == 1 else f"all {self.epochs} epochs done"
        if self.patience is not None and epochs_without_gain >= self.patience:
            return f"no better accuracy on dev for {counted(self.patience, 'epoch')}"
        return ""

    @property
    def descent(self) -> Descent:
        """The rule of update; if norms are recorded without clipping, it clips at infinity, and so computes them."""
        clip = math.inf if self.clip is None and self.gradient_norm else self.clip
        return Descent(clip, self.freeze_embeddings)

    def learning_rate(self, epoch: int) -> float:
        """Return the learning rate of epoch 0, 1, ...."""
        return self.rate / (1 + self.decay * epoch)

    def _order(self, n_batches: int, epoch: int) -> np.ndarray:
        """Return the indices of the batches in the order of epoch 0, 1, ...."""
        order = np.arange(n_batches)
        if self.shuffle:
            # a new generator for each epoch: resuming in the middle of a training needs no other state
            np.random.RandomState([self.seed or 0, epoch]).shuffle(order)
        return order

    def _batches_of_epoch(
        self, steps: Steps, batches: list[Batch], p: Progress
    ) -> Generator[BatchDone, None, Progress]:
        order, rate = self._order(len(batches), p.epoch), self.learning_rate(p.epoch)
        is_recorded, begin = self.descent.clip is not None, time.perf_counter()
        for losses, corrects, norms in steps(order[p.batch :], rate):
            number, cost, sentences, words = p.batch, p.cost, p.sentences, p.words
            for loss in losses:
                batch = batches[order[number]]
                number += 1
                cost += loss * batch.sentences
                if not math.isfinite(cost):
                    raise FloatingPointError(
                        f"the cost became {cost} in epoch {p.epoch + 1}, batch {number}: "
                        f"try a lower rate than {rate:g}, or clip the gradient"
                    )
                sentences += batch.sentences
                words += batch.words
            mean = (cost - p.cost) / (sentences - p.sentences)
            largest = min(max(0.0, *norms), MAX_FLOAT)  # NaN is ignored
            p = p._replace(
                batch=number,
                cost=cost,
                sentences=sentences,
                correct=p.correct + sum(corrects),
                words=words,
                seconds=p.seconds + time.perf_counter() - begin,
                gradient_norm=max(p.gradient_norm, largest),
            )
            yield BatchDone(p.epoch + 1, number, len(batches), len(losses), mean, p, largest if is_recorded else None)
            begin = time.perf_counter()  # restart: time that the caller spent on the event does not count
        return p

    def _end_epoch(self, model: parameters.Model, dev: Sequence[Batch], p: Progress) -> EpochDone:
        self._check_epoch(model, p)
        dev_accuracy = accuracy(model, dev) if dev else None
        is_best, best, epochs_without_gain = True, p.best_accuracy, p.epochs_without_gain
        if self.patience is not None and dev_accuracy is not None:
            is_best = dev_accuracy > best
            best, epochs_without_gain = max(best, dev_accuracy), 0 if is_best else epochs_without_gain + 1
        return EpochDone(
            epoch=p.epoch + 1,
            cost=p.cost,
            train_accuracy=p.accuracy,
            dev_accuracy=dev_accuracy,
            rate=self.learning_rate(p.epoch),
            seconds=p.seconds,
            words_per_second=p.words_per_second,
            is_best=is_best,
            progress=Progress(epoch=p.epoch + 1, best_accuracy=best, epochs_without_gain=epochs_without_gain),
            gradient_norm=None if self.descent.clip is None else p.gradient_norm,
        )

    def _check_epoch(self, model: parameters.Model, p: Progress) -> None:
        """Raise FloatingPointError if a parameter is NaN or infinite; warn if guessing would be better."""
        rate = self.learning_rate(p.epoch)
        for name, value in model.get_values().items():
            if not np.isfinite(value).all():
                raise FloatingPointError(
                    f"{name} became NaN or infinite in epoch {p.epoch + 1}: "
                    f"try a lower rate than {rate:g}, or clip the gradient"
                )
        guessing = math.log(model.sizes.n_tags)
        if p.mean_cost > WORSE_THAN_CHANCE * guessing and p.epoch + 1 >= min(2, self.epochs):
            warnings.warn(
                f"the cost of epoch {p.epoch + 1}, {p.mean_cost:.3g} per word, is above that of guessing, "
                f"{guessing:.3g}: try a lower rate than {rate:g}, or clip the gradient",
                stacklevel=2,
            )
