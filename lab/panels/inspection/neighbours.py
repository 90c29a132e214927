"""Neighbours view of the inspection panel: nearest words and a map of the embeddings, after and before training."""

from collections.abc import Iterator
from dataclasses import replace
from html import escape

import numpy as np

from lab.drawing import html
from lab.panels.inspection.view import Seen, View
from lab.panels.inspection.word_charts import WordMap
from lab.widgets.controls import in_row, integer, show, text, toggles, view
from lab.widgets.panel import Panel, PanelJob
from lxmls_rnn.deep_learning.embeddings import principal_components, unit_columns
from lxmls_rnn.deep_learning.models import numpy_class
from lxmls_rnn.experiment import part_file, prepare
from lxmls_rnn.plotting.palette import NEUTRAL_COLOUR, colour_of
from lxmls_rnn.sequences.sequence_list import tag_counts
from lxmls_rnn.storage.messages import in_words
from lxmls_rnn.tagger import Tagger

AFTER, BEFORE = "after training", "before"
MAP_WORDS = 150  # the number of words on the map


class NeighboursView(View):
    """The words with the most similar embeddings, and a map of the most frequent words."""

    title = "Neighbours"
    needs_sentence = False

    def __init__(self, panel: Panel) -> None:
        tooltip, inside = "A word of the vocabulary", "a word, then Enter"
        self.word = text("Word", "", tooltip, "18em", placeholder=inside, label="4em")
        self.n = integer("How many", 10, "Words to find", 100, "12em", label="6em")
        tooltip = "Read the training file and draw its most frequent words"
        self.map_button, self.work = panel.button("Draw map", tooltip, self.draw_map), PanelJob(panel)
        times = {AFTER: "The trained embeddings", BEFORE: "The initial embeddings, random or from a file"}
        self.when = toggles(times, "9em")
        self.nearest, self.map = view("nearest"), view()
        self.points = WordMap().add_class("lab-map")
        self._counts: np.ndarray | None = None  # words by tags
        self._before: Tagger | str = ""  # the tagger before training, or why it is unavailable
        self._stamp: tuple[str, int] | None = None
        head = in_row(self.word, self.n, self.map_button)
        super().__init__(panel, head, self.nearest, self.when, self.map, self.points)
        self.redraw_on(self.word, self.n, self.when)

    def fill(self) -> None:
        """Select a word of the sentence; discard the tag counts if another run is open."""
        if self._stamp != self.opened.stamp:
            self.work.job = None  # one that still runs is of another run
            self._stamp, self._counts, self._before = self.opened.stamp, None, ""
            self.map.value, self.points.children, self.when.value = "", [], AFTER
        show(self.when, not isinstance(self._before, str))
        words = self.seen.words if isinstance(self._seen, Seen) else []
        known = [word for word in words if word in self.opened.tagger.words]
        if self.word.value not in self.opened.tagger.words:
            self.word.value = max(known, key=len, default=self.opened.tagger.words[0])

    def draw(self) -> None:
        self.nearest.value = ""
        word, tagger, when = self.word.value.strip(), self.opened.tagger, ""
        if self.when.value == BEFORE and not isinstance(self._before, str):
            tagger, when = self._before, " before training"
        nearest = tagger.neighbours(word, self.n.parsed)
        bars = html.bars([(other, cosine, NEUTRAL_COLOUR) for other, cosine in nearest], 1.0)
        message = f"Nearest to <b>{escape(word)}</b>{when}, by cosine similarity of the embeddings minus their mean:"
        self.nearest.value = f"{message}{bars}"
        show(self.when, not isinstance(self._before, str))
        if self._counts is not None:
            self._draw_map(tagger, [word, *(other for other, _ in nearest)], self._counts)

    def draw_map(self) -> None:
        """Count the training words and recreate the initial model in the background, then draw the map."""
        settings, tagger = self.opened.run.settings, self.opened.tagger

        def work() -> Iterator[tuple[np.ndarray, Tagger | str]]:
            sentences = tagger.read(part_file(settings, "train"), **settings.reading)
            counts = tag_counts(sentences, len(tagger.words), len(tagger.tags))
            try:
                initial = prepare(replace(settings, model=numpy_class(settings.model).__name__)).tagger
            except (OSError, ValueError) as error:
                yield counts, in_words(error)
                return
            yield counts, initial if initial.words == tagger.words else f"the words of {settings.corpus} have changed"

        def on_progress() -> None:
            self.map.value = "<i>Reading the training file ...</i>" if self.work.active else ""

        def on_end() -> None:
            ((self._counts, self._before),) = self.work.events
            self.draw()

        self.work.begin(work, on_end, on_progress)

    def _draw_map(self, tagger: Tagger, marked: list[str], counts: np.ndarray) -> None:
        before = self._before
        why = f"<br>The map before training is unavailable: {escape(before)}." if isinstance(before, str) else ""
        frequent = np.argsort(-counts.sum(axis=1), kind="stable")[:MAP_WORDS]
        order = np.array(list(dict.fromkeys([*frequent.tolist(), *(tagger.words.index(word) for word in marked)])))
        both = [version for version in (self.opened.tagger, before) if not isinstance(version, str)]
        maps = [unit_columns(version.model.param.W_e[:, frequent]) for version in both]
        # the same axes and the same frame before and after training, so that the maps can be compared
        places, shares = principal_components(unit_columns(tagger.model.param.W_e[:, order]), maps[0])
        frame = np.hstack([principal_components(E, maps[0])[0] for E in maps])
        tags = np.where(counts[order].any(axis=1), counts[order].argmax(axis=1), -1)
        colours = [colour_of(tagger.tags[k]) if k >= 0 else "#ffffff" for k in tags]
        names = [tagger.words[i] for i in order]
        seen = [(tag, colour_of(tag)) for k, tag in enumerate(tagger.tags) if k in set(tags.tolist())]
        legend = " ".join(html.chip(tag, colour) for tag, colour in seen)
        on_map = [names.index(word) for word in marked]
        self.map.value = (
            f"The {len(frequent)} most frequent words of the training file and the words above: their embeddings, "
            "scaled to length 1, in the first two principal components of the trained ones "
            f"({shares.sum():.0%} of the variance). The axes are the same before and after training. The "
            "colour is the most frequent tag of a word; a red rim marks the word above and its neighbours.<br>"
            f"{legend}{why}"
        )
        self.points.draw(places, names, colours, on_map, frame)

    def code(self) -> str:
        model = numpy_class(self.opened.run.settings.model).__name__
        again = f"""\
from dataclasses import replace

from lxmls_rnn.experiment import prepare

trained, tagger = tagger, prepare(replace(run.settings, model="{model}")).tagger  # before training
"""
        before = self.when.value == BEFORE
        axes = ', unit_columns(trained.model.get_values()["W_e"][:, order])' if before else ""
        return f"""
{again if before else ""}\
for other, cosine in tagger.neighbours({self.word.value.strip()!r}, {self.n.parsed}):
    print(f"{{other:15}} {{cosine:.4f}}")

from lxmls_rnn.deep_learning.embeddings import principal_components, unit_columns
from lxmls_rnn.experiment import part_file
from lxmls_rnn.sequences.sequence_list import tag_counts

sentences = tagger.read(part_file(run.settings, "train"), **run.settings.reading)
counts = tag_counts(sentences, len(tagger.words), len(tagger.tags))
order = (-counts.sum(axis=1)).argsort(kind="stable")[:{MAP_WORDS}]
W_e = tagger.model.get_values()["W_e"]  # (n_emb, n_words)
places, shares = principal_components(unit_columns(W_e[:, order]){axes})
for i, place in list(zip(order, places.T))[:10]:
    print(tagger.words[i], tagger.tags[counts[i].argmax()], place)
"""
