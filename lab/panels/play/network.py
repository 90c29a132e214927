"""Network of the play panel: initial weights, sliders and clamps, training, and Python code for all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from lab.widgets.settings_choice import REACH
from lxmls_rnn.datasets.corpora import corpus_files
from lxmls_rnn.deep_learning.batches import cut
from lxmls_rnn.deep_learning.models import numpy_class
from lxmls_rnn.deep_learning.numpy_rnn import NumpyRNN
from lxmls_rnn.deep_learning.parameters import INITS
from lxmls_rnn.experiment import Settings, read_corpus
from lxmls_rnn.sequences import Sequence as TaggedSentence
from lxmls_rnn.settings import setting
from lxmls_rnn.teaching.landscape import CLAMPABLE_GATES, descend, scaled, with_clamps

N_SENTENCES, N_EMB, RATE = 30, 10, 0.5  # RATE: learning rate
N_POINTS = 31  # points of the loss along a line
DESCENT_RANGE = (-1.0, 5.0)  # ends of the line: Euclidean distance in all weights


MODEL_OF = {
    "RNN, logistic": ("NumpyRNN", "logistic"),
    "RNN, tanh": ("NumpyRNN", "tanh"),
    "LSTM": ("NumpyLSTM", "tanh"),
}
MAX_DISTANCE = 30  # in words: longer sentences do not fit into the panel
FREE = "free"
CLAMP_VALUES = FREE, "0", "0.5", "1"
CLAMP_HELP = "Fix this gate for all units and words; no gradient passes through it"


@dataclass(frozen=True)
class Knobs:
    """Values of the sliders, and of the gates of an LSTM that can be clamped."""

    weights: float = setting(1.0, "Weights ×", "Multiplies all matrices but the embeddings", most=5, step=0.05)
    W_h: float = setting(1.0, "W_h ×", "Multiplies the recurrent weights", most=5, step=0.05)
    forget: float = setting(
        0.0, "Forget gate +", "Added inside the forget gate of an LSTM", least=-5, most=5, step=0.05
    )
    i: str = setting(FREE, "Input gate =", CLAMP_HELP, choices=CLAMP_VALUES)
    f: str = setting(FREE, "Forget gate =", CLAMP_HELP, choices=CLAMP_VALUES)
    o: str = setting(FREE, "Output gate =", CLAMP_HELP, choices=CLAMP_VALUES)

    @property
    def clamps(self) -> dict[str, float]:
        """The values of the clamped gates by name."""
        return {gate: float(getattr(self, gate)) for gate in CLAMPABLE_GATES if getattr(self, gate) != FREE}

    def applied_to(self, base: NumpyRNN) -> NumpyRNN:
        """Return `base` with the weights scaled and the gates clamped, but without the forget gate's offset."""
        return with_clamps(scaled(base, self.weights, self.W_h), self.clamps)


@dataclass(frozen=True)
class Network:
    """Settings that the initial weights depend on."""

    corpus: str = setting(
        ...,
        "Corpus",
        "The sample corpus or that of LXMLS_CORPUS, or reach:K, where the word K words back decides a tag",
        choices=(REACH,),
    )
    tagger: str = setting(
        "RNN, logistic", "Tagger", "A small NumPy network, which responds at once", choices=tuple(MODEL_OF)
    )
    distance: int = setting(5, "Distance", "K of reach:K", least=1, most=MAX_DISTANCE)
    init: str = setting(
        "glorot",
        "Initialisation",
        "Random distribution of the initial weights: between 0 and 1, or around 0",
        choices=INITS,
    )
    n_hidd: int = setting(10, "Hidden units", "Size of the hidden state", least=1, most=40)
    seed: int = setting(1, "Seed", "Seed of the initial weights")

    @property
    def corpus_name(self) -> str:
        """The name of the corpus, with its distance if it is reach:K."""
        return f"{REACH}:{self.distance}" if self.corpus == REACH else self.corpus

    def sentences(self) -> Sequence[TaggedSentence]:
        """Return the first sentences of the corpus."""
        return _read(corpus_files(self.corpus_name)[0])[0]

    def drawn(self) -> NumpyRNN:
        """Return the network with its initial weights."""
        _, n_words, n_tags = _read(corpus_files(self.corpus_name)[0])
        sizes = n_words, N_EMB, self.n_hidd, n_tags
        name, activation = MODEL_OF[self.tagger]
        model: NumpyRNN = numpy_class(name)(*sizes, seed=self.seed, activation=activation, init=self.init)
        return model

    def code(self, history: Sequence[Knobs], knobs: Knobs, number: int, t: int) -> str:
        """Return Python code that computes what the panel shows, for word t of the sentence with this number."""
        name, activation = MODEL_OF[self.tagger]
        trained = ""
        if history:
            trained = f"""epochs = {[(past.weights, past.W_h, past.forget, past.clamps) for past in history]!r}
for weights, W_h, forget, clamps in epochs:
    model = with_clamps(scaled(model, weights, W_h), clamps)
    model = descend(model, cut(sentences, 1, "float64"), {RATE}, forget)
"""
        return f"""import numpy as np

from lxmls_rnn.datasets.corpora import corpus_files
from lxmls_rnn.deep_learning.batches import cut
from lxmls_rnn.deep_learning.rnn import {name}
from lxmls_rnn.experiment import Settings, read_corpus
from lxmls_rnn.teaching.gradient_flow import gradient_reach, spectral_radii, state_jacobian
from lxmls_rnn.teaching.landscape import descend, losses_along, scaled, steepest_descent
from lxmls_rnn.teaching.landscape import with_clamps, with_forget_offset

train, _, _ = read_corpus(Settings(str(corpus_files({self.corpus_name!r})[0])))
sentences = train[:{N_SENTENCES}]
sizes = len(train.x_dict), {N_EMB}, {self.n_hidd}, len(train.y_dict)
model = {name}(*sizes, seed={self.seed}, activation={activation!r}, init={self.init!r})
{trained}model = with_clamps(scaled(model, {knobs.weights!r}, {knobs.W_h!r}), {knobs.clamps!r})
shown = with_forget_offset(model, {knobs.forget!r})

sentence, t = sentences[{number - 1}], {t}
reach = gradient_reach(shown, sentence.x, t, sentence.y[t])
print(sentence.words[t], (reach.h / reach.h[-1])[::-1])
jacobian = state_jacobian(shown, sentence.x[: t + 1])
print(spectral_radii(shown.param.W_h), np.linalg.norm(jacobian, 2))
print(shown.forward(sentence.x, all_outputs=True).h[:, 1:])

(batch,) = cut(sentences, len(sentences), "float64")
downhill = steepest_descent(model, batch, {knobs.forget!r})
line = np.linspace({DESCENT_RANGE[0]}, {DESCENT_RANGE[1]}, {N_POINTS})
print(losses_along(model, downhill, line, batch, {knobs.forget!r}))
"""


def train_epoch(base: NumpyRNN, knobs: Knobs, sentences: Sequence[TaggedSentence]) -> NumpyRNN:
    """Return the network after one epoch of gradient descent, which begins with the knobs applied to `base`."""
    return descend(knobs.applied_to(base), cut(sentences, 1, "float64"), RATE, knobs.forget)


@lru_cache(maxsize=4)
def _read(train: Path) -> tuple[Sequence[TaggedSentence], int, int]:
    """Return the first sentences of a corpus, and its numbers of words and tags."""
    sentences, _, _ = read_corpus(Settings(str(train)))
    return sentences[:N_SENTENCES], len(sentences.x_dict), len(sentences.y_dict)
