"""Errors view of the inspection panel: wrong tags on a part of the corpus."""

from collections.abc import Iterator
from html import escape

import numpy as np

from lab.drawing import html
from lab.drawing.looks import ColumnBox
from lab.panels.inspection.view import Opened, View
from lab.widgets.controls import dropdown, in_row, integer, progress_bar, set_options, show, view
from lab.widgets.panel import Panel, PanelJob
from lxmls_rnn.deep_learning.evaluation import Evaluation, Judged, count, judge
from lxmls_rnn.experiment import part_file, parts
from lxmls_rnn.plotting.palette import colour_of
from lxmls_rnn.storage.messages import counted

ANY_TAG = "any"
SENTENCES_SHOWN = 10  # sentences with errors at a time


class ErrorsView(View):
    """Wrong tags on a part of the corpus, which is tagged in the background."""

    title = "Errors"
    needs_sentence = False

    def __init__(self, panel: Panel) -> None:
        tooltip = "A part of the run's corpus: dev, test or train"
        self.part = dropdown("Evaluate on", ["dev"], tooltip, width="16em", label="6em")
        tooltip = "Tag every sentence and compare the result with its gold tags"
        self.button = panel.button("Measure", tooltip, self.start, "primary")
        tooltip = "Stop and show the sentences tagged so far"
        self.stop_button = panel.button("Stop", tooltip, lambda: self.work.stop())
        self.progress = progress_bar("12em")
        self.work = PanelJob(panel, self.button, self.stop_button, self.progress)
        self.gold = dropdown("gold", [ANY_TAG], "Only words of this gold tag", width="13em", label="5em")
        self.predicted = dropdown("predicted", [ANY_TAG], "Only words of this predicted tag", width="13em", label="5em")
        self.first = integer("First sentence", 1, "Number of the first sentence shown", 1, "14em", label="8em")
        self.summary, self.confusion, self.list = view("accuracy"), view("whole"), view("errors")
        chosen = in_row(self.gold, self.predicted, self.first)
        self.results = ColumnBox([self.summary, self.confusion, chosen, self.list])
        show(self.results, False)
        self.judged: list[Judged] = []
        self.evaluation: Evaluation | None = None
        self._started: Opened | None = None  # the run of the results
        super().__init__(panel, in_row(self.part, self.button, self.stop_button, self.progress), self.results)
        self.redraw_on(self.gold, self.predicted, self.first)

    def fill(self) -> None:
        """List the parts of the run's corpus; discard the results of another model."""
        names = list(parts(self.opened.run.settings))
        set_options(self.part, [part for part in ("dev", "test", "train") if part in names])
        if self._started is not None and self._started.stamp != self.opened.stamp:
            self.forget()

    def forget(self) -> None:
        """Discard the results, and stop the job that computes them."""
        self.work.stop()
        self._started = None
        self.judged, self.evaluation = [], None
        show(self.results, False)

    def start(self) -> None:
        """Tag the sentences in the background, then show the results."""
        self.forget()
        self._started = opened = self.opened
        settings, tagger, part = opened.run.settings, opened.tagger, self.part.value
        tags, total = list[str](), 0

        def work() -> Iterator[Judged]:
            nonlocal total
            sentences = tagger.read(part_file(settings, part), **settings.reading)
            total = len(sentences)
            tags.extend(sentences.y_dict.names)
            yield from judge(tagger.model, sentences, tagger.n_known_words)

        def on_progress() -> None:
            self.progress.value = len(self.work.events) / total if total else 0

        def on_end() -> None:
            if self.work.events and self._started is opened:
                self.conclude(part, self.work.events, tags, total)

        self.work.begin(work, on_end, on_progress)

    def conclude(self, part: str, results: list[Judged], tags: list[str], total: int) -> None:
        """Show the results of a part of the corpus; `tags` are its tags, and `total` is the number of its sentences."""
        self.judged, self.evaluation = results, count(results, tags)
        result = self.evaluation
        note = "" if len(results) == total else f" (stopped after {len(results)} of {total})"
        with self.quietly():
            for control in (self.gold, self.predicted):
                set_options(control, [ANY_TAG, *tags])
        rows = []
        kinds = {"all words": result.confusion, "in the vocabulary": result.known}
        for name, matrix in {**kinds, "not in the vocabulary": result.unknown}.items():
            number, right = int(matrix.sum()), int(matrix.trace())
            rows.append([name, number, number - right, f"{right / number:.2%}" if number else "-"])
        formats = ("{tag}", "{words}", "{precision:.1%}", "{recall:.1%}", "{f1:.1%}")
        by_tag = [[text.format(**row) for text in formats] for row in result.per_tag()]
        heading = f"<b>{escape(self.opened.name)} on {part}</b>: {counted(result.sentences, 'sentence')}{note}"
        self.summary.value = heading + html.table(["words", "number", "errors", "accuracy"], rows)
        mistakes = result.confusion * (1 - np.eye(len(tags), dtype=int))
        caption = "confusion: gold tag (row), predicted tag (column)"
        largest = float(max(1, mistakes.max()))
        confusion = html.heat_map(result.confusion, tags, tags, largest, None, str, caption, upright=True)
        figures = html.table(["tag", "words", "precision", "recall", "F1"], by_tag, f"macro F1 {result.macro_f1:.1%}")
        self.confusion.value = html.side_by_side([confusion, figures])
        show(self.results)
        self.draw()

    def draw(self) -> None:
        if self.evaluation is None:
            return
        tags = self.evaluation.tags
        sentences = [(judged, hits) for judged in self.judged if (hits := self._hits(judged, tags)).any()]
        self.first.limit(max(1, len(sentences)))
        begin = self.first.parsed - 1
        words = sum(int(hits.sum()) for _, hits in sentences)
        right = self.gold.value == self.predicted.value != ANY_TAG
        are = "is" if words == 1 else "are"
        which = f"{counted(words, 'word')} that {are} correct" if right else counted(words, "error")
        seen = enumerate(sentences[begin : begin + SENTENCES_SHOWN], begin + 1)
        lines = "".join(f'<div dir="auto">{n}: {_marked(judged, hits, tags)}</div>' for n, (judged, hits) in seen)
        self.list.value = (
            f"{which} in {counted(len(sentences), 'sentence')}. A box shows the gold tag, an arrow and the predicted "
            f"tag; dashed: not in the vocabulary.{lines}"
        )

    def _hits(self, judged: Judged, tags: list[str]) -> np.ndarray:
        """Return which words to show: wrong ones with the chosen tags; correct ones if the two tags are equal."""
        gold, predicted = self.gold.value, self.predicted.value
        y = np.asarray(judged.sentence.y)
        hits = judged.wrong if gold == ANY_TAG or gold != predicted else ~judged.wrong
        if gold != ANY_TAG:
            hits = hits & (y == tags.index(gold))
        if predicted != ANY_TAG:
            hits = hits & (judged.predicted == tags.index(predicted))
        return hits

    def code(self) -> str:
        return f"""
from lxmls_rnn.deep_learning.evaluation import count, judge
from lxmls_rnn.experiment import part_file

file = part_file(run.settings, {self.part.value!r})
sentences = tagger.read(file, **run.settings.reading)
judged = list(judge(tagger.model, sentences, tagger.n_known_words))
result = count(judged, sentences.y_dict.names)
print(result.accuracy, result.known_accuracy, result.unknown_accuracy)
print(result.confusion)  # gold tag by row, predicted tag by column
for row in result.per_tag():
    print(row)
for one in judged[:20]:
    for word, gold, k, wrong in zip(one.sentence.words, one.sentence.tags, one.predicted, one.wrong):
        if wrong:
            print(word, gold, "->", tagger.tags[k], "in:", " ".join(one.sentence.words))
"""


def _marked(judged: Judged, hits: np.ndarray, tags: list[str]) -> str:
    words: list[str] = []
    of_sentence = judged.sentence.words, judged.sentence.tags, judged.predicted, hits, judged.unknown
    for word, gold, k, hit, unknown in zip(*of_sentence, strict=True):
        if hit:
            tag = gold if gold == tags[k] else f"{gold} → {tags[k]}"
            words.append(html.word(word, tag, colour_of(tags[k]), unknown))
        else:
            words.append(escape(word))
    return " ".join(words)
