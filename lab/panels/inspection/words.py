"""The view of the inspection panel on the embeddings: nearest words, and a map of the most frequent ones."""

from __future__ import annotations

from collections.abc import Generator
from html import escape
from typing import Any

import ipywidgets as widgets
import numpy as np

from lab.drawing import html
from lab.panels.inspection import charts
from lab.panels.inspection.view import Attempt, View
from lab.widgets.choices import WRAP
from lab.widgets.job import Job
from lxmls_rnn.teaching.analysis import principal_components, tag_counts, unit_columns


class NeighboursView(View):
    """The words whose embeddings are most alike, and a map of the most frequent words."""

    title = "Neighbours"
    needs_sentence = False

    def __init__(self, attempt: Attempt) -> None:
        self.word = widgets.Text(
            description="Word", value="", placeholder="a word, then Enter", continuous_update=False,
            layout={"width": "18em"}, style={"description_width": "4em"}, tooltip="A word of the vocabulary",
        )  # fmt: skip
        self.n = widgets.BoundedIntText(
            description="How many", value=10, min=1, max=100, layout={"width": "12em"}, tooltip="Words to find"
        )
        self.n_map = widgets.BoundedIntText(
            description="Words on the map", value=150, min=3, max=1000, layout={"width": "17em"},
            style={"description_width": "10.5em"}, tooltip="The most frequent words of the training file",
        )  # fmt: skip
        self.map_button = widgets.Button(
            description="Draw the map", tooltip="Read the training file and draw its most frequent words",
            layout={"width": "auto"},
        )  # fmt: skip
        self.nearest, self.map = widgets.HTML().add_class("lab-nearest"), widgets.HTML().add_class("lab-map")
        self.job: Job | None = None
        self._counts: np.ndarray | None = None
        self._stamp: tuple[str, int] | None = None
        super().__init__(
            attempt, widgets.HBox([self.word, self.n, self.n_map, self.map_button], layout=WRAP),
            self.nearest, self.map,
        )  # fmt: skip
        self.redraw_on(self.word, self.n, self.n_map)
        self.map_button.on_click(self._ask_for_map)

    def fill(self) -> None:
        """Begin with a word of the sentence; forget the counts of another run."""
        if self._stamp != self.opened.stamp:
            self._stamp, self._counts, self.map.value = self.opened.stamp, None, ""
        known = [word for word in self.seen.words if word in self.opened.tagger.words] if self._seen is not None else []
        if self.word.value not in self.opened.tagger.words:
            self.word.value = max(known, key=len, default=self.opened.tagger.words[0])

    def draw(self) -> None:
        """Show the nearest words, and the map if it has been asked for."""
        self.nearest.value = ""
        word = self.word.value.strip()
        found = self.opened.tagger.neighbours(word, self.n.value)
        self.nearest.value = (
            f"Nearest to <b>{escape(word)}</b>, by the cosine of the angle between the embeddings:"
            + html.bars([(other, cosine, "#9ecae1") for other, cosine in found], 1.0)
        )
        if self._counts is not None:
            self._draw_map([word, *(other for other, _ in found)])

    def _ask_for_map(self, _: Any) -> None:
        with self.attempt():
            self.draw_map()

    def draw_map(self) -> None:
        """Count the words of the training file in the background, then draw the map."""
        opened = self.opened
        settings = opened.run.settings

        def events() -> Generator[Any, None, None]:
            sentences = opened.tagger.read(
                settings.train, max_sent_len=settings.max_sent_len, max_nr_sent=settings.max_nr_sent
            )
            yield tag_counts(sentences, len(opened.tagger.words), len(opened.tagger.tags))

        def take(counts: np.ndarray) -> None:
            if self._stamp == opened.stamp:
                self._counts = counts

        def told() -> None:
            if job is not self.job or self._stamp != opened.stamp:
                return
            self.map.value = "<i>Reading the training file ...</i>" if job.active else ""
            if job.active:
                return
            with self.attempt():
                if job.error is not None:
                    raise job.error
                self.draw()

        self.job = job = Job(events, take)
        job.listeners.append(told)
        job.start()

    def _draw_map(self, marked: list[str]) -> None:
        tagger, counts = self.opened.tagger, self._counts
        assert counts is not None
        frequent = np.argsort(-counts.sum(axis=1), kind="stable")[: self.n_map.value]
        order = np.array(list(dict.fromkeys([*frequent.tolist(), *(tagger.words.index(word) for word in marked)])))
        places, shares = principal_components(unit_columns(tagger.model.param.W_e[:, order]))
        tags = np.where(counts[order].any(axis=1), counts[order].argmax(axis=1), -1)
        colours = [html.colour_of(int(k)) if k >= 0 else "#ffffff" for k in tags]
        names = [tagger.words[i] for i in order]
        legend = " ".join(
            html.chip(tag, html.colour_of(k))
            for k, tag in enumerate(tagger.tags) if k in set(tags.tolist())
        )  # fmt: skip
        on_map = [names.index(word) for word in marked]
        self.map.value = (
            f"The {len(frequent)} most frequent words of the training file and those above, in the two directions in "
            f"which their embeddings, made of length 1, differ most (PCA; {shares.sum():.0%} of the variance). The "
            "colour is the tag that a word most often has; a red rim marks the word above and its neighbours.<br>"
            f"{legend}" + charts.word_map(places, names, colours, on_map)
        )

    def code(self) -> str:
        """Return code that prints the nearest words and computes the map."""
        return f"""
for other, cosine in tagger.neighbours({self.word.value.strip()!r}, {self.n.value}):
    print(f"{{other:15}} {{cosine:.4f}}")

from lxmls_rnn.teaching.analysis import principal_components, tag_counts, unit_columns

sentences = tagger.read(run.settings.train, max_nr_sent=run.settings.max_nr_sent)
counts = tag_counts(sentences, len(tagger.words), len(tagger.tags))
order = (-counts.sum(axis=1)).argsort(kind="stable")[:{self.n_map.value}]
places, shares = principal_components(unit_columns(tagger.model.param.W_e[:, order]))  # of W_e, (n_emb, n_words)
for i, place in list(zip(order, places.T))[:10]:
    print(tagger.words[i], tagger.tags[counts[i].argmax()], place)
"""
