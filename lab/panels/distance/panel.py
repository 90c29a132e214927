"""Distance panel: the dependency distance that an RNN and an LSTM can learn."""

import math
from collections.abc import Iterator
from typing import Any

import bqplot
import ipywidgets as widgets

from lab.drawing import html
from lab.drawing.figures import figure, key, put_chart, side_axis
from lab.runtime.job import Job
from lab.widgets.choices import Checkboxes
from lab.widgets.controls import dropdown, in_row, integer, progress_bar, show, text, view
from lab.widgets.panel import Panel
from lxmls_rnn.benchmark.measure.cases import sizes
from lxmls_rnn.datasets.reach import MAX_DISTANCE
from lxmls_rnn.deep_learning.initialisation import INITS
from lxmls_rnn.distance import TAGGERS, Measured, measure
from lxmls_rnn.plotting.chart import Axis, Chart, Line
from lxmls_rnn.plotting.palette import LINES

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
        tooltips = {name: f"{model}, 20 hidden units" for name, (model, _) in TAGGERS.items()}
        self.taggers = Checkboxes("Taggers", tooltips, list(TAGGERS))
        what = f"Numbers from 1 to {MAX_DISTANCE}, separated by commas"
        self.distances = text("Distances", "1, 2, 3, 5, 10, 20", what)
        what = "Trainings of each tagger and distance, each with its own seed"
        self.seeds = integer("Seeds", 3, what, 20, "16em")
        self.epochs = integer("Epochs", 15, "Epochs of each training, over 1000 sentences", 1000, "16em")
        self.init = dropdown("Initialisation", INITS, "Distribution of the initial parameters", "glorot")
        self.start_button = self.button("Start", "Start the trainings", self.start, "primary", "play")
        self.stop_button = self.button("Stop", "Stop and keep the results so far", self.stop, icon="stop")
        self.progress = progress_bar("26em")
        self.plot = figure(up=side_axis(bqplot.LinearScale(min=0.35, max=1.05)), size=(560, 300))
        self.drawn = widgets.Box()
        self.legend, self.table = view("legend"), view("distances")
        self.measured: dict[tuple[str, int, int], Measured] = {}
        self._planned = 1
        self.stop_button.disabled = True
        super().__init__(
            self.taggers,
            in_row(self.distances, self.init),
            in_row(self.seeds, self.epochs),
            in_row(self.start_button, self.stop_button, self.progress),
            self.drawn,
            self.legend,
            self.table,
        )
        show(self.progress, False)

    def chosen_distances(self) -> list[int]:
        """Return the distances; ValueError if one is not a number from 1 to `MAX_DISTANCE`."""
        distances = sorted(set(sizes("Distances", self.distances.value)))
        if distances[-1] > MAX_DISTANCE:
            raise ValueError(f"Distances takes numbers from 1 to {MAX_DISTANCE}, got {distances[-1]}")
        return distances

    def start(self) -> None:
        """Start the trainings in the background."""
        taggers, distances, seeds, epochs = self._requested()
        options = {"epochs": epochs, "init": self.init.value}
        self.measured, self._planned = {}, len(taggers) * len(distances) * seeds * epochs
        self._axis = Axis("K: distance to the deciding word, in words", "d", "log", {k: str(k) for k in distances})

        def work() -> Iterator[Measured]:
            yield from measure(taggers, distances, seeds, **options)

        def on_event(measured: Measured) -> None:
            self.measured[measured.tagger, measured.distance, measured.seed] = measured

        self.in_background(work, self._conclude, self._show, on_event)

    def stop(self) -> None:
        """Stop after the current epoch."""
        assert self.job is not None
        self.job.stop()

    def _requested(self) -> tuple[list[str], list[int], int, int]:
        return self.taggers.value, self.chosen_distances(), self.seeds.value, self.epochs.value

    def _show(self, job: Job) -> None:
        self.start_button.disabled, self.stop_button.disabled = job.active, not job.active
        show(self.progress, job.active)
        self.progress.value = sum(one.epoch for one in self.measured.values()) / self._planned
        if not self.measured:
            self.show_message("Theano is compiling the taggers; the first time this takes up to a minute.")
            return
        last = list(self.measured.values())[-1]
        if job.active:
            self.show_message(f"{last.tagger} on reach:{last.distance}, seed {last.seed}, epoch {last.epoch} …")
        self.drawn.children = [self.plot]
        self._draw()

    def _conclude(self) -> None:
        ended = "Done." if self.progress.value >= 1 else "Stopped."
        self.show_message(f"{ended} From which distance on does each tagger guess?")

    def means(self) -> dict[str, dict[int, list[float]]]:
        """Return the accuracies of the seeds so far, by tagger and distance."""
        found: dict[str, dict[int, list[float]]] = {}
        for (tagger, distance, _), one in self.measured.items():
            found.setdefault(tagger, {}).setdefault(distance, []).append(one.accuracy)
        return found

    def _draw(self) -> None:
        lines, rows, means = list[Line](), [], self.means()
        distances = sorted({distance for by_distance in means.values() for distance in by_distance})
        for tagger, by_distance in means.items():
            look: dict[str, Any] = {"colour": LINE_COLOURS[tagger], "width": LINE_WIDTHS[tagger]}
            x = sorted(by_distance)
            lines.append(Line(tagger, x=x, y=[math.fsum(by_distance[k]) / len(by_distance[k]) for k in x], **look))
            k_of, accuracies = zip(*((k, accuracy) for k in x for accuracy in by_distance[k]), strict=True)
            lines.append(Line("", x=k_of, y=accuracies, style="none", has_dots=True, **look))
            of_tagger = [" ".join(f"{a:.0%}" for a in by_distance.get(k, ())) for k in distances]
            rows.append([tagger, *of_tagger])
        put_chart(self.plot, Chart(self._axis, Axis("accuracy on the word", ".0%"), lines))
        what = "Lines: means of the seeds, wide ones behind narrow ones; dots: each of them."
        self.legend.value = f"<div>{key(lines)}</div><div><small>{what}</small></div>"
        self.table.value = html.table(["accuracy on the word", *(f"K = {k}" for k in distances)], rows)

    def code(self) -> str:
        taggers, distances, seeds, epochs = self._requested()
        return f"""from lxmls_rnn.distance import measure

last = {{}}  # by tagger, distance and seed
for one in measure({taggers!r}, {distances!r}, {seeds}, epochs={epochs}, init={self.init.value!r}):
    last[one.tagger, one.distance, one.seed] = one.accuracy
for (tagger, distance, seed), accuracy in last.items():
    print(f"{{tagger:14}} reach:{{distance:<4}} seed {{seed}}: {{accuracy:.0%}}")
"""
