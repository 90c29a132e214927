"""Step-through panel: forward and backward pass of a recurrent network, one quantity at a time."""

from dataclasses import replace
from functools import partial
from typing import Any

import ipywidgets as widgets
import numpy as np

from lab.drawing.looks import make
from lab.panels.step_through.views import Walk
from lab.widgets.controls import MAX_SHOWN_SIZE, Controls, dropdown, field, in_row, on_change, set_options, show, view
from lab.widgets.panel import Panel
from lab.widgets.run_choice import RunChoice
from lab.widgets.sentence_choice import SentenceChoice
from lxmls_rnn.deep_learning.models import MODELS, activations_of, name_of, numpy_class
from lxmls_rnn.deep_learning.numpy_lstm import NumpyLSTM
from lxmls_rnn.experiment import SETTINGS
from lxmls_rnn.runs import Run
from lxmls_rnn.tagger import Tagger
from lxmls_rnn.teaching.gradient_check import random_values
from lxmls_rnn.teaching.walk import restrict_vocabulary, walk

RANDOM_NETWORK, TRAINED_RUN = "random", "a trained run"
SHOWN = "model", "peepholes", "n_emb", "n_hidd", "activation", "seed"  # the settings of the random network
HELP = {"model": "An RNN or an LSTM", "n_emb": "Dimensions of an embedding", "seed": "Seed of the random network"}
WIDTHS = {"n_emb": "14em", "n_hidd": "14em", "activation": "17em", "seed": "16em"}
PLAY_MILLISECONDS = {"slow": 2000, "normal": 900, "fast": 300}


class StepThroughPanel(Panel):
    """Walk through the forward and the backward pass of a `sentence`, from the step with the symbol `at` on.

    `slider` holds the number of the step, from 1; `walk` holds both passes, or None if the settings are invalid.
    """

    title = "Step through"
    help = """A recurrent network is a multilayer perceptron with an input and an output at every layer. Here you can
    watch an RNN or an LSTM step by step. Move the <b>Step</b> slider (arrow keys work), press <b>Play</b>, or go by
    step or by word. Blue is the forward pass, orange the backward pass. Each step shows its formula with its numbers;
    the quantities below fill up. Observe where W<sub>h</sub> enters twice, which two errors e<sub>h</sub> sums, how
    each gradient gets a contribution from every word, and what multiplies e<sub>c</sub> along the cells. A run of a
    model in Theano or PyTorch is shown with NumPy's formulas and the weights of the run. Then press Show code, and
    set breakpoints in it."""

    def __init__(self, sentence: str = "The old dog found her", at: str = "z_1") -> None:
        tooltip = "A small random network, or one that you have trained"
        self.source = dropdown("Network", [RANDOM_NETWORK, TRAINED_RUN], tooltip)
        self.sentence = SentenceChoice(sentence, self.source)
        shown = {name: replace(SETTINGS[name], help=HELP.get(name, SETTINGS[name].help)) for name in SHOWN}
        self.network = Controls(shown, {"n_emb": 4, "n_hidd": 3, "seed": 1}, WIDTHS)
        for name in ("n_emb", "n_hidd"):
            self.network[name].limit(MAX_SHOWN_SIZE)
        set_options(self.network["model"], [name_of(family, "numpy") for family in ("RNN", "LSTM")])
        self._drawn, self.run = self.network.row(), RunChoice()
        tooltip, limits = "Arrow keys move by one step", dict[str, Any](min=1, max=1)
        look: Any = {"readout": False}
        self.slider = field(widgets.IntSlider, "Step", 1, tooltip, "auto", "auto", "lab-step", **limits, **look)
        look = {"show_repeat": False, "interval": PLAY_MILLISECONDS["normal"]}
        self.play = make(widgets.Play, value=1, description="Play", tooltip="Play", **limits, **look)
        self.speed = dropdown("Speed", PLAY_MILLISECONDS, "Speed of Play", "normal", "10em", "auto")
        tooltip = "Go to the previous word, or back to the forward pass"
        self.word_back = self.button("◀ Word", tooltip, partial(self.go, -1, True))
        self.back = self.button("◀ Step", "Go one step back", partial(self.go, -1, False))
        self.next = self.button("Step ▶", "Go one step forward", partial(self.go, 1, False))
        tooltip = "Go to the next word, then to the backward pass"
        self.word_next = self.button("Word ▶", tooltip, partial(self.go, 1, True))
        self._link = widgets.jslink((self.play, "value"), (self.slider, "value"))
        self.equation, self.drawing, self.quantities = view("equation"), view("drawing"), view("quantities")
        self.walk: Walk | None = None
        super().__init__(
            self.sentence,
            self.run,
            self._drawn,
            in_row(self.play, self.speed, self.word_back, self.back, self.next, self.word_next, self.slider),
            self.equation,
            self.drawing,
            self.quantities,
        )
        self.on_input(self.show, self.slider)
        on_change(lambda: setattr(self.play, "interval", PLAY_MILLISECONDS[self.speed.value]), self.speed)
        self.on_input(self.draw, self.source, self.run.run, *self._drawn.children)
        self.sentence.on_new_sentence = lambda: self.attempt(self.draw)
        self.attempt(self.draw)
        symbols = [step.symbol for step in self.walk.steps] if self.walk else [at]
        if at not in symbols:
            raise ValueError(f"at must be the symbol of a step, such as e_h_2, got {at!r}")
        self.slider.value = symbols.index(at) + 1

    def draw(self) -> None:
        """Compute both passes for the current settings and show the first step."""
        show(self.run, self.source.value == TRAINED_RUN)
        show(self._drawn, self.source.value == RANDOM_NETWORK)
        show(self.network["peepholes"], self._is_lstm)
        show(self.network["activation"], not self._is_lstm)
        if not self._is_lstm:
            set_options(self.network["activation"], activations_of(self.network["model"].value))
        self.walk = None
        self.equation.value = self.drawing.value = self.quantities.value = ""
        self.walk = self._walk()
        self.play.playing = False
        with self.quietly():
            self.play.max = self.slider.max = len(self.walk.steps)
            self.play.value = self.slider.value = 1
        self.show()

    @property
    def _is_lstm(self) -> bool:
        """Whether the random network is an LSTM."""
        return MODELS[self.network["model"].value].family == "LSTM"

    def _options(self) -> dict[str, Any]:
        """Return the constructor's options of the random network, without its sizes."""
        name = "peepholes" if self._is_lstm else "activation"
        return {name: self.network.value_of(name)}

    def _walk(self) -> Walk:
        words, tags = self.sentence.sentence()
        if self.source.value == RANDOM_NETWORK:
            ids, tag_names = words, list(dict.fromkeys(tags))
            chosen = self.network.values()
            sizes = len(set(words)), chosen["n_emb"], chosen["n_hidd"], len(tag_names)
            model = numpy_class(chosen["model"])(*sizes, **self._options())
            model.set_values(random_values(model, np.random.RandomState(chosen["seed"])))
        else:
            tagger = self._tagger()
            for tag in tags:
                if tag not in tagger.tags:
                    raise ValueError(f"the run's model has no tag {tag!r}: expected one of {', '.join(tagger.tags)}")
            ids, tag_names = tagger.encode(words).tolist(), tagger.tags
            model = restrict_vocabulary(tagger.model, list(dict.fromkeys(ids)))
        distinct = list(dict.fromkeys(ids))
        x, y = [distinct.index(i) for i in ids], [tag_names.index(tag) for tag in tags]
        return Walk(words, tags, x, y, tag_names, model, list(walk(model, x, y)))

    def _tagger(self) -> Tagger:
        return Run.open(self.run.folder().name).load()[0]

    def go(self, way: int, by_word: bool) -> None:
        """Go one step forward (1) or back (-1), or to the first step of the next or previous word."""
        if self.walk is None:
            raise ValueError("nothing to step through: correct the sentence or the network first")
        steps = self.walk.steps
        last = len(steps) - 1
        i = self.slider.value - 1
        words = [(step.direction, step.t) for step in steps]
        if not by_word:
            i += way
        elif way > 0:
            i = next((later for later in range(i, len(words)) if words[later] != words[i]), last)
        else:
            i = words.index(words[max(0, i - 1)])
        self.play.value = self.slider.value = min(max(i, 0), last) + 1

    def show(self) -> None:
        if self.walk is None:
            return
        number = self.slider.value
        self.equation.value = self.walk.equation(number)
        self.drawing.value = self.walk.drawing(number)
        self.quantities.value = self.walk.quantities(number)
        if number == len(self.walk.steps):
            note = "Both passes are done. The gradients summed over the steps equal those of grads(x, y); the largest"
            self.show_message(f"{note} difference is {self.walk.difference():.0e}.")

    def code(self) -> str:
        words, tags = self.sentence.sentence()
        start = f"words = {words!r}\ntags = {tags!r}\n"
        if self.source.value == RANDOM_NETWORK:
            chosen = self.network.values()
            options = ", ".join(f"{name}={value!r}" for name, value in self._options().items())
            return f"""import numpy as np

from lxmls_rnn.deep_learning.rnn import {chosen["model"]}
from lxmls_rnn.teaching.gradient_check import random_values
from lxmls_rnn.teaching.walk import walk

{start}vocabulary, tag_names = list(dict.fromkeys(words)), list(dict.fromkeys(tags))
x = [vocabulary.index(word) for word in words]
y = [tag_names.index(tag) for tag in tags]

model = {chosen["model"]}(len(vocabulary), {chosen["n_emb"]}, {chosen["n_hidd"]}, len(tag_names), {options})
model.set_values(random_values(model, np.random.RandomState({chosen["seed"]})))
{_walk_code(self._is_lstm)}"""
        model = self._tagger().model
        return f"""from lxmls_rnn.runs import Run
from lxmls_rnn.teaching.walk import walk

{start}
tagger, _ = Run.open({self.run.run.value!r}).load()
model = tagger.model
x = tagger.encode(words)
y = [tagger.tags.index(tag) for tag in tags]
{_walk_code(isinstance(model, NumpyLSTM))}"""


def _walk_code(is_lstm: bool) -> str:
    cells = "i, f, g, o, c = model.cells(x)\n" if is_lstm else ""
    return f"""
loss, p_y, p, scores, h, z, _ = model.forward(x, all_outputs=True, outputs=y)  # all steps at once
{cells}errors = model.backward(x, y)
gradients = model.grads(x, y)

for step in walk(model, x, y):  # the same, one by one
    print(step.direction, "word", step.t, words[step.t - 1], ":", step.symbol, "=", step.formula)
    print(step.value if step.value.size < 200 else step.value.shape)
"""
