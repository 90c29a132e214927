"""Experiment on dependency distance: train on `reach:K`; evaluate the word whose tag depends on one K words before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from lxmls_rnn.deep_learning.batches import Sentence
from lxmls_rnn.deep_learning.parameters import Model
from lxmls_rnn.deep_learning.training import EpochDone, Trainer
from lxmls_rnn.experiment import Settings, prepare

# the compared taggers: model and activation by name
TAGGERS = {"RNN, logistic": ("FastRNN", "logistic"), "RNN, tanh": ("FastRNN", "tanh"), "LSTM": ("FastLSTM", "tanh")}


@dataclass(frozen=True)
class Measured:
    """The accuracy of a training after one of its epochs."""

    tagger: str  # a name in TAGGERS
    distance: int
    seed: int
    epoch: int  # from 1
    accuracy: float  # on dev, of the words that depend on the first word: guessing gives 0.5


def measure(
    taggers: Iterable[str], distances: Iterable[int], seeds: int, *, n_hidd: int = 20, epochs: int = 15, **more: object
) -> Iterator[Measured]:
    """Train every tagger on every distance with several seeds, at rate 0.5, shuffled in each epoch.

    Parameters
    ----------
    taggers
        Names in `TAGGERS`.
    distances
        The values of K in `reach:K`, trained one after the other with all taggers and seeds.
    seeds
        Number of trainings of each tagger and distance, with the seeds 0, 1, ....
    n_hidd, epochs
        Hidden units; epochs of each training.
    more
        Other fields of `Settings`, such as `init`, which is 'glorot' by default.

    Yields
    ------
    Measured
        After each epoch.

    Raises
    ------
    ValueError, OSError
        As `corpus_files` and `Settings`.
    """
    taggers = list(taggers)
    for distance in distances:
        for tagger in taggers:
            model, activation = TAGGERS[tagger]
            for seed in range(seeds):
                chosen = {"model": model, "activation": activation, "n_hidd": n_hidd, "seed": seed, "init": "glorot"}
                e = prepare(Settings.from_dict({"corpus": f"reach:{distance}", **chosen, **more}))
                trainer = Trainer(epochs=epochs, shuffle=True, seed=seed)
                for event in trainer.fit(e.tagger.model, e.train):
                    if isinstance(event, EpochDone):
                        accuracy = deciding_accuracy(e.tagger.model, e.dev or [])
                        yield Measured(tagger, distance, seed, event.epoch, accuracy)


def deciding_accuracy(model: Model, sentences: Iterable[Sentence]) -> float:
    """Return the accuracy on the last word but one of `reach:K` sentences, whose tag depends on the first word."""
    return float(np.mean([model.forward(s.x)[:, -2].argmax() == s.y[-2] for s in sentences]))
