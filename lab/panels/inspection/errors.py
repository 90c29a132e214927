"""The view of the inspection panel on the errors that a tagger makes on a part of its corpus."""

from __future__ import annotations

from collections.abc import Generator
from html import escape
from typing import Any

import ipywidgets as widgets
import numpy as np

from lab.drawing import html
from lab.panels.inspection.view import Attempt, Opened, View, keep_options
from lab.widgets.choices import WRAP
from lab.widgets.job import Job
from lxmls_rnn.deep_learning.evaluation import Evaluation, Judged, count, judge
from lxmls_rnn.experiment import parts

ANY = "any"
SHOWN = 10  # sentences with errors at a time


class ErrorsView(View):
    """Where the tagger is wrong on a part of its corpus."""

    title = "Errors"
    needs_sentence = False

    def __init__(self, attempt: Attempt) -> None:
        self.part = widgets.Dropdown(
            description="Measure on", options=["dev"], layout={"width": "16em"},
            tooltip="dev: what the run was measured on; test: of its corpus; train: what it was trained on",
        )  # fmt: skip
        self.button = widgets.Button(
            description="Measure", button_style="primary", tooltip="Tag every sentence and compare with its gold tags",
            layout={"width": "auto"},
        )  # fmt: skip
        self.stop_button = widgets.Button(
            description="Stop", disabled=True, tooltip="Stop; what has been tagged is shown", layout={"width": "auto"}
        )
        self.progress = widgets.FloatProgress(min=0, max=1, layout={"width": "12em", "display": "none"})
        self.gold, self.predicted = (
            widgets.Dropdown(description=name, options=[ANY], tooltip=f"Only words of this {name} tag",
                             layout={"width": "13em"}, style={"description_width": "5em"})
            for name in ("gold", "predicted")
        )  # fmt: skip
        self.first = widgets.BoundedIntText(
            description="From sentence", value=1, min=1, max=1, layout={"width": "14em"},
            style={"description_width": "8em"}, tooltip="Number of the first sentence that is shown",
        )  # fmt: skip
        self.summary, self.confusion = widgets.HTML().add_class("lab-accuracy"), widgets.HTML().add_class("lab-whole")
        self.list = widgets.HTML().add_class("lab-errors")
        self.results = widgets.VBox(
            [self.summary, self.confusion, widgets.HBox([self.gold, self.predicted, self.first], layout=WRAP),
             self.list],
            layout={"display": "none"},
        )  # fmt: skip
        self.job: Job | None = None
        self.judged: list[Judged] = []
        self.evaluation: Evaluation | None = None
        self._measured: Opened | None = None
        super().__init__(
            attempt,
            widgets.HBox([self.part, self.button, self.stop_button, self.progress], layout=WRAP),
            self.results,
        )
        self.redraw_on(self.gold, self.predicted, self.first)
        self.button.on_click(self._begin)
        self.stop_button.on_click(lambda _: self.job is not None and self.job.stop())

    def fill(self) -> None:
        """Offer the parts of the run's corpus; forget the results of another model."""
        found = list(parts(self.opened.run.settings))
        keep_options(self.part, [part for part in ("dev", "test", "train") if part in found])
        if self._measured is not None and self._measured.stamp != self.opened.stamp:
            self._forget()

    def _forget(self) -> None:
        if self.job is not None:
            self.job.stop()
        self._measured, self.judged, self.evaluation = None, [], None
        self.results.layout.display = "none"

    def _begin(self, _: Any) -> None:
        with self.attempt():
            self.measure()

    def measure(self) -> None:
        """Tag the chosen part in the background."""
        if self.job is not None and self.job.active:
            raise RuntimeError("one measurement at a time: wait for the present one, or stop it")
        self._forget()
        self._measured = opened = self.opened
        settings = opened.run.settings
        file = parts(settings)[self.part.value]
        limits = {"max_sent_len": settings.max_sent_len, "max_nr_sent": settings.max_nr_sent}
        judged: list[Judged] = []
        total = 0

        def events() -> Generator[Judged, None, None]:
            nonlocal total
            sentences = opened.tagger.read(file, **limits)
            total = len(sentences)
            yield from judge(opened.tagger.model, sentences, opened.tagger.n_known_words)

        def told() -> None:
            self.progress.value = len(judged) / total if total else 0
            if job is not self.job or job.active:
                return
            self.stop_button.disabled, self.progress.layout.display = True, "none"
            self.button.disabled = False
            with self.attempt():
                if job.error is not None:
                    raise job.error
                if judged and self._measured is opened:
                    self.judged = judged
                    self.evaluation = count(judged, opened.tagger.tags)
                    self._show_results("" if len(judged) == total else f" (stopped after {len(judged)} of {total})")

        self.stop_button.disabled, self.progress.layout.display, self.button.disabled = False, None, True
        self.job = job = Job(events, judged.append)
        job.listeners.append(told)
        job.start()

    def _show_results(self, note: str) -> None:
        assert self.evaluation is not None
        assert self._measured is not None
        result, tags = self.evaluation, self._measured.tagger.tags
        self._filling = True
        try:
            for control in (self.gold, self.predicted):
                keep_options(control, [ANY, *tags])
        finally:
            self._filling = False
        rows = [
            [name, int(matrix.sum()), int(matrix.sum() - matrix.trace()), f"{share:.2%}" if matrix.sum() else "-"]
            for name, matrix, share in (
                ("all words", result.confusion, result.accuracy),
                ("in the vocabulary", result.known, result.known_accuracy),
                ("not in the vocabulary", result.unknown, result.unknown_accuracy),
            )
        ]
        by_tag = [
            [row["tag"], row["words"], *(f"{row[key]:.1%}" for key in ("precision", "recall", "f1"))]
            for row in result.per_tag()
        ]
        self.summary.value = (
            f"<b>{escape(self._measured.name)} on {self.part.value}</b>: {result.sentences} sentences{note}"
            + html.table(["words", "number", "errors", "accuracy"], rows)
        )
        mistakes = result.confusion * (1 - np.eye(len(tags), dtype=int))
        self.confusion.value = (
            '<div style="display:flex;flex-wrap:wrap;gap:14px">'
            + html.heat_map(
                result.confusion, tags, tags, float(max(1, mistakes.max())), numbers=True, number_format="d",
                upright=True, caption="confusion: gold tag (row), predicted tag (column)",
            )
            + html.table(["tag", "words", "precision", "recall", "F1"], by_tag) + "</div>"
        )  # fmt: skip
        self.results.layout.display = None
        self.draw()

    def draw(self) -> None:
        """Show the sentences with errors of the chosen kind."""
        if self._measured is None or self.evaluation is None:
            return
        tags = self._measured.tagger.tags
        found = [(one, hits) for one in self.judged if (hits := self._hits(one, tags)).any()]
        self.first.max = max(1, len(found))
        begin = self.first.value - 1
        words = sum(int(hits.sum()) for _, hits in found)
        kind = "words that are right" if self.gold.value == self.predicted.value != ANY else "errors"
        lines = "".join(
            f"<div>{begin + n + 1}: {_marked(one, hits, tags)}</div>"
            for n, (one, hits) in enumerate(found[begin : begin + SHOWN])
        )
        self.list.value = (
            f"{words} {kind} in {len(found)} sentences. A box shows the gold tag, an arrow, and what the tagger said; "
            f"dashed: not in the vocabulary.{lines}"
        )

    def _hits(self, one: Judged, tags: list[str]) -> np.ndarray:
        """Return which words to show: of the chosen tags, and wrong unless the same tag is chosen twice."""
        gold, predicted = self.gold.value, self.predicted.value
        y = np.asarray(one.sentence.y)
        hits = one.wrong if gold == ANY or gold != predicted else ~one.wrong
        if gold != ANY:
            hits = hits & (y == tags.index(gold))
        if predicted != ANY:
            hits = hits & (one.predicted == tags.index(predicted))
        return hits

    def code(self) -> str:
        """Return code that measures and prints errors."""
        return f"""
from lxmls_rnn.deep_learning.evaluation import count, judge
from lxmls_rnn.experiment import parts

file = parts(run.settings)[{self.part.value!r}]
sentences = tagger.read(file, max_sent_len=run.settings.max_sent_len, max_nr_sent=run.settings.max_nr_sent)
judged = list(judge(tagger.model, sentences, tagger.n_known_words))
result = count(judged, tagger.tags)
print(result.accuracy, result.known_accuracy, result.unknown_accuracy)
print(result.confusion)  # gold tag by row, predicted tag by column
for row in result.per_tag():
    print(row)
for one in judged[:20]:
    for word, gold, k, wrong in zip(one.sentence.words, one.sentence.tags, one.predicted, one.wrong):
        if wrong:
            print(word, gold, "->", tagger.tags[k], "in:", " ".join(one.sentence.words))
"""


def _marked(one: Judged, hits: np.ndarray, tags: list[str]) -> str:
    words: list[str] = []
    for word, gold, k, hit, unknown in zip(
        one.sentence.words, one.sentence.tags, one.predicted, hits, one.unknown, strict=True
    ):
        if hit:
            tag = gold if gold == tags[k] else f"{gold} → {tags[k]}"
            words.append(html.word(word, tag, html.colour_of(int(k)), f"{word}: {tag}", faint=bool(unknown)))
        else:
            words.append(escape(word))
    return " ".join(words)
