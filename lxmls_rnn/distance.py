"""Trainings on `reach:K` that show how far back a tagger learns to look, judged on the one word that K decides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from lxmls_rnn.deep_learning.interface import Model, Sentence
from lxmls_rnn.deep_learning.training import EpochDone, Trainer
from lxmls_rnn.experiment import Settings, prepare

# what is compared, by name: the model and its activation
TAGGERS = {"RNN, logistic": ("FastRNN", "logistic"), "RNN, tanh": ("FastRNN", "tanh"), "LSTM": ("FastLSTM", "tanh")}


@dataclass(frozen=True)
class Measured:
    """A training after one of its epochs."""

    tagger: str  # a name in TAGGERS
    distance: int
    seed: int
    epoch: int  # from 1
    accuracy: float  # on dev, of the words that the first word decides: 0.5 is guessing


def measure(
    taggers: Iterable[str], distances: Iterable[int], seeds: int, *, n_hidd: int = 20, epochs: int = 15, **more: object
) -> Iterator[Measured]:
    """Train every tagger on every distance with several seeds, at rate 0.5, in a new order each epoch.

    Parameters
    ----------
    taggers
        Names in `TAGGERS`.
    distances
        The K of `reach:K`; one after the other, all taggers and seeds of each.
    seeds
        Trainings of each: their seeds are 0, 1, ....
    n_hidd, epochs
        Hidden units; epochs of each training.
    more
        Of `Settings`: `init`, by default 'glorot', for instance.

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
    """Return in how many sentences of `reach:K` the last word but one, which the first decides, is tagged rightly."""
    return float(np.mean([model.forward(s.x)[:, -2].argmax() == s.y[-2] for s in sentences]))
