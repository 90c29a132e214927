"""Play panel: scale the weights with sliders and see the effect on gradient, hidden states and loss."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import ipywidgets as widgets
import numpy as np

from lab.drawing import html
from lab.drawing.looks import make
from lab.panels.play import words
from lab.panels.play.charts import Line, fit_powers, loss_chart, reach_chart, round_above
from lab.panels.play.network import (
    DESCENT_RANGE,
    FREE,
    MODEL_OF,
    N_POINTS,
    N_SENTENCES,
    RATE,
    Knobs,
    Network,
    train_epoch,
)
from lab.widgets.controls import Controls, dropdown, in_row, integer, on_change, set_options, show, view
from lab.widgets.panel import Panel
from lab.widgets.settings_choice import REACH
from lxmls_rnn.datasets import corpora
from lxmls_rnn.deep_learning.batches import cut
from lxmls_rnn.deep_learning.numpy_lstm import NumpyLSTM
from lxmls_rnn.deep_learning.numpy_rnn import NumpyRNN
from lxmls_rnn.sequences import Sequence as TaggedSentence
from lxmls_rnn.settings import settings_of
from lxmls_rnn.teaching.gradient_flow import gradient_reach
from lxmls_rnn.teaching.landscape import (
    CLAMPABLE_GATES,
    FORGET_OFFSET,
    losses_along,
    scaled,
    steepest_descent,
    with_forget_offset,
)

SLIDERS = "weights", "W_h", "forget"
DOWNHILL = "steepest descent"
ALONG_WEIGHTS, ALONG_W_H, ALONG_FORGET = (settings_of(Knobs)[name].label for name in SLIDERS)
LOOK: Any = {"width": "20em", "label": "8em"}  # of the controls above the plots


class PlayPanel(Panel):
    """Change the scale of the weights and the offset of the forget gate with sliders, and clamp gates.

    `base` is the tagger with the sliders in neutral position, at its initialisation or after training; `reach` is the
    gradient of the chosen word's loss and `losses` the losses along the chosen line, as drawn.
    """

    title = "Play with the weights"
    help = """Drag a slider, or use the arrow keys, and watch. <b>W_h ×</b> multiplies the recurrent weights,
    <b>Weights ×</b> all matrices except the embeddings: with <i>uniform01</i> it is the upper end of the range that
    they are drawn from. <b>Forget gate +</b> is added inside the forget gate, f = logistic(a<sub>f</sub> + offset);
    only this panel has such an offset, because the lab guide's model has no biases. <b>Input gate =</b> and so on clamp
    a gate of the LSTM: it has this value for every unit and word, and no gradient passes through it.<br>Beside <b>W_h
    ×</b>: the spectral radius of W_h, its largest absolute eigenvalue, for an LSTM that of the rows of each gate (g is
    the candidate); and the spectral norm, the largest singular value, of ∂h<sub>t</sub>/∂h<sub>0</sub>. This is the
    product of the Jacobians diag(f'(a)) W_h of all steps from before the first word up to the word of the loss, for an
    LSTM of the Jacobians of the whole state (h, c): no small change of the state before the sentence grows by a larger
    factor. If the slopes f' were all 1, the product would grow or shrink like a power of the spectral radius; the slope
    of tanh is at most 1, that of logistic at most 1/4.<br><b>Predict first</b>, if you like: say what the next change
    does to the last point of the left plot, the share of the gradient that is left at the first word (for an LSTM, at
    its cell c).<br>Left: the norm of the gradient of
    one word's loss with respect to the hidden state some words before it, relative to that at the word itself; for an
    LSTM also with respect to the cell. Right: a slice of the loss landscape, the mean loss of 30 sentences along one
    direction through the weights; the red point is the current position. Below: the hidden units at each word. <b>Train
    one epoch</b> trains on these sentences and resets the sliders to 1. <b>Keep</b> keeps the current lines in grey, to
    compare an RNN with an LSTM, for example. The networks are NumPy's: models in other frameworks compute the same
    numbers from the same weights, but compile first or take longer for so small a network."""

    def __init__(self) -> None:
        self.choice = Controls(settings_of(Network), **LOOK)
        set_options(self.choice["corpus"], [corpora.default(), REACH], corpora.default())
        self.number = integer("Sentence", 1, "Number of the sentence shown", N_SENTENCES, **LOOK)
        self.word = dropdown("Loss of", [], "The word whose loss is differentiated", **LOOK)
        self.line = dropdown("Loss along", [DOWNHILL], "The direction through the weights", **LOOK)
        self.knob = Controls(settings_of(Knobs), widths=dict.fromkeys(SLIDERS, "auto"), width="14em", label="8em")
        self.epoch_button = self.button("Train one epoch", f"Train on the sentences at rate {RATE}", self.train)
        self.keep_button = self.button("Keep", "Keep the current lines in grey, for comparison", self.keep)
        self.reset_button = self.button("Reset", "Draw new initial weights and reset the sliders", self.begin)
        about = "Predict that the gradient that is left at the first word {} {}"
        self.predictions = [
            self.button(says.title(), about.format(says, by), partial(self.predict, says))
            for says, by in words.PREDICTIONS.items()
        ]
        self.recurrence = view("play-recurrence")
        self.summary, self.states = view("play-summary"), view("play-states")
        self.reaches, self.slices = reach_chart(), loss_chart()
        self._history: list[Knobs] = []  # values of the sliders in each epoch of training
        self._drawn: dict[str, object] = {}  # the values that are drawn, by name
        self._prediction: words.Prediction | None = None
        settings = [self.choice[name] for name in ("tagger", "corpus", "distance", "init", "n_hidd", "seed")]
        knobs = [self.knob[name] for name in (*SLIDERS, *CLAMPABLE_GATES)]
        self._controls = (*settings, self.number, self.word, self.line, *knobs)
        self._gates = self.knob.row(*CLAMPABLE_GATES)
        actions = in_row(
            in_row(make(widgets.Label, "Predict first: the gradient at the first word"), *self.predictions),
            in_row(self.epoch_button, self.keep_button, self.reset_button),
        )
        super().__init__(
            in_row(*settings, self.number, self.word, self.line),
            actions,
            in_row(self.knob["W_h"], self.recurrence),
            self.knob.row("weights", "forget"),
            self._gates,
            in_row(self.reaches, self.slices),
            self.summary,
            self.states,
        )
        on_change(self._changed, *settings)
        self.on_input(self._sentence_changed, self.number)
        on_change(self.slices.forget, self.line)  # lines along different directions are not comparable
        self.on_input(self.draw, self.word, self.line, *knobs)
        self._changed()

    # settings

    @property
    def knobs(self) -> Knobs:
        """The values of the sliders and clamps."""
        knobs = Knobs(**self.knob.values())
        return knobs if self.is_lstm else replace(knobs, forget=0.0)

    @property
    def is_lstm(self) -> bool:
        """Whether the tagger is an LSTM, which has a forget gate."""
        return MODEL_OF[self.choice["tagger"].value][0] == "NumpyLSTM"

    @property
    def network(self) -> Network:
        """The settings that the initial weights depend on."""
        return Network(**self.choice.values())

    def sentence(self) -> TaggedSentence:
        """Return the chosen sentence."""
        return self._sentences[self.number.parsed - 1]

    def _changed(self) -> None:
        show(self.choice["distance"], self.choice["corpus"].value == REACH)
        show(self.knob["forget"], self.is_lstm)
        show(self._gates, self.is_lstm)
        self.attempt(self.begin)

    def begin(self) -> None:
        """Draw new initial weights and reset the sliders and clamps."""
        self._sentences, self.base = self.network.sentences(), self.network.drawn()
        self._history = []
        with self.quietly():
            for gate in CLAMPABLE_GATES:
                self.knob[gate].value = FREE
            self._update_options()
        self._reset_sliders(0.0)

    def _reset_sliders(self, forget: float) -> None:
        """Reset the sliders, then draw once."""
        with self.quietly():
            for name, value in zip(SLIDERS, (1.0, 1.0, forget), strict=True):
                self.knob[name].value = value
        self.draw()

    def _update_options(self) -> None:
        """Update the options of lines, and those of words, of which the last but one is selected."""
        set_options(self.line, [DOWNHILL, ALONG_WEIGHTS, ALONG_W_H, *([ALONG_FORGET] if self.is_lstm else [])])
        shown = self.sentence().words  # the last one is the full stop
        set_options(self.word, [(f"{t + 1} {word}", t) for t, word in enumerate(shown)], max(0, len(shown) - 2))

    def _sentence_changed(self) -> None:
        with self.quietly():
            self._update_options()
        self.draw()

    def train(self) -> None:
        """Train one epoch on the scaled weights, then reset the sliders."""
        knobs = self.knobs
        self.base = train_epoch(self.base, knobs, self._sentences)
        self._history = [*self._history, knobs]
        self._reset_sliders(knobs.forget)

    def predict(self, says: str) -> None:
        """Record what the student `says` will become of the gradient at the first word, and show it."""
        self._prediction = words.Prediction(says, words.share_at_first_word(self.reach))
        self._write()

    def keep(self) -> None:
        """Keep the current lines in grey."""
        self.reaches.keep()
        self.slices.keep()
        self.draw()

    # output

    def draw(self) -> None:
        """Show the results for the current values of the sliders."""
        now = {**{control.description: control.value for control in self._controls}, "base": self.base}
        changed = tuple(name for name, value in now.items() if self._drawn.get(name) != value)
        self._drawn = now
        if changed and self._prediction:
            self._prediction = self._prediction.after(changed)
        knobs, sentence, t = self.knobs, self.sentence(), self.word.value
        model, self.knob["forget"].disabled = knobs.applied_to(self.base), "f" in knobs.clamps
        shown = with_forget_offset(model, knobs.forget)
        self.recurrence.value = words.of_recurrence(shown, np.asarray(sentence.x)[: t + 1])
        self.reach = gradient_reach(shown, sentence.x, t, int(sentence.y[t]))
        lines = [share for share in (_shares(self.reach.h), _shares(self.reach.c)) if share is not None]
        back = self.reaches.figure.axes[0]
        back.scale.max, back.tick_values = max(1, t), np.arange(0, t + 1, 1 + t // 10)
        self.reaches.draw(lines)
        fit_powers(self.reaches)
        loss = self._draw_loss(model)
        h = shown.forward(sentence.x, all_outputs=True).h[:, 1:]
        units = [f"h {n}" for n in range(1, len(h) + 1)]
        caption = "Hidden states: white is 0, blue up to 1, orange down to -1"
        upright = len(sentence.words) > 12
        self.states.value = html.heat_map(h, units, sentence.words, 1.0, t, caption=caption, upright=upright)
        parts = [f"Loss of the {len(self._sentences)} sentences: {loss:.3f}", *words.of_reach(self.reach)]
        if isinstance(shown, NumpyLSTM):
            parts.append(f"The forget gates are open to {shown.cells(sentence.x).f.mean():.0%} on average")
        if self._history:
            parts.append(f"Epochs of training: {len(self._history)}")
        self._facts = f"{'. '.join(parts)}."
        self._write()
        self.refresh_code()

    def _write(self) -> None:
        """Show the prediction and what is the case."""
        share = words.share_at_first_word(self.reach)
        verdict = f'<b role="status">{self._prediction.in_words(share)}</b> ' if self._prediction else ""
        self.summary.value = verdict + self._facts

    def _draw_loss(self, model: NumpyRNN) -> float:
        weights, W_h, forget = self.knobs.weights, self.knobs.W_h, self.knobs.forget
        (batch,) = cut(self._sentences, len(self._sentences), "float64")
        line, axis = self.line.value, self.slices.figure.axes
        direction: Mapping[str, np.ndarray | float]
        if line == DOWNHILL:
            x, here, direction = np.linspace(*DESCENT_RANGE, N_POINTS), 0.0, steepest_descent(model, batch, forget)
        elif line == ALONG_FORGET:
            x, here, direction = _places(self.knob["forget"]), forget, {FORGET_OFFSET: 1.0}
        elif line == ALONG_W_H:
            x, here, direction = _places(self.knob["W_h"]), W_h, {"W_h": scaled(self.base, weights).param.W_h}
        else:
            x, here, direction = _places(self.knob["weights"]), weights, scaled(self.base, 1.0, W_h).get_values()
            direction = {name: W for name, W in direction.items() if name != "W_e"}
        losses = losses_along(model, direction, [0.0, *(x - here)], batch, forget)
        self.losses = losses[1:]
        label = "distance downhill" if line == DOWNHILL else line
        axis[0].label, axis[0].scale.min, axis[0].scale.max = label, float(x[0]), float(x[-1])
        axis[1].scale.max = top = round_above(float(losses.max()))
        axis[0].tick_values, axis[1].tick_values = np.arange(x[0], x[-1] + 1), np.linspace(0, top, 6)
        self.slices.draw([(x, self.losses)], (here, losses[0]))
        return float(losses[0])

    def code(self) -> str:
        return self.network.code(self._history, self.knobs, self.number.parsed, self.word.value)


def _places(slider: widgets.FloatSlider) -> np.ndarray:
    return np.linspace(slider.min, slider.max, N_POINTS)


def _shares(norms: np.ndarray | None) -> Line | None:
    """Return the words back and the norms relative to the last one, if finite and positive."""
    if norms is None:
        return None
    back = np.arange(len(norms))
    with np.errstate(divide="ignore", invalid="ignore"):
        share = norms[::-1] / norms[-1]
    drawable = np.isfinite(share) & (share > np.finfo(float).tiny)
    return back[drawable], share[drawable]
