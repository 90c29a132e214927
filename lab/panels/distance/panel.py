"""Distance panel: the dependency distance that an RNN and an LSTM can learn."""

import math
from collections.abc import Iterator
from typing import Any

import bqplot
import ipywidgets as widgets

from lab.drawing import html
from lab.drawing.figures import figure, key, put_chart, side_axis
from lab.drawing.looks import make
from lab.widgets.controls import Controls, in_row, progress_bar, settings_code, view
from lab.widgets.panel import Panel, PanelJob
from lxmls_rnn.distance import TAGGERS, DistanceSettings, Measured, measure
from lxmls_rnn.plotting.chart import Axis, Chart, Line
from lxmls_rnn.plotting.palette import LINES
from lxmls_rnn.settings import settings_of

SHOWN = "taggers", "distances", "init", "seeds", "epochs"  # the settings that have a control
LINE_COLOURS = dict(zip(TAGGERS, LINES, strict=False))
LINE_WIDTHS = {tagger: 6 - 2.25 * n for n, tagger in enumerate(TAGGERS)}  # of curves that coincide, all are seen


class DistancePanel(Panel):
    """Train taggers on reach:K, where a word K words back decides the tag of the last word.

    `measured` holds the latest epoch of each training, by tagger, distance and seed.
    """

    title = "Dependency distance"
    help = """In <i>She , er , well , watches .</i> the last word is a verb, in <i>Her , er , well , watches .</i> a
    noun: only the first word decides it, and the words between do not help. In the corpus <b>reach:K</b> the deciding
    word is K words back. <b>Start</b> trains taggers for each distance and shows their accuracy on the last word: 50 %
    is guessing. Then change the <b>Initialisation</b>: <i>uniform01</i> draws the weights between 0 and 1, as the lab
    guide does. The other panels offer the corpora reach:K too, so that you can inspect such a tagger."""

    def __init__(self) -> None:
        described = settings_of(DistanceSettings)
        self.choice = Controls({name: described[name] for name in SHOWN})
        self.start_button = self.button("Start", "Start the trainings", self.start, "primary", "play")
        tooltip = "Stop and keep the results so far"
        self.stop_button = self.button("Stop", tooltip, lambda: self.work.stop(), icon="stop")
        self.progress = progress_bar("26em")
        self.work = PanelJob(self, self.start_button, self.stop_button, self.progress)
        self.plot = figure(up=side_axis(bqplot.LinearScale(min=0.35, max=1.05)), size=(560, 300))
        self.drawn = make(widgets.Box)
        self.legend, self.table = view("legend"), view("distances")
        self.measured: dict[tuple[str, int, int], Measured] = {}
        self._planned = 1
        super().__init__(
            self.choice["taggers"],
            self.choice.row("distances", "init"),
            self.choice.row("seeds", "epochs"),
            in_row(self.start_button, self.stop_button, self.progress),
            self.drawn,
            self.legend,
            self.table,
        )

    def settings(self) -> DistanceSettings:
        """Return the chosen settings; ValueError if one is invalid."""
        values = self.choice.values()
        return DistanceSettings(**values | {"distances": tuple(sorted(set(values["distances"])))})

    def start(self) -> None:
        """Start the trainings in the background."""
        settings = self.settings()
        names: dict[float, str] = {k: str(k) for k in settings.distances}
        self.measured = {}
        self._epochs = settings.epochs
        self._planned = len(settings.taggers) * len(names) * settings.seeds * settings.epochs
        self._axis = Axis("K: distance to the deciding word, in words", "d", "log", names)

        def work() -> Iterator[Measured]:
            for measurement in measure(settings):
                self.measured[measurement.tagger, measurement.distance, measurement.seed] = measurement
                yield measurement

        self.work.begin(work, self._conclude, self._show)

    def _show(self) -> None:
        self.progress.value = sum(measurement.epoch for measurement in list(self.measured.values())) / self._planned
        if not self.measured:
            self.show_message("Theano is compiling the taggers; the first time this takes up to a minute.")
            return
        last = list(self.measured.values())[-1]
        if self.work.active:
            self.show_message(f"{last.tagger} on reach:{last.distance}, seed {last.seed}, epoch {last.epoch} …")
        self.drawn.children = [self.plot]
        self._draw()

    def _conclude(self) -> str:
        ended = "Done." if self.progress.value >= 1 else "Stopped."
        return f"{ended} From which distance on does each tagger guess?"

    def seeds(self) -> dict[str, dict[int, list[Measured]]]:
        """Return what is measured of each seed so far, by tagger and distance."""
        found: dict[str, dict[int, list[Measured]]] = {}
        for (tagger, distance, _), measurement in list(self.measured.items()):
            found.setdefault(tagger, {}).setdefault(distance, []).append(measurement)
        return found

    def _cell(self, measurement: Measured) -> str:
        epoch = "" if measurement.epoch == self._epochs else f" (epoch {measurement.epoch})"
        return f"{measurement.accuracy:.0%}{epoch}"

    def _draw(self) -> None:
        lines, rows, seeds = list[Line](), [], self.seeds()
        distances = sorted({distance for by_distance in seeds.values() for distance in by_distance})
        for tagger, by_distance in seeds.items():
            look: dict[str, Any] = {"colour": LINE_COLOURS[tagger], "width": LINE_WIDTHS[tagger]}
            x = sorted(by_distance)
            trained = {k: [m.accuracy for m in by_distance[k] if m.epoch == self._epochs] for k in x}
            means = {k: math.fsum(accuracies) / len(accuracies) for k, accuracies in trained.items() if accuracies}
            lines.append(Line(tagger, x=list(means), y=list(means.values()), **look))
            k_of, accuracies = zip(*((k, m.accuracy) for k in x for m in by_distance[k]), strict=True)
            lines.append(Line("", x=k_of, y=accuracies, style="none", has_dots=True, **look))
            of_tagger = [" ".join(map(self._cell, by_distance.get(k, ()))) for k in distances]
            rows.append([tagger, *of_tagger])
        put_chart(self.plot, Chart(self._axis, Axis("accuracy on the word", ".0%"), lines))
        caption = "Lines: means of the seeds whose training ended, wide ones behind narrow ones; dots: each seed."
        self.legend.value = f"<div>{key(lines)}</div><div><small>{caption}</small></div>"
        self.table.value = html.table(["accuracy on the word", *(f"K = {k}" for k in distances)], rows)

    def code(self) -> str:
        return f"""{settings_code(self.settings(), measure)}
last = {{}}  # by tagger, distance and seed
for one in measure(settings):
    last[one.tagger, one.distance, one.seed] = one.accuracy
for (tagger, distance, seed), accuracy in last.items():
    print(f"{{tagger:14}} reach:{{distance:<4}} seed {{seed}}: {{accuracy:.0%}}")
"""
