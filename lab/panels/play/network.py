"""Network of the play panel: initial weights, sliders and clamps, training, and Python code for all of them."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from lxmls_rnn.datasets.corpora import corpus_files
from lxmls_rnn.deep_learning.batches import cut
from lxmls_rnn.deep_learning.initialisation import initialise
from lxmls_rnn.deep_learning.numpy_rnn import NumpyRNN
from lxmls_rnn.deep_learning.rnn import numpy_class
from lxmls_rnn.experiment import Settings, read_corpus
from lxmls_rnn.sequences import Sequence as TaggedSentence
from lxmls_rnn.teaching.landscape import descend, scaled, with_clamps

N_SENTENCES, N_EMB, RATE = 30, 10, 0.5  # RATE: learning rate
N_POINTS = 31  # points of the loss along a line
DESCENT_RANGE = (-1.0, 5.0)  # ends of the line: Euclidean distance in all weights


class Knobs(NamedTuple):
    """Values of the sliders, and of the clamped gates by name."""

    weights: float
    W_h: float
    forget: float
    clamps: dict[str, float]

    def applied_to(self, base: NumpyRNN) -> NumpyRNN:
        """Return `base` with the weights scaled and the gates clamped, but without the forget gate's offset."""
        return with_clamps(scaled(base, self.weights, self.W_h), self.clamps)


class Network(NamedTuple):
    """Settings that the initial weights depend on."""

    corpus: str
    model: str
    activation: str
    init: str
    n_hidd: int
    seed: int

    def sentences(self) -> Sequence[TaggedSentence]:
        """Return the first sentences of the corpus."""
        return _read(corpus_files(self.corpus)[0])[0]

    def drawn(self) -> NumpyRNN:
        """Return the network with its initial weights."""
        _, n_words, n_tags = _read(corpus_files(self.corpus)[0])
        sizes = n_words, N_EMB, self.n_hidd, n_tags
        model: NumpyRNN = numpy_class(self.model)(*sizes, seed=self.seed, activation=self.activation)
        initialise(model, self.init, self.seed)
        return model

    def code(self, history: Sequence[Knobs], knobs: Knobs, number: int, t: int) -> str:
        """Return Python code that computes what the panel shows, for word t of the sentence with this number."""
        weights, W_h, forget, clamps = knobs
        trained = ""
        if history:
            trained = f"""epochs = {[tuple(knobs) for knobs in history]!r}
for weights, W_h, forget, clamps in epochs:
    model = with_clamps(scaled(model, weights, W_h), clamps)
    model = descend(model, cut(sentences, 1, "float64"), {RATE}, forget)
"""
        return f"""import numpy as np

from lxmls_rnn.datasets.corpora import corpus_files
from lxmls_rnn.deep_learning.batches import cut
from lxmls_rnn.deep_learning.initialisation import initialise
from lxmls_rnn.deep_learning.rnn import {self.model}
from lxmls_rnn.experiment import Settings, read_corpus
from lxmls_rnn.teaching.analysis import gradient_reach
from lxmls_rnn.teaching.jacobians import spectral_radii, state_jacobian
from lxmls_rnn.teaching.landscape import descend, losses_along, scaled, steepest_descent
from lxmls_rnn.teaching.landscape import with_clamps, with_forget_offset

train, _, _ = read_corpus(Settings(str(corpus_files({self.corpus!r})[0])))
sentences = train[:{N_SENTENCES}]
sizes = len(train.x_dict), {N_EMB}, {self.n_hidd}, len(train.y_dict)
model = {self.model}(*sizes, seed={self.seed}, activation={self.activation!r})
initialise(model, {self.init!r}, {self.seed})
{trained}model = with_clamps(scaled(model, {weights!r}, {W_h!r}), {clamps!r})
shown = with_forget_offset(model, {forget!r})

sentence, t = sentences[{number - 1}], {t}
reach = gradient_reach(shown, sentence.x, t, sentence.y[t])
print(sentence.words[t], (reach.h / reach.h[-1])[::-1])
jacobian = state_jacobian(shown, sentence.x[: t + 1])
print(spectral_radii(shown.param.W_h), np.linalg.norm(jacobian, 2))
print(shown.forward(sentence.x, all_outputs=True).h[:, 1:])

(batch,) = cut(sentences, len(sentences), "float64")
downhill = steepest_descent(model, batch, {forget!r})
print(losses_along(model, downhill, np.linspace({DESCENT_RANGE[0]}, {DESCENT_RANGE[1]}, {N_POINTS}), batch, {forget!r}))
"""


def train_epoch(base: NumpyRNN, knobs: Knobs, sentences: Sequence[TaggedSentence]) -> NumpyRNN:
    """Return the network after one epoch of gradient descent, which begins with the knobs applied to `base`."""
    return descend(knobs.applied_to(base), cut(sentences, 1, "float64"), RATE, knobs.forget)


@lru_cache(maxsize=4)
def _read(train: Path) -> tuple[Sequence[TaggedSentence], int, int]:
    """Return the first sentences of a corpus, and its numbers of words and tags."""
    sentences, _, _ = read_corpus(Settings(str(train)))
    return sentences[:N_SENTENCES], len(sentences.x_dict), len(sentences.y_dict)
