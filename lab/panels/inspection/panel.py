"""Inspection panel: tags, hidden states, gradients, embeddings and errors of a trained tagger."""

from collections.abc import Callable
from html import escape

import ipywidgets as widgets

from lab.drawing.looks import make
from lab.panels.inspection.errors import ErrorsView
from lab.panels.inspection.neighbours import NeighboursView
from lab.panels.inspection.sentence import GradientView, HiddenView, TagsView
from lab.panels.inspection.view import Opened, Seen, View, open_run, see
from lab.widgets.controls import in_row, on_change, show, text, view
from lab.widgets.export_choice import Export
from lab.widgets.panel import Panel, controls
from lab.widgets.run_choice import RunChoice

DEFAULT_SENTENCE = "The old man watches her run ."
VIEWS: tuple[Callable[[Panel], View], ...] = (
    TagsView, HiddenView, GradientView, NeighboursView, ErrorsView
)  # fmt: skip


class InspectionPanel(Panel):
    """Inspect a trained run: `run`, or by default the newest.

    `choice` holds the selected run, `sentence` the sentence to tag; each of the `views` is a tab.
    """

    title = "Inspect a tagger"
    help = """Choose a trained run, type a sentence and press Enter. <b>Tags</b> shows how sure the tagger is;
    <b>Hidden state</b> shows what it carries from word to word, and the gates of an LSTM. <b>Gradient</b> shows how
    much of the gradient of one word's loss reaches the words before it: see how fast it vanishes in an RNN, and how far
    the cell of an LSTM carries it. <b>Neighbours</b> finds words with similar embeddings, and <b>Errors</b> lists
    wrong tags; <code>lxmls-rnn evaluate</code> compares two runs.
    <b>Export</b> makes a file to take home: a page that tags sentences in a browser, or the model for PyTorch and other
    programs. Try an ambiguous word such as <i>watches</i> or <i>run</i> in different positions. Sentences follow their
    script, also from right to left; matrices and charts go from left to right, the first word first. Put spaces between
    the words of a language that is written without them."""

    def __init__(self, run: str | None = None) -> None:
        self.choice = RunChoice()
        tooltip, inside = "The sentence to tag; Enter tags it", "a sentence, then Enter"
        self.sentence = text("Sentence", DEFAULT_SENTENCE, tooltip, "auto", placeholder=inside).add_class("lab-line")
        self.tag_button = self.button("Tag", "Reload the run and tag the sentence", self.inspect, "primary")
        self.about, self.tabs = view("about"), make(widgets.Tab)
        self.exporting = Export(self, self.choice.folder)
        self.opened: Opened | None = None
        self.seen: Seen | str = ""  # the tagged sentence, or why it is not tagged
        self._stale: set[View] = set()
        super().__init__(self.choice, in_row(self.sentence, self.tag_button), self.about, self.exporting, self.tabs)
        self.views: list[View] = [make(self) for make in VIEWS]
        self.tabs.children, self.tabs.titles = self.views, [tab.title for tab in self.views]
        self.tabs.selected_index = 0
        on_change(self.refresh_code, *controls(*self.views))
        if run is not None:
            self.choice.choose(run)
        self.on_input(self.inspect, self.choice.run, self.sentence)
        self.tabs.observe(self._on_tab_changed, "selected_index")
        self.attempt(self.inspect)

    def inspect(self) -> None:
        """Open the chosen run, tag the sentence and show the current tab."""
        self.opened, self.seen = None, ""
        self.about.value = ""
        self.exporting.clear()
        show(self.tabs, False)
        show(self.exporting, False)
        if self.choice.run.value is None:
            self.show_message("No trained run yet: train one in the training panel, then press Refresh.")
            return
        self.opened = open_run(self.choice.folder())
        self.about.value = escape(self.opened.describe())
        show(self.tabs)
        show(self.exporting)
        self._stale = set(self.views)
        try:
            self.seen = see(self.opened.tagger, self.sentence.value)
        except ValueError as error:
            self.seen = str(error)
            raise
        finally:
            self._show()

    def _on_tab_changed(self, _: object) -> None:
        if self._current_view() in self._stale:
            self.attempt(self._show)
        self.refresh_code()

    def _current_view(self) -> View:
        return self.views[self.tabs.selected_index or 0]

    def _show(self) -> None:
        if self.opened is None:
            return
        view = self._current_view()
        self._stale.discard(view)
        view.show(self.opened, self.seen)

    def code(self) -> str:
        self.choice.folder()
        return f"""from lxmls_rnn.runs import Run
from lxmls_rnn.tagger import tokenize

run = Run.open({self.choice.run.value!r})
tagger, metrics = run.load()  # a NumPy model with the run's parameters
words = tokenize({self.sentence.value!r})
x = tagger.encode(words)
{self._current_view().code()}"""
