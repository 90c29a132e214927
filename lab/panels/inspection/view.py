"""Base class of the inspection panel's views; the opened run and the tagged sentence."""

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import numpy as np

from lab.widgets.controls import dropdown, field, in_row, on_change, progress_bar, set_options, show
from lab.widgets.panel import Panel, Quiet, Work
from lxmls_rnn.deep_learning.events import Metrics
from lxmls_rnn.deep_learning.numpy_lstm import NumpyLSTM
from lxmls_rnn.deep_learning.numpy_rnn import Forward
from lxmls_rnn.deep_learning.rnn import MODELS
from lxmls_rnn.experiment import Settings, part_file, parts
from lxmls_rnn.runs import Run
from lxmls_rnn.sequences import SequenceList
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


class View(widgets.VBox, Quiet):
    """Base class of a tab that shows a run and a sentence; `panel` shows its errors."""

    title = ""
    needs_sentence = True
    opened: Opened  # the run
    _seen: Seen | str = ""
    quiet = True  # until a run is shown

    def __init__(self, panel: Panel, *body: widgets.Widget) -> None:
        self.panel = panel
        self._note, self._body = widgets.HTML(), widgets.VBox(body)
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


class CorpusView(View):
    """Base class of a tab that goes through a part of the run's corpus in the background.

    `part` and `button` are the names and tooltips of the list of parts and of the button that starts; `stop` is the
    tooltip of the button that stops.
    """

    def __init__(
        self, panel: Panel, part: tuple[str, str], button: tuple[str, str], stop: str, *body: widgets.Widget
    ) -> None:
        self.part = dropdown(part[0], ["dev"], part[1], width="16em", label="6em")
        self.button = panel.button(*button, self.start, "primary")
        self.stop_button = panel.button("Stop", stop, lambda: self.work.stop())
        self.progress = progress_bar("12em")
        self.work = Work(panel, self.button, self.stop_button, self.progress)
        self._started: Opened | None = None  # the run of the results
        super().__init__(panel, in_row(self.part, self.button, self.stop_button, self.progress), *body)

    def fill(self) -> None:
        """List the parts of the run's corpus; discard the results of another model."""
        found = list(parts(self.opened.run.settings))
        set_options(self.part, [part for part in ("dev", "test", "train") if part in found])
        if self._started is not None and self._started.stamp != self.opened.stamp:
            self.forget()

    def forget(self) -> None:
        """Discard the results, and stop the job that computes them."""
        self.work.stop()
        self._started = None

    def reading(self, settings: Settings) -> dict[str, Any]:
        """Return the options to read the corpus."""
        return settings.reading

    def results_of(self, tagger: Tagger, sentences: SequenceList) -> Iterator[Any]:
        """Return a result for each sentence."""
        raise NotImplementedError

    def conclude(self, part: str, results: list[Any], tags: list[str], total: int) -> None:
        """Show the results of a part of `total` sentences, fewer if the job was stopped; `tags` are its tags."""
        raise NotImplementedError

    def start(self) -> None:
        """Compute the results in the background, then show them."""
        self.forget()
        self._started = opened = self.opened
        settings, tagger, part = opened.run.settings, opened.tagger, self.part.value
        tags, total = list[str](), 0

        def work() -> Iterator[Any]:
            nonlocal total
            sentences = tagger.read(part_file(settings, part), **self.reading(settings))
            total = len(sentences)
            tags.extend(sentences.y_dict.names)
            yield from self.results_of(tagger, sentences)

        def on_progress() -> None:
            self.progress.value = len(self.work.events) / total if total else 0

        def on_end() -> None:
            if self.work.events and self._started is opened:
                self.conclude(part, self.work.events, tags, total)

        self.work.begin(work, on_end, on_progress)


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
