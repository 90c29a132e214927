"""Curves of trainings over their epochs: cost, accuracy, norm of the gradient, a colour and style for each run."""

from collections.abc import Iterable, Sequence
from typing import Any

import bqplot
import ipywidgets as widgets
import numpy as np

from lab.drawing import html
from lab.drawing.figures import figure, put, scales_of, side_axis
from lab.widgets.controls import in_row, show, switch, view
from lxmls_rnn.deep_learning.events import Metrics
from lxmls_rnn.plotting.palette import LINES

# of the lines of cost and of accuracy on dev: marker, line; of accuracy on the training part: line
ROUNDS = (("circle", "solid", "dashed"), ("square", "dotted", "dash_dotted"))
STYLES = [(colour, *styles) for styles in ROUNDS for colour in LINES]  # of so many runs, each has its own

DOT, MANY = 32, 40  # size of a dot, and how many epochs get dots that can be told apart
SHORTEST, LONGEST = 1e-3, 1e6  # norms that have room in the plot
MOST = 1000  # epochs that are drawn; of more every second one, every third one, ...

Scales = dict[str, bqplot.Scale]
Rows = Sequence[Metrics]
Running = Sequence[tuple[float, float, float]]  # within epochs: epochs done, cost, accuracy
Norms = Sequence[tuple[float, float]]  # epochs done, norm of the gradient


class Curves(widgets.VBox):
    """Figures `cost` and `accuracy`, `norm` where it was recorded, and their legend: which colour is which run."""

    def __init__(self) -> None:
        self.cost = over_epochs(cost_axis(bqplot.LinearScale()))
        self.accuracy = over_epochs(side_axis(bqplot.LinearScale(max=1.0), "accuracy", ".0%"))
        norm_axis = side_axis(bqplot.LogScale(min=SHORTEST, max=LONGEST), "norm of the gradient", "~e")
        norm_axis.tick_values = np.logspace(np.log10(SHORTEST), np.log10(LONGEST), 10)
        self.norm, self.figures = over_epochs(norm_axis), in_row(self.cost, self.accuracy)
        what = "A run with a large cost does not flatten the others' curves then; a cost of 0 has no place"
        # `rescale` makes the axis so
        self.logarithmic = switch("Logarithmic cost axis", what).add_class("lab-logarithmic")
        self.legend = view("legend")
        self.lines: dict[str, RunLines] = {}  # of each run that is drawn
        super().__init__([self.figures, self.logarithmic, self.legend])

    def show(self, names: Iterable[str]) -> None:
        """Draw these runs and no others; each keeps the colour that it has had."""
        names = list(names)
        self.lines = {name: lines for name, lines in self.lines.items() if name in names}
        for name in names:
            if name not in self.lines:
                used = [lines.style for lines in self.lines.values()]
                style = min(STYLES, key=used.count)  # the first that is used least
                self.lines[name] = RunLines(style, *map(scales_of, (self.cost, self.accuracy, self.norm)))
        self._put_marks()
        show(self, bool(names))
        drawn = ((name, *lines.style) for name, lines in self.lines.items())
        key = html.key((name, colour, line) for name, colour, _, line, _ in drawn)
        dashed = "Dashed" if len(names) <= len(LINES) else "Dashed or dash-dotted"
        says = (
            f"With marks: cost of an epoch, and accuracy on dev after it. {dashed}: accuracy on the training part, "
            "each word tagged before its update. Thin: the same within the epochs. Norm: the largest, before clipping."
        )
        self.legend.value = f"<div>{key}</div><div><small>{says}</small></div>" if names else ""

    def rescale(self) -> None:
        """Give the cost the axis that `logarithmic` asks for."""
        scale = bqplot.LogScale() if self.logarithmic.value else bqplot.LinearScale()
        self.cost.axes = [self.cost.axes[0], cost_axis(scale)]
        for lines in self.lines.values():
            lines.draw_cost(scales_of(self.cost))
        self._put_marks()

    def _put_marks(self) -> None:
        self.cost.marks = [mark for lines in self.lines.values() for mark in lines.of_cost]
        self.accuracy.marks = [mark for lines in self.lines.values() for mark in lines.of_accuracy]
        self.norm.marks = [mark for lines in self.lines.values() for mark in lines.of_norm]
        self._place()

    def _place(self) -> None:
        """Show the norms where there are some: a figure that is drawn while it is hidden stays empty."""
        measured = any(len(mark.x) for mark in self.norm.marks)
        shown = (self.cost, self.accuracy, *([self.norm] if measured else []))
        if self.figures.children != shown:
            self.figures.children = shown

    def update(self, name: str, rows: Rows, running: Running, norms: Norms = ()) -> None:
        """Bring the lines of a run that is drawn up to its metrics, and to what there is of it within epochs."""
        if name in self.lines:
            self.lines[name].update(rows, running, norms)
            self._place()


def cost_axis(scale: bqplot.Scale) -> bqplot.Axis:
    """Make the axis of the cost."""
    return side_axis(scale, "cost, sum over sentences", ",~g")


def over_epochs(side: bqplot.Axis) -> bqplot.Figure:
    """Make an empty plot of something over epochs."""
    epochs = bqplot.Axis(scale=bqplot.LinearScale(min=0), label="epochs", tick_format="~g")
    made = figure(epochs, side, size=(394, 260))
    made.layout.min_width = "300px"
    return made


class RunLines:
    """The lines of one run: of each epoch, and thin ones within the epochs."""

    def __init__(self, style: tuple[str, str, str, str], cost: Scales, accuracy: Scales, norm: Scales) -> None:
        self.style = style
        self.colour, self._marker, self._line, train = style
        self._rows: Rows = []
        self._running: Running = []
        self._norms: Norms = []
        self.dev, self.train = self._thick(accuracy), self._lines(accuracy, line_style=train, stroke_width=2)
        self.train_within = self._thin(accuracy)
        self.of_accuracy = [self.train_within, self.train, self.dev]
        self.norm, self.norm_within = self._thick(norm), self._thin(norm)
        self.of_norm = [self.norm_within, self.norm]
        self.draw_cost(cost)

    def draw_cost(self, scales: Scales) -> None:
        """Make the lines of the cost anew, on these scales."""
        self._is_log = isinstance(scales["y"], bqplot.LogScale)
        self.cost, self.cost_within = self._thick(scales), self._thin(scales)
        self.of_cost = [self.cost_within, self.cost]
        self._drawn = 0, 0, 0
        self.update(self._rows, self._running, self._norms)

    def _lines(self, scales: Scales, **style: Any) -> bqplot.Lines:
        return bqplot.Lines(x=[], y=[], scales=scales, colors=[self.colour], **style)

    def _thick(self, scales: Scales) -> bqplot.Lines:
        return self._lines(scales, line_style=self._line, marker=self._marker, marker_size=DOT, stroke_width=2)

    def _thin(self, scales: Scales) -> bqplot.Lines:
        return self._lines(scales, stroke_width=1, opacities=[0.55])

    def update(self, rows: Rows, running: Running, norms: Norms) -> None:
        """Draw what there is now, unless it is drawn already."""
        self._rows, self._running, self._norms = rows, running, norms
        epochs, points, measured_norms = len(rows), len(running), len(norms)
        if epochs != self._drawn[0]:
            rows = rows[:epochs][:: -(1 + epochs // MOST)][::-1]  # the last one is always there
            kept = [(row.epoch, row.cost, row.train_accuracy, row.dev_accuracy, row.gradient_norm) for row in rows]
            epoch, cost, train, dev, norm = np.array(kept, float).reshape(-1, 5).T  # None becomes NaN
            measured = np.isfinite(dev)
            self.cost.marker_size = self.dev.marker_size = self.norm.marker_size = DOT if epochs <= MANY else 1
            self._put_cost(self.cost, epoch, cost)
            put(self.train, epoch, train)
            put(self.dev, epoch[measured], dev[measured])
            self._put_norm(self.norm, epoch, norm)
        if points != self._drawn[1]:
            done, cost, accuracy = np.array(running[:points], float).reshape(-1, 3).T
            self._put_cost(self.cost_within, done, cost)
            put(self.train_within, done, accuracy)
        if measured_norms != self._drawn[2]:
            self._put_norm(self.norm_within, *np.array(norms[:measured_norms], float).reshape(-1, 2).T)
        self._drawn = epochs, points, measured_norms

    def _put_cost(self, line: bqplot.Lines, x: np.ndarray, y: np.ndarray) -> None:
        """Draw what has a place on the axis: a finite cost, and on a logarithmic one no 0."""
        fits = np.isfinite(y) & (y > 0 if self._is_log else True)
        put(line, x[fits], y[fits])

    @staticmethod
    def _put_norm(line: bqplot.Lines, x: np.ndarray, y: np.ndarray) -> None:
        """Draw what has a place: above the plot's edge a line goes no further than ten times its end."""
        fits = y > 0
        put(line, x[fits], np.minimum(y[fits], 10 * LONGEST))
