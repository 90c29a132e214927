"""Base class of the inspection panel's views; the opened run and the tagged sentence."""

from dataclasses import dataclass
from html import escape
from pathlib import Path

import ipywidgets as widgets
import numpy as np

from lab.drawing.looks import ColumnBox
from lab.widgets.controls import field, on_change, show, view
from lab.widgets.panel import Panel, Quiet
from lxmls_rnn.deep_learning.events import Metrics
from lxmls_rnn.deep_learning.models import MODELS
from lxmls_rnn.deep_learning.numpy_lstm import NumpyLSTM
from lxmls_rnn.deep_learning.numpy_rnn import Forward
from lxmls_rnn.runs import Run
from lxmls_rnn.tagger import Tagger, tokenize


@dataclass(frozen=True)
class Opened:
    """A run with its tagger, as a NumPy model."""

    run: Run
    tagger: Tagger
    metrics: Metrics | None  # of the model's epoch
    stamp: tuple[str, int]  # identifies the model: name of the run, modification time

    @property
    def name(self) -> str:
        return self.run.folder.name

    @property
    def is_lstm(self) -> bool:
        """Whether the tagger is an LSTM, which has gates."""
        return isinstance(self.tagger.model, NumpyLSTM)

    def describe(self) -> str:
        model, asked = self.tagger.model, self.run.settings.model
        text = f"{self.run.settings.model_in_words} ({MODELS[asked].title}), {model.sizes.n_hidd} hidden units, "
        text += f"{model.sizes.n_words} words"
        if self.metrics is not None:
            text += f", epoch {self.metrics.epoch}"
            if self.metrics.dev_accuracy is not None:
                text += f", accuracy on dev {self.metrics.dev_accuracy:.1%}"
        twin = type(model).__name__
        if asked != twin:
            text += f". Shown here: its NumPy version, {twin}, with the same parameters and nothing to compile"
        return text + "."


@dataclass(frozen=True)
class Seen:
    """A sentence tagged by a run."""

    words: list[str]
    x: np.ndarray
    unknown: np.ndarray  # bool (L,)
    forward: Forward

    @property
    def numbered(self) -> list[tuple[str, int]]:
        """The words with their positions, as options of a control."""
        return [(f"{t + 1} {word}", t) for t, word in enumerate(self.words)]


def open_run(folder: Path) -> Opened:
    """Open a run; OSError if a file of it is missing or cannot be read, ValueError if one is damaged."""
    run = Run.open(folder.name, folder.parent)
    tagger, metrics = run.load()
    return Opened(run, tagger, metrics, (run.folder.name, (run.folder / "model.npz").stat().st_mtime_ns))


def see(tagger: Tagger, sentence: str) -> Seen:
    """Tag a sentence and return all quantities; ValueError as `Tagger.encode`."""
    words = tokenize(sentence)
    x = tagger.encode(words)
    return Seen(words, x, x >= tagger.n_known_words, tagger.model.forward(x, all_outputs=True))


class View(ColumnBox, Quiet):
    """Base class of a tab that shows a run and a sentence; `panel` shows its errors."""

    title = ""
    needs_sentence = True
    opened: Opened  # the run
    _seen: Seen | str = ""
    quiet = True  # until a run is shown

    def __init__(self, panel: Panel, *body: widgets.Widget) -> None:
        self.panel = panel
        self._note, self._body = view(), ColumnBox(body)
        super().__init__([self._note, self._body])

    @property
    def seen(self) -> Seen:
        """The sentence, if the run could tag it."""
        assert isinstance(self._seen, Seen)
        return self._seen

    def show(self, opened: Opened, seen: Seen | str) -> None:
        """Show another run or sentence; `seen` is a text if the sentence could not be tagged: the reason."""
        self.opened, self._seen, self.quiet = opened, seen, True
        missing = self.needs_sentence and not isinstance(seen, Seen)
        show(self._body, not missing)
        self._note.value = f"<i>The sentence is not tagged: {escape(str(seen))}.</i>" if missing else ""
        if not missing:
            self.fill()
            self.quiet = False
            self.draw()

    def fill(self) -> None:
        """Fill the controls with the options of this run and sentence."""

    def draw(self) -> None:
        """Draw the view for the current values of the controls."""

    def redraw_on(self, *controls: widgets.Widget) -> None:
        """Redraw the view when one of the controls changes."""
        on_change(lambda: self.quiet or self.panel.attempt(self.draw), *controls)

    def code(self) -> str:
        """Return code that continues the panel's code, which defines tagger, words and x."""
        return ""


def word_slider(tooltip: str) -> widgets.SelectionSlider:
    """Make a slider over the words of a sentence."""
    made = field(widgets.SelectionSlider, "Word", 0, tooltip, "30em", "4em", options=[("", 0)], continuous_update=True)
    return made.add_class("lab-words")


def last_word(seen: Seen) -> int:
    """Return the position of the last word that is not punctuation."""
    return max((t for t, word in enumerate(seen.words) if word[0].isalnum()), default=0)


def unknown_note(seen: Seen) -> str:
    """Return a sentence that lists the unknown words."""
    unknown = [f"<bdi>{escape(word)}</bdi>" for word, missing in zip(seen.words, seen.unknown, strict=True) if missing]
    if not unknown:
        return "Every word is in the vocabulary."
    return f"Dashed: not in the vocabulary; the model sees &lt;unk&gt;: {', '.join(unknown)}."
