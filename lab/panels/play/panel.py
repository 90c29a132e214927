"""Play panel: scale the weights with sliders and see the effect on gradient, hidden states and loss."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import ipywidgets as widgets
import numpy as np

from lab.drawing import html
from lab.panels.play.charts import Line, loss_chart, reach_chart, round_above
from lab.widgets.choices import REACH
from lab.widgets.controls import dropdown, field, in_row, integer, on_change, seed, set_options, show, view
from lab.widgets.panel import Panel
from lxmls_rnn.deep_learning.batches import cut
from lxmls_rnn.deep_learning.initialisation import INITS, initialise
from lxmls_rnn.deep_learning.numpy_lstm import NumpyLSTM
from lxmls_rnn.deep_learning.numpy_rnn import NumpyRNN
from lxmls_rnn.deep_learning.rnn import numpy_class
from lxmls_rnn.experiment import Settings, corpus_files, read_corpus
from lxmls_rnn.sequences import Sequence as TaggedSentence
from lxmls_rnn.teaching.analysis import Reach, factor_per_step, gradient_reach, steps_until
from lxmls_rnn.teaching.landscape import (
    FORGET_OFFSET,
    descend,
    losses_along,
    scaled,
    steepest_descent,
    with_forget_offset,
)

TAGGER_MODELS = {
    "RNN, logistic": ("NumpyRNN", "logistic"),
    "RNN, tanh": ("NumpyRNN", "tanh"),
    "LSTM": ("NumpyLSTM", "tanh"),
}
SAMPLE = "sample"
MAX_SHOWN_DISTANCE, N_SENTENCES, N_EMB, RATE = 30, 30, 10, 0.5  # RATE: learning rate
DOWNHILL, ALONG_WEIGHTS, ALONG_W_H, ALONG_FORGET = "steepest descent", "Weights ×", "W_h ×", "Forget gate +"
N_POINTS = 31  # points of the loss along a line
DESCENT_RANGE = (-1.0, 5.0)  # ends of the line: Euclidean distance in all weights


class Knobs(NamedTuple):
    """Values of the sliders."""

    weights: float
    W_h: float
    forget: float


class PlayPanel(Panel):
    """Change the scale of the weights and the offset of the forget gate with sliders.

    `base` is the tagger with the sliders in neutral position, at its initialisation or after training; `reach` is the
    gradient of the chosen word's loss and `losses` the losses along the chosen line, as drawn.
    """

    title = "Play with the weights"
    help = """Drag a slider, or use the arrow keys, and watch. <b>W_h ×</b> multiplies the recurrent weights,
    <b>Weights ×</b> all matrices except the embeddings: with <i>uniform01</i> it is the upper end of the range that
    they are drawn from. <b>Forget gate +</b> is added inside the forget gate, f = logistic(a<sub>f</sub> + offset);
    only this panel has such an offset, because the lab guide's model has no biases.<br>Left: the norm of the gradient
    of one word's loss with respect to the hidden state some words before it, relative to that at the word itself; for
    an LSTM also with respect to the cell. Right: a slice of the loss landscape, the mean loss of 30 sentences along one
    direction through the weights; the red point is the current position. Below: the hidden units at each word.
    <b>Train one epoch</b> trains on these sentences and resets the sliders to 1. <b>Keep</b> keeps the current lines in
    grey, to compare an RNN with an LSTM, for example. The networks are NumPy's: models in other frameworks compute the
    same numbers from the same weights, but compile first or take longer for so small a network."""

    def __init__(self) -> None:
        narrow: dict[str, Any] = {"width": "20em", "label": "8em"}
        what = "A small NumPy network, which responds at once"
        self.tagger = dropdown("Tagger", TAGGER_MODELS, what, **narrow)
        what = "The sample corpus, or reach:K, where the word K words back decides a tag"
        self.corpus = dropdown("Corpus", [SAMPLE, REACH], what, **narrow)
        self.distance = integer("Distance", 5, "K of reach:K", MAX_SHOWN_DISTANCE, **narrow)
        what = "Random distribution of the initial weights: between 0 and 1, or around 0"
        self.init = dropdown("Initialisation", INITS, what, "glorot", **narrow)
        self.n_hidd = integer("Hidden units", 10, "Size of the hidden state", 40, **narrow)
        self.seed = seed(1, "Seed of the initial weights", **narrow)
        self.number = integer("Sentence", 1, "Number of the sentence shown", N_SENTENCES, **narrow)
        self.word = dropdown("Loss of", [], "The word whose loss is differentiated", **narrow)
        self.weights = _slider(ALONG_WEIGHTS, 1.0, 0.0, 5.0, "Multiplies all matrices but the embeddings")
        self.W_h = _slider(ALONG_W_H, 1.0, 0.0, 5.0, "Multiplies the recurrent weights")
        self.forget = _slider(ALONG_FORGET, 0.0, -5.0, 5.0, "Added inside the forget gate of an LSTM")
        self.line = dropdown("Loss along", [DOWNHILL], "The direction through the weights", **narrow)
        self.epoch_button = self.button("Train one epoch", f"Train on the sentences at rate {RATE}", self.train)
        self.keep_button = self.button("Keep", "Keep the current lines in grey, for comparison", self.keep)
        self.reset_button = self.button("Reset", "Draw new initial weights and reset the sliders", self.begin)
        self.summary, self.states = view("play-summary"), view("play-states")
        self.reaches, self.slices = reach_chart(), loss_chart()
        self._history: list[Knobs] = []  # values of the sliders in each epoch of training
        self._filling = False
        super().__init__(
            in_row(self.tagger, self.corpus, self.distance),
            in_row(self.init, self.n_hidd, self.seed),
            in_row(self.number, self.word, self.line),
            in_row(self.weights, self.W_h, self.forget),
            in_row(self.epoch_button, self.keep_button, self.reset_button),
            self.summary,
            in_row(self.reaches, self.slices),
            self.states,
        )
        on_change(self._changed, self.tagger, self.corpus, self.distance, self.init, self.n_hidd, self.seed)
        on_change(self._sentence_changed, self.number)
        on_change(self.slices.forget, self.line)  # lines along different directions are not comparable
        on_change(self._draw, self.weights, self.W_h, self.forget, self.word, self.line)
        self._changed()

    # settings

    @property
    def knobs(self) -> Knobs:
        """The values of the sliders."""
        return Knobs(self.weights.value, self.W_h.value, self.forget.value if self.is_lstm else 0.0)

    @property
    def is_lstm(self) -> bool:
        """Whether the tagger is an LSTM, which has a forget gate."""
        return TAGGER_MODELS[self.tagger.value][0] == "NumpyLSTM"

    def _corpus(self) -> str:
        return SAMPLE if self.corpus.value == SAMPLE else f"{REACH}:{self.distance.value}"

    def sentence(self) -> TaggedSentence:
        """Return the chosen sentence."""
        return self._sentences[self.number.value - 1]

    def _changed(self) -> None:
        show(self.distance, self.corpus.value == REACH)
        show(self.forget, self.is_lstm)
        if not self._filling:
            self.attempt(self.begin)

    def begin(self) -> None:
        """Draw new initial weights and reset the sliders."""
        self._sentences, n_words, n_tags = _read(corpus_files(self._corpus())[0])
        (model, activation), drawn = TAGGER_MODELS[self.tagger.value], self.seed.value
        sizes = n_words, N_EMB, self.n_hidd.value, n_tags
        self.base: NumpyRNN = numpy_class(model)(*sizes, seed=drawn, activation=activation)
        initialise(self.base, self.init.value, drawn)
        self._history = []
        self._fill(0.0)

    def _fill(self, forget: float) -> None:
        """Reset the sliders, update the options of words and lines, then draw once."""
        self._filling = True
        try:
            self.weights.value = self.W_h.value = 1.0
            self.forget.value = forget
            set_options(self.line, [DOWNHILL, ALONG_WEIGHTS, ALONG_W_H, *([ALONG_FORGET] if self.is_lstm else [])])
            self._update_words()
        finally:
            self._filling = False
        self.draw()

    def _update_words(self) -> None:
        """List the words of the sentence and select the last but one, before the full stop."""
        words = self.sentence().words
        set_options(self.word, [(f"{t + 1} {word}", t) for t, word in enumerate(words)], max(0, len(words) - 2))

    def _sentence_changed(self) -> None:
        self._filling = True
        with self.guard():
            self._update_words()
        self._filling = False
        self._draw()

    def train(self) -> None:
        """Train one epoch on the scaled weights, then reset the sliders."""
        weights, W_h, forget = self.knobs
        one_by_one = cut(self._sentences, 1, "float64")
        self.base = descend(scaled(self.base, weights, W_h), one_by_one, RATE, forget)
        self._history.append(self.knobs)
        self._fill(forget)

    def keep(self) -> None:
        """Keep the current lines in grey."""
        self.reaches.keep()
        self.slices.keep()
        self.draw()

    # output

    def _draw(self) -> None:
        if not self._filling:
            self.attempt(self.draw)

    def draw(self) -> None:
        """Show the results for the current values of the sliders."""
        weights, W_h, forget = self.knobs
        model, sentence, t = scaled(self.base, weights, W_h), self.sentence(), self.word.value
        shown = with_forget_offset(model, forget)
        self.reach = gradient_reach(shown, sentence.x, t, int(sentence.y[t]))
        lines = [share for share in (_shares(self.reach.h), _shares(self.reach.c)) if share is not None]
        back = self.reaches.figure.axes[0]
        back.scale.max, back.tick_values = max(1, t), np.arange(0, t + 1, 1 + t // 10)
        self.reaches.draw(lines)
        loss = self._draw_loss(model)
        h = shown.forward(sentence.x, all_outputs=True).h[:, 1:]
        units = [f"h {n}" for n in range(1, len(h) + 1)]
        caption = "Hidden states: white is 0, blue up to 1, orange down to -1"
        words = sentence.words
        self.states.value = html.heat_map(h, units, words, 1.0, t, caption=caption, upright=len(words) > 12)
        parts = [f"Loss of the {len(self._sentences)} sentences: {loss:.3f}", *_in_words(self.reach)]
        if isinstance(shown, NumpyLSTM):
            parts.append(f"The forget gates are open to {shown.cells(sentence.x).f.mean():.0%} on average")
        if self._history:
            parts.append(f"Epochs of training: {len(self._history)}")
        self.summary.value = f"{'. '.join(parts)}."

    def _draw_loss(self, model: NumpyRNN) -> float:
        weights, W_h, forget = self.knobs
        (batch,) = cut(self._sentences, len(self._sentences), "float64")
        line, axis = self.line.value, self.slices.figure.axes
        direction: Mapping[str, np.ndarray | float]
        if line == DOWNHILL:
            x, here, direction = np.linspace(*DESCENT_RANGE, N_POINTS), 0.0, steepest_descent(model, batch, forget)
        elif line == ALONG_FORGET:
            x, here, direction = _places(self.forget), forget, {FORGET_OFFSET: 1.0}
        elif line == ALONG_W_H:
            x, here, direction = _places(self.W_h), W_h, {"W_h": scaled(self.base, weights).param.W_h}
        else:
            x, here, direction = _places(self.weights), weights, scaled(self.base, 1.0, W_h).get_values()
            direction = {name: W for name, W in direction.items() if name != "W_e"}
        losses = losses_along(model, direction, [0.0, *(x - here)], batch, forget)
        self.losses = losses[1:]
        label = "distance along the steepest descent" if line == DOWNHILL else line
        axis[0].label, axis[0].scale.min, axis[0].scale.max = label, float(x[0]), float(x[-1])
        axis[1].scale.max = round_above(float(losses.max()))
        self.slices.draw([(x, self.losses)], (here, losses[0]))
        return float(losses[0])

    def code(self) -> str:
        weights, W_h, forget = self.knobs
        model, activation = TAGGER_MODELS[self.tagger.value]
        t = self.word.value
        trained = ""
        if self._history:
            trained = f"""for weights, W_h, forget in {[tuple(knobs) for knobs in self._history]!r}:  # one per epoch
    model = descend(scaled(model, weights, W_h), cut(sentences, 1, "float64"), {RATE}, forget)
"""
        return f"""import numpy as np

from lxmls_rnn.deep_learning.batches import cut
from lxmls_rnn.deep_learning.initialisation import initialise
from lxmls_rnn.deep_learning.rnn import {model}
from lxmls_rnn.experiment import Settings, corpus_files, read_corpus
from lxmls_rnn.teaching.analysis import gradient_reach
from lxmls_rnn.teaching.landscape import descend, losses_along, scaled, steepest_descent, with_forget_offset

train, _, _ = read_corpus(Settings(str(corpus_files({self._corpus()!r})[0])))
sentences = train[:{N_SENTENCES}]
sizes = len(train.x_dict), {N_EMB}, {self.n_hidd.value}, len(train.y_dict)
model = {model}(*sizes, seed={self.seed.value}, activation={activation!r})
initialise(model, {self.init.value!r}, {self.seed.value})
{trained}model = scaled(model, {weights!r}, {W_h!r})
shown = with_forget_offset(model, {forget!r})

sentence, t = sentences[{self.number.value - 1}], {t}
reach = gradient_reach(shown, sentence.x, t, sentence.y[t])
print(sentence.words[t], (reach.h / reach.h[-1])[::-1])
print(shown.forward(sentence.x, all_outputs=True).h[:, 1:])

(batch,) = cut(sentences, len(sentences), "float64")
downhill = steepest_descent(model, batch, {forget!r})
print(losses_along(model, downhill, np.linspace({DESCENT_RANGE[0]}, {DESCENT_RANGE[1]}, {N_POINTS}), batch, {forget!r}))
"""


@lru_cache(maxsize=4)
def _read(train: Path) -> tuple[Sequence[TaggedSentence], int, int]:
    """Return the first sentences of a corpus, and its numbers of words and tags."""
    sentences, _, _ = read_corpus(Settings(str(train)))
    return sentences[:N_SENTENCES], len(sentences.x_dict), len(sentences.y_dict)


def _slider(name: str, value: float, least: float, most: float, tooltip: str) -> widgets.FloatSlider:
    options = {"min": least, "max": most, "step": 0.05, "readout_format": ".2f"}
    return field(widgets.FloatSlider, name, value, tooltip, "29em", "8em", **options)


def _places(slider: widgets.FloatSlider) -> np.ndarray:
    return np.linspace(slider.min, slider.max, N_POINTS)


def _shares(norms: np.ndarray | None) -> Line | None:
    """Return the words back and the norms relative to the last one, if finite and positive."""
    if norms is None:
        return None
    back = np.arange(len(norms))
    with np.errstate(divide="ignore", invalid="ignore"):
        share = norms[::-1] / norms[-1]
    drawable = np.isfinite(share) & (share > 0)
    return back[drawable], share[drawable]


def _in_words(reach: Reach) -> list[str]:
    """Return sentences about the norms of the gradient."""
    factor, steps = factor_per_step(reach.h), steps_until(reach.h)
    if np.isnan(factor):
        return ["No gradient is propagated back"]
    far = "stays above 1 %" if steps is None else f"is below 1 % after {steps} word{'s' * (steps > 1)}"
    return [f"Each word back multiplies the gradient by {html.number(factor)} on average; it {far}"]
