"""A panel to look into a trained tagger: what it says, what it remembers, what it has learnt, where it is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from typing import Any

import ipywidgets as widgets

from lab.panels.inspection.compare import CompareView
from lab.panels.inspection.errors import ErrorsView
from lab.panels.inspection.sentence import GradientView, HiddenView, TagsView
from lab.panels.inspection.view import Opened, Seen, View, open_run, see
from lab.panels.inspection.words import NeighboursView
from lab.widgets.choices import WIDE, WRAP, RunChoice
from lab.widgets.panel import Panel

SENTENCE = "The old man watches her run ."


class InspectionPanel(Panel):
    """Look into a trained run.

    Parameters
    ----------
    run
        Name of the run to begin with; by default the newest.

    Attributes
    ----------
    choice, sentence
        Which run, and the sentence that it tags.
    tags, hidden, gradient, neighbours, errors, compare
        The views, each a tab.
    """

    title = "Look into a tagger"
    help = """Choose a trained run, type a sentence and press Enter. <b>Tags</b> shows how sure the tagger is;
    <b>Hidden state</b> what it carries from word to word, and an LSTM's gates at work. <b>Gradient</b>
    shows how much of the error of one word reaches the words before it: look how fast it vanishes in an RNN, and how
    far the cell of an LSTM carries it. <b>Neighbours</b> finds the words that it takes for alike, <b>Errors</b> its
    mistakes, and <b>Compare</b> puts a second run beside it. Try an ambiguous word such as <i>watches</i> or <i>run</i>
    in different places."""

    def __init__(self, run: str | None = None) -> None:
        self.choice = RunChoice()
        self.sentence = widgets.Text(
            description="Sentence", value=SENTENCE, continuous_update=False, placeholder="a sentence, then Enter",
            style=WIDE, layout={"width": "auto", "flex": "1 1 30em"}, tooltip="The sentence to tag; Enter tags it",
        )  # fmt: skip
        self.tag_button = widgets.Button(
            description="Tag", button_style="primary", tooltip="Open the run anew and tag the sentence",
            layout={"width": "auto"},
        )  # fmt: skip
        self.about = widgets.HTML().add_class("lab-about")
        self.tags, self.hidden, self.gradient = (
            view(self.attempt) for view in (TagsView, HiddenView, GradientView)
        )  # fmt: skip
        self.neighbours, self.errors, self.compare = (
            view(self.attempt) for view in (NeighboursView, ErrorsView, CompareView)
        )  # fmt: skip
        self.views: list[View] = [
            self.tags, self.hidden, self.gradient, self.neighbours, self.errors, self.compare
        ]  # fmt: skip
        self.tabs = widgets.Tab(self.views, titles=[view.title for view in self.views], selected_index=0)
        self.opened: Opened | None = None
        self.seen: Seen | None = None
        self._problem = ""
        self._stale: set[View] = set()
        super().__init__(
            self.choice, widgets.HBox([self.sentence, self.tag_button], layout=WRAP), self.about, self.tabs
        )
        if run is not None:
            if run not in self.choice.run.options:
                raise ValueError(f"there is no trained run {run!r}; there are: {', '.join(self.choice.run.options)}")
            self.choice.run.value = run
        for control in (self.choice.run, self.sentence):
            control.observe(lambda _: self._inspect(), "value")
        self.on_click(self.tag_button, self.inspect)
        self.tabs.observe(self._turned, "selected_index")
        self._inspect()

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Clear the message, and show there what goes wrong inside."""
        self.message.value = ""
        with self.guard():
            yield

    def _inspect(self) -> None:
        with self.attempt():
            self.inspect()

    def inspect(self) -> None:
        """Open the chosen run, tag the sentence, show the present tab."""
        self.opened = self.seen = None
        self.about.value, self.tabs.layout.display = "", "none"
        if self.choice.run.value is None:
            self.say("There is no trained run yet: train one in the training panel, then press 'Look again'.")
            return
        self.opened = open_run(self.choice.folder())
        self.about.value = escape(self.opened.describe())
        self.tabs.layout.display = None
        self._stale = set(self.views)
        try:
            self.seen = see(self.opened.tagger, self.sentence.value)
        except ValueError as error:
            self._problem = str(error)
            raise
        finally:
            self._show()

    def _turned(self, _: Any) -> None:
        if self.opened is not None and self._present() in self._stale:
            with self.attempt():
                self._show()
        self.refresh_code()

    def _present(self) -> View:
        return self.views[self.tabs.selected_index or 0]

    def _show(self) -> None:
        assert self.opened is not None
        view = self._present()
        self._stale.discard(view)
        view.show(self.opened, self.seen, self._problem)

    def code(self) -> str:
        """Return code that loads the tagger and does what the present tab does."""
        self.choice.folder()
        return f"""from lxmls_rnn.runs import Run
from lxmls_rnn.tagger import tokenize

run = Run.open({self.choice.run.value!r})
tagger, figures = run.load()  # a NumPy model with the run's numbers, whatever it was trained with
words = tokenize({self.sentence.value!r})
x = tagger.encode(words)
{self._present().code()}"""
