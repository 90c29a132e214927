"""Base class of the inspection panel's views; the opened run and the tagged sentence."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from html import escape
from pathlib import Path

import ipywidgets as widgets
import numpy as np

from lab.runtime.job import Job
from lab.widgets.controls import field, on_change, set_options, show
from lab.widgets.panel import Background, Panel
from lxmls_rnn.deep_learning.events import Metrics
from lxmls_rnn.deep_learning.numpy_lstm import NumpyLSTM
from lxmls_rnn.deep_learning.numpy_rnn import Forward
from lxmls_rnn.deep_learning.rnn import MODELS
from lxmls_rnn.experiment import parts
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
            text += f". Shown is its NumPy version, {twin}, with the same parameters and nothing to compile"
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
    """Open a run; errors as `Run.open` and `Run.load`."""
    run = Run.open(folder.name, folder.parent)
    tagger, metrics = run.load()
    return Opened(run, tagger, metrics, (run.folder.name, (run.folder / "model.npz").stat().st_mtime_ns))


def see(tagger: Tagger, sentence: str | list[str]) -> Seen:
    """Tag a sentence and return all quantities; ValueError as `Tagger.encode`."""
    words = tokenize(sentence) if isinstance(sentence, str) else sentence
    x = tagger.encode(words)
    return Seen(words, x, x >= tagger.n_known_words, tagger.model.forward(x, all_outputs=True))


class View(widgets.VBox, Background):
    """Base class of a tab that shows a run and a sentence; `panel` shows its errors."""

    title = ""
    needs_sentence = True

    def __init__(self, panel: Panel, *body: widgets.Widget) -> None:
        self.panel = panel
        self._opened: Opened | None = None
        self._seen: Seen | None = None
        self._filling = False
        self._note, self._body = widgets.HTML(), widgets.VBox(body)
        super().__init__([self._note, self._body])

    def guard(self) -> AbstractContextManager[None]:
        return self.panel.guard()

    @property
    def opened(self) -> Opened:
        """The run; RuntimeError if no run is open."""
        if self._opened is None:
            raise RuntimeError("no run is open")
        return self._opened

    @property
    def seen(self) -> Seen:
        """The sentence; RuntimeError if the run could not tag it."""
        if self._seen is None:
            raise RuntimeError("no sentence has been tagged")
        return self._seen

    def show(self, opened: Opened, seen: Seen | None, problem: str = "") -> None:
        """Show another run or sentence; `seen` is None if the sentence could not be tagged, because of `problem`."""
        self._opened, self._seen = opened, seen
        missing = self.needs_sentence and seen is None
        show(self._body, not missing)
        self._note.value = f"<i>The sentence is not tagged: {escape(problem)}.</i>" if missing else ""
        if not missing:
            with self.filling():
                self.fill()
            self.draw()

    @contextmanager
    def filling(self) -> Iterator[None]:
        """Return a context in which changes of controls do not redraw the view."""
        self._filling = True
        try:
            yield
        finally:
            self._filling = False

    def fill(self) -> None:
        """Fill the controls with the options of this run and sentence."""

    def draw(self) -> None:
        """Draw the view for the current values of the controls."""

    def redraw_on(self, *controls: widgets.Widget) -> None:
        """Redraw the view when one of the controls changes."""
        on_change(self._redraw, *controls)

    def _redraw(self) -> None:
        if self._opened is not None and not self._filling and not (self.needs_sentence and self._seen is None):
            self.panel.attempt(self.draw)

    def code(self) -> str:
        """Return code that continues the panel's code, which defines tagger, words and x."""
        return ""


class CorpusView(View):
    """Base class of a tab that goes through a part of the run's corpus in the background."""

    part: widgets.Dropdown
    button: widgets.Button
    stop_button: widgets.Button
    progress: widgets.FloatProgress

    def list_parts(self) -> None:
        """Offer the parts of the run's corpus."""
        found = list(parts(self.opened.run.settings))
        set_options(self.part, [part for part in ("dev", "test", "train") if part in found])

    def stop(self) -> None:
        """Stop the job, if there is one."""
        if self.job is not None:
            self.job.stop()

    def show_progress(self, job: Job, done: int, total: int) -> None:
        """Show how many of `total` sentences are done; what can be pressed depends on whether the job is active."""
        self.progress.value = done / total if total else 0
        self.stop_button.disabled, self.button.disabled = not job.active, job.active
        show(self.progress, job.active)


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
