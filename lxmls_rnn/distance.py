"""Experiment on dependency distance: train on `reach:K`; evaluate the word whose tag depends on one K words before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from lxmls_rnn.datasets.reach import MAX_DISTANCE
from lxmls_rnn.deep_learning.batches import Sentence
from lxmls_rnn.deep_learning.parameters import INITS, Model
from lxmls_rnn.deep_learning.training import EpochDone, Trainer
from lxmls_rnn.experiment import Settings, prepare
from lxmls_rnn.settings import check, described, setting

# the compared taggers: model and activation by name
TAGGERS = {"RNN, logistic": ("FastRNN", "logistic"), "RNN, tanh": ("FastRNN", "tanh"), "LSTM": ("FastLSTM", "tanh")}


@described
@dataclass(frozen=True)
class DistanceSettings:
    """Settings of the experiment; the trainings have the seeds 0, 1, ..., the rate 0.5, and shuffle in each epoch."""

    taggers: tuple[str, ...] = setting(
        tuple(TAGGERS),
        "Taggers",
        "The taggers to compare: {choices}",
        choices={name: f"{model} with {activation}" for name, (model, activation) in TAGGERS.items()},
    )
    distances: tuple[int, ...] = setting(
        (1, 2, 3, 5, 10, 20),
        "Distances",
        f"The values of K in `reach:K`: numbers from 1 to {MAX_DISTANCE}, separated by commas",
        least=1,
        most=MAX_DISTANCE,
    )
    seeds: int = setting(3, "Seeds", "Trainings of each tagger and distance, each with its own seed", least=1, most=20)
    epochs: int = setting(15, "Epochs", "Epochs of each training", least=1, most=1000)
    init: str = setting("glorot", "Initialisation", "Initialisation of the parameters: {choices}", choices=INITS)
    n_hidd: int = setting(20, "", "Size of the hidden state", least=1)
    max_nr_sent: int | None = setting(None, "", "Maximum number of sentences per part", least=1, none="all")

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class Measured:
    """The accuracy of a training after one of its epochs."""

    tagger: str  # a name in TAGGERS
    distance: int
    seed: int
    epoch: int  # from 1
    accuracy: float  # on dev, of the words that depend on the first word: guessing gives 0.5


def measure(settings: DistanceSettings) -> Iterator[Measured]:
    """Train every tagger on every distance, one distance after the other; yield the accuracy after each epoch.

    OSError if a corpus cannot be written or read.
    """
    sizes = {"n_hidd": settings.n_hidd, "max_nr_sent": settings.max_nr_sent}
    for distance in settings.distances:
        for tagger in settings.taggers:
            model, activation = TAGGERS[tagger]
            for seed in range(settings.seeds):
                own = {"model": model, "activation": activation, "seed": seed, "init": settings.init}
                e = prepare(Settings(f"reach:{distance}").changed(**sizes, **own))
                trainer = Trainer(epochs=settings.epochs, shuffle=True, seed=seed)
                for event in trainer.fit(e.tagger.model, e.train):
                    if isinstance(event, EpochDone):
                        accuracy = deciding_accuracy(e.tagger.model, e.dev or [])
                        yield Measured(tagger, distance, seed, event.epoch, accuracy)


def deciding_accuracy(model: Model, sentences: Iterable[Sentence]) -> float:
    """Return the accuracy on the last word but one of `reach:K` sentences, whose tag depends on the first word."""
    return float(np.mean([model.forward(s.x)[:, -2].argmax() == s.y[-2] for s in sentences]))
