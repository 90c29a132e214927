"""The view of the inspection panel on two runs side by side."""

from __future__ import annotations

from html import escape
from pathlib import PurePath
from typing import Any

import ipywidgets as widgets
import numpy as np

from lab.drawing import html
from lab.panels.inspection import charts
from lab.panels.inspection.sentence import PAGE
from lab.panels.inspection.view import Attempt, Opened, Seen, View, keep_options, last_word, open_run, see, word_slider
from lab.widgets.choices import WRAP, RunChoice
from lxmls_rnn.teaching.analysis import gradient_reach


class CompareView(View):
    """Tags, hidden states, gradients and accuracies of two runs."""

    title = "Compare"

    def __init__(self, attempt: Attempt) -> None:
        self.choice = RunChoice("Second run")
        self.word = word_slider("The word whose gradient is followed back in both")
        self.about = widgets.HTML()
        self.tags = widgets.HTML().add_class("lab-compared").add_class("lab-whole")
        self.chart, self.maps = widgets.HTML(), widgets.HTML().add_class("lab-whole")
        super().__init__(
            attempt, self.choice, widgets.HBox([self.tags, self.about], layout=WRAP), self.word,
            self.chart, self.maps,
        )  # fmt: skip
        self.other: Opened | None = None
        self.redraw_on(self.word, self.choice.run)

    def fill(self) -> None:
        """List the runs anew; at first choose another one than the first."""
        first = self.choice.run.value is None or self.other is None
        self.choice.refresh()
        others = [name for name in self.choice.run.options if name != self.opened.name]
        if first and others:
            self.choice.run.value = others[0]
        keep_options(self.word, self.seen.numbered, last_word(self.seen))

    def draw(self) -> None:
        """Open the second run and show both."""
        for view in (self.about, self.tags, self.chart, self.maps):
            view.value = ""
        self.other = open_run(self.choice.folder())
        pair = [(self.opened, self.seen), (self.other, see(self.other.tagger, self.seen.words))]
        self.about.value = about(self.opened, self.other)
        self.tags.value = self._tag_table(pair)
        self._draw_chart(pair)
        largest = max(float(np.abs(seen.forward.h).max()) for _, seen in pair)
        self.maps.value = '<div style="display:flex;flex-wrap:wrap;gap:14px">' + "".join(
            '<div style="max-width:100%">' + html.heat_map(
                seen.forward.h[:PAGE, 1:], [str(j + 1) for j in range(min(PAGE, len(seen.forward.h)))], seen.words,
                max(largest, 1e-12), upright=True, caption=f"{opened.name}: hidden state h",
            ) + "</div>"
            for opened, seen in pair
        ) + "</div>"  # fmt: skip

    def _tag_table(self, pair: list[tuple[Opened, Seen]]) -> str:
        best = [[opened.tagger.tags[k] for k in seen.forward.p_y.argmax(axis=0)] for opened, seen in pair]
        names = pair[0][0].tagger.tags + [tag for tag in pair[1][0].tagger.tags if tag not in pair[0][0].tagger.tags]
        rows = []
        for t, word in enumerate(pair[0][1].words):
            cells: list[Any] = [word]
            for (_, seen), tags in zip(pair, best, strict=True):
                k = int(np.argmax(seen.forward.p_y[:, t]))
                text = f"{tags[t]} {seen.forward.p_y[k, t]:.1%}" + (" (unknown word)" if seen.unknown[t] else "")
                cells.append(html.chip(text, html.colour_of(names.index(tags[t]))))
            rows.append([*cells, html.chip("≠ differ", "#ff9f80") if best[0][t] != best[1][t] else ""])
        n = sum(a != b for a, b in zip(*best, strict=True))
        verdict = f"They differ in {n} of {len(rows)} words." if n else "They give every word the same tag."
        return f"<b>{verdict}</b>" + html.table(["word", pair[0][0].name, pair[1][0].name, ""], rows)

    def _draw_chart(self, pair: list[tuple[Opened, Seen]]) -> None:
        t, lines = self.word.value, {}
        for number, (opened, seen) in enumerate(pair):
            reach = gradient_reach(opened.tagger.model, seen.x, t, int(np.argmax(seen.forward.p_y[:, t])))
            name = opened.name if pair[0][0].name != pair[1][0].name else f"{opened.name} ({number + 1})"
            lines[f"{name}: |dL/dh_k|"] = reach.h
            if reach.c is not None:
                lines[f"{name}: |dL/dc_k|"] = reach.c
        self.chart.value = (
            f"How far the gradient of the loss of <b>{escape(self.seen.words[t])}</b> reaches "
            "back, for the tag that each run gives it:"
            + charts.line_chart(lines, pair[0][1].words[: t + 1], "norm of the gradient")
        )

    def code(self) -> str:
        """Return code that tags with both and prints where they differ."""
        return f"""
from lxmls_rnn.teaching.analysis import gradient_reach

other, other_figures = Run.open({self.choice.run.value!r}).load()
for a, b in zip(tagger.tag(words), other.tag(words)):
    print(f"{{a.word:15}} {{a.tag:6}} {{b.tag:6}}", "differ" if a.tag != b.tag else "")

t = {self.word.value}
for one in (tagger, other):
    x = one.encode(words)
    reach = gradient_reach(one.model, x, t, tag=one.model.forward(x)[:, t].argmax())
    print("|d loss / d h_k|", reach.h)
"""


def about(one: Opened, other: Opened) -> str:
    """Return a table of the figures of two runs and of the settings in which they differ."""
    rows: list[list[Any]] = [["model", one.run.settings.model, other.run.settings.model]]
    rows.append(["accuracy on dev", *(_on_dev(opened) for opened in (one, other))])
    settings = [
        {**opened.run.settings.to_dict(), **opened.run.settings.to_dict()["trainer"]} for opened in (one, other)
    ]
    for key, value in settings[0].items():
        if key not in ("model", "trainer") and value != settings[1][key]:
            rows.append([key, *(_short(which[key]) for which in settings)])
    same_dev = one.run.settings.dev == other.run.settings.dev
    note = (
        "" if same_dev else "<br><small>Their dev parts are different files: compare the accuracies with care.</small>"
    )
    return html.table(["", one.name, other.name], rows) + note


def _on_dev(opened: Opened) -> str:
    figures = opened.figures
    if figures is None or figures["dev_accuracy"] is None:
        return "not measured"
    return f"{figures['dev_accuracy']:.2%} (epoch {figures['epoch']})"


def _short(value: Any) -> str:
    return PurePath(value).name if isinstance(value, str) else str(value)
