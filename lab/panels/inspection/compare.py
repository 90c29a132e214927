"""Compare view of the inspection panel: two runs side by side."""

from collections.abc import Iterator
from html import escape
from typing import Any

import numpy as np

from lab.drawing import html
from lab.panels.inspection.sentence import UNITS_SHOWN
from lab.panels.inspection.view import Opened, Seen, View, last_word, open_run, see, word_slider
from lab.panels.inspection.word_charts import WordLines
from lab.widgets.controls import dropdown, in_row, on_change, set_options, view
from lab.widgets.panel import Panel, PanelJob
from lab.widgets.run_choice import RunChoice
from lxmls_rnn import paths
from lxmls_rnn.deep_learning.evaluation import Judged, check_same_tags, compare, count, judge
from lxmls_rnn.deep_learning.events import Metrics
from lxmls_rnn.experiment import CHANGE_DEV, part_file, parts
from lxmls_rnn.plotting.palette import WRONG_COLOUR, colour_of
from lxmls_rnn.storage.messages import counted
from lxmls_rnn.sweep.grid import in_words
from lxmls_rnn.teaching.analysis import gradient_reach


class CompareView(View):
    """Tags, hidden states, gradients and accuracies of two runs."""

    title = "Compare"

    def __init__(self, panel: Panel) -> None:
        self.choice = RunChoice("Second run")
        self.word = word_slider("The word whose loss is differentiated in both runs")
        self.about, self.tags = view(), view("compared", "whole")
        self.chart_title, self.chart, self.maps = view(), WordLines("norm of the gradient"), view("whole")
        tooltip = "A part of the first run's corpus"
        self.part = dropdown("Compare on", ["test", "dev", "train"], tooltip, width="16em", label="7em")
        tooltip = "Measure both runs on this part, and test whether the difference is significant"
        self.button, self.result = panel.button("Measure", tooltip, self.measure), view("compared-accuracy")
        self.work = PanelJob(panel, self.button)
        head = self.choice, in_row(self.tags, self.about), in_row(self.part, self.button), self.result, self.word
        super().__init__(panel, *head, self.chart_title, self.chart, self.maps)
        self.other: Opened | None = None
        self._measured: tuple[Opened, Opened] | None = None
        on_change(self._forget, self.choice.run)
        self.redraw_on(self.word, self.choice.run)

    def fill(self) -> None:
        """Refresh the list of runs; at first, select a run other than the opened one."""
        first = self.choice.run.value is None or self.other is None
        self.choice.refresh()
        others = [name for name in self.choice.run.options if name != self.opened.name]
        if first and others:
            self.choice.run.value = others[0]
        set_options(self.word, self.seen.numbered, last_word(self.seen))

    def draw(self) -> None:
        for part in (self.about, self.tags, self.chart_title, self.maps):
            part.value = ""
        self.chart.children = []
        self.other = open_run(self.choice.folder())
        if self._measured and [run.stamp for run in self._measured] != [self.opened.stamp, self.other.stamp]:
            self._forget()
        pair = [(self.opened, self.seen), (self.other, see(self.other.tagger, self.seen.words))]
        self.about.value = about(self.opened, self.other)
        self.tags.value = self._tag_table(pair)
        self._draw_chart(pair)
        largest = max(1e-12, *(float(np.abs(seen.forward.h).max()) for _, seen in pair))
        maps = []
        for opened, seen in pair:
            h, caption = seen.forward.h[:UNITS_SHOWN, 1:], f"{opened.name}: hidden state h"
            units = [str(j + 1) for j in range(len(h))]
            maps.append(html.heat_map(h, units, seen.words, largest, upright=True, caption=caption))
        self.maps.value = html.side_by_side(maps)

    def _forget(self) -> None:
        self._measured, self.result.value = None, ""
        self.work.stop()

    def measure(self) -> None:
        """Measure both runs in the background; show their metrics and the significance of the difference."""
        if self.other is None:
            raise RuntimeError("choose a second run")
        part, settings, names = self.part.value, self.opened.run.settings, list[str]()
        self._measured = pair = self.opened, self.other
        first, second = (opened.tagger for opened in pair)
        check_same_tags(first.tags, second.tags)
        if part not in parts(settings):
            raise ValueError(f"the corpus of {self.opened.name} has no part {part}: choose another part")
        file = part_file(settings, part)

        def work() -> Iterator[tuple[Judged, Judged]]:
            sentences = [tagger.read(file, **settings.reading) for tagger in (first, second)]
            names.extend(sentences[0].y_dict.names)
            of_first = judge(first.model, sentences[0], first.n_known_words)
            yield from zip(of_first, judge(second.model, sentences[1], second.n_known_words), strict=True)

        def progress() -> None:
            n = counted(len(self.work.events), "sentence")
            self.result.value = f"Measured: {n}." if self.work.active else ""

        def done() -> None:
            if self._measured is not pair:  # another run was chosen in the meantime
                return
            a, b = zip(*self.work.events, strict=True)
            summary, other = count(a, names).summary(), count(b, names).summary()
            rows = [[metric, summary[metric], other[metric]] for metric in summary]
            caption = f"{part}: {counted(len(a), 'sentence')}"
            table = html.table(["", pair[0].name, pair[1].name], rows, caption)
            self.result.value = table + escape(compare(a, b).in_words()).replace("\n", "<br>")

        self.work.begin(work, done, progress)

    def _tag_table(self, pair: list[tuple[Opened, Seen]]) -> str:
        best = [[opened.tagger.tags[k] for k in seen.forward.p_y.argmax(axis=0)] for opened, seen in pair]
        rows = []
        for t, word in enumerate(pair[0][1].words):
            cells: list[object] = [word]
            for (_, seen), tags in zip(pair, best, strict=True):
                k = int(np.argmax(seen.forward.p_y[:, t]))
                text = f"{tags[t]} {seen.forward.p_y[k, t]:.1%}" + " *" * bool(seen.unknown[t])
                cells.append(html.chip(text, colour_of(tags[t])))
            rows.append([*cells, html.chip("≠ differ", WRONG_COLOUR) if best[0][t] != best[1][t] else ""])
        n = sum(a != b for a, b in zip(*best, strict=True))
        verdict = f"The tags of {n} of {len(rows)} words differ." if n else "Both runs give every word the same tag."
        note = "<small>* not in the vocabulary of this run</small>" if any(s.unknown.any() for _, s in pair) else ""
        return f"<b>{verdict}</b>{html.table(['word', pair[0][0].name, pair[1][0].name, ''], rows)}{note}"

    def _draw_chart(self, pair: list[tuple[Opened, Seen]]) -> None:
        t, lines = self.word.value, {}
        for number, (opened, seen) in enumerate(pair):
            reach = gradient_reach(opened.tagger.model, seen.x, t, int(np.argmax(seen.forward.p_y[:, t])))
            name = opened.name if pair[0][0].name != pair[1][0].name else f"{opened.name} ({number + 1})"
            lines[f"{name}: |dL/dh_k|"] = reach.h
            if reach.c is not None:
                lines[f"{name}: |dL/dc_k|"] = reach.c
        word = f"<b>{escape(self.seen.words[t])}</b>"
        title = f"Norm of the gradient of the loss of {word}, for the tag that each run predicts:"
        self.chart_title.value = title
        self.chart.draw(lines, pair[0][1].words[: t + 1])

    def code(self) -> str:
        return f"""
from lxmls_rnn.deep_learning.evaluation import compare, judge
from lxmls_rnn.experiment import parts
from lxmls_rnn.teaching.analysis import gradient_reach

other, other_metrics = Run.open({self.choice.run.value!r}).load()
for a, b in zip(tagger.tag(words), other.tag(words)):
    print(f"{{a.word:15}} {{a.tag:6}} {{b.tag:6}}", "differ" if a.tag != b.tag else "")

t = {self.word.value}
for one in (tagger, other):
    x = one.encode(words)
    reach = gradient_reach(one.model, x, t, tag=one.model.forward(x)[:, t].argmax())
    print("|d loss / d h_k|", reach.h)

file, options = parts(run.settings)[{self.part.value!r}], run.settings.reading
judged = [list(judge(one.model, one.read(file, **options), one.n_known_words)) for one in (tagger, other)]
print(compare(*judged).in_words())
"""


def about(opened: Opened, other: Opened) -> str:
    """Return a table of the models and accuracies of two runs, and of the settings in which they differ."""
    rows: list[list[object]] = [["model", opened.run.settings.model, other.run.settings.model]]
    rows.append(["accuracy on dev", _on_dev(opened.metrics), _on_dev(other.metrics)])
    first, second = (_settings(run) for run in (opened, other))
    for key in first | second:
        if (values := (first.get(key), second.get(key)))[0] != values[1]:
            rows.append([key, *map(in_words, values)])
    same_dev = all(first.get(name) == second.get(name) for name in ("dev", *CHANGE_DEV))
    note = "<br><small>Their dev parts are different, so the accuracies are not directly comparable.</small>"
    return html.table(["", opened.name, other.name], rows) + ("" if same_dev else note)


def _settings(opened: Opened) -> dict[str, Any]:
    """Return a run's settings to compare, by name, with the corpus replaced by its files."""
    settings = opened.run.settings
    files = {role: str(paths.located(file).resolve()) for role, file in settings.files().items()}
    given = {**settings.flat(), "activation": opened.tagger.model.activation, **files}
    return {name: value for name, value in given.items() if name not in ("model", "corpus")}


def _on_dev(metrics: Metrics | None) -> str:
    if metrics is None or metrics.dev_accuracy is None:
        return "not measured"
    return f"{metrics.dev_accuracy:.2%} (epoch {metrics.epoch})"
