"""Training curves over epochs: cost, accuracy and gradient norm; each run has its colour and line style."""

from collections.abc import Iterable, Sequence
from math import ceil
from typing import Any

import bqplot
import numpy as np

from lab.drawing import html
from lab.drawing.figures import figure, put, put_marks, scales_of, side_axis
from lab.drawing.looks import ColumnBox
from lab.widgets.controls import checkbox, in_row, show, view
from lxmls_rnn.deep_learning.events import Metrics
from lxmls_rnn.plotting.palette import LINES

# marker and line style of cost and dev accuracy, line style of training accuracy
LINE_STYLES = (("circle", "solid", "dashed"), ("square", "dotted", "dash_dotted"))
RUN_STYLES = [(colour, *styles) for styles in LINE_STYLES for colour in LINES]  # distinct for this many runs

DOT_SIZE, MAX_DOTS = 32, 40  # with more epochs, the dots would overlap
MIN_NORM, MAX_NORM = 1e-3, 1e6  # range of the axis
MAX_EPOCH_TICKS = 8  # with more epochs, bqplot chooses the ticks
MAX_DRAWN_EPOCHS = 1000  # of a longer run every second, third, ... one is drawn

Scales = dict[str, bqplot.Scale]
Rows = Sequence[Metrics]
Points = Sequence[tuple[float, float, float, float]]  # within epochs: epochs done, cost, accuracy, norm of the gradient


class Curves(ColumnBox):
    """Figures `cost` and `accuracy`, `norm` if recorded, and a legend of the runs."""

    def __init__(self) -> None:
        self.cost = over_epochs(cost_axis(bqplot.LinearScale()))
        self.accuracy = over_epochs(side_axis(bqplot.LinearScale(max=1.0), "accuracy", ".0%"))
        norm_axis = side_axis(bqplot.LogScale(min=MIN_NORM, max=MAX_NORM), "norm of the gradient", "~e")
        norm_axis.tick_values = np.logspace(np.log10(MIN_NORM), np.log10(MAX_NORM), 10)
        self.norm, self.figures = over_epochs(norm_axis), in_row()
        tooltip = "Makes curves of very different costs readable; a cost of 0 is not drawn"
        # its handler calls `rescale`
        self.logarithmic = checkbox("Logarithmic cost axis", tooltip)
        self.legend = view("legend")
        self.lines: dict[str, RunLines] = {}  # by name of the run
        super().__init__([self.figures, self.logarithmic, self.legend])

    def show(self, names: Iterable[str]) -> None:
        """Draw exactly these runs; a run keeps its style."""
        names = list(names)
        self.lines = {name: lines for name, lines in self.lines.items() if name in names}
        for name in names:
            if name not in self.lines:
                used = [lines.style for lines in self.lines.values()]
                style = min(RUN_STYLES, key=used.count)  # the least used one
                self.lines[name] = RunLines(style, *map(scales_of, (self.cost, self.accuracy, self.norm)))
        self._put_marks()
        show(self, bool(names))
        drawn = ((name, *lines.style) for name, lines in self.lines.items())
        key = html.key((name, colour, line) for name, colour, _, line, _ in drawn)
        dashed = "Dashed" if len(names) <= len(LINES) else "Dashed or dash-dotted"
        message = (
            f"With markers: cost of an epoch, in its middle, and accuracy on dev, at its end. {dashed}: accuracy on "
            "the training part, in the middle of an epoch, each word tagged before its update. Thin: the same within "
            "epochs. Norm: the largest of an epoch, before clipping."
        )
        self.legend.value = f"<div>{key}</div><div><small>{message}</small></div>" if names else ""

    def rescale(self) -> None:
        """Replace the cost axis according to `logarithmic`."""
        scale = bqplot.LogScale() if self.logarithmic.value else bqplot.LinearScale()
        self.cost.axes = [self.cost.axes[0], cost_axis(scale)]
        for lines in self.lines.values():
            lines.draw_cost(scales_of(self.cost))
        self._put_marks()

    def _put_marks(self) -> None:
        put_marks(self.cost, [mark for lines in self.lines.values() for mark in lines.of_cost])
        put_marks(self.accuracy, [mark for lines in self.lines.values() for mark in lines.of_accuracy])
        put_marks(self.norm, [mark for lines in self.lines.values() for mark in lines.of_norm])
        self._place()

    def _place(self) -> None:
        """Add the figures if there are runs, that of the norms if there are some; end their axes at a whole epoch."""
        last = max((lines.epochs for lines in self.lines.values()), default=1)
        for across, _ in (self.cost.axes, self.accuracy.axes, self.norm.axes):
            across.scale.max = last
            across.tick_values = np.arange(last + 1) if last <= MAX_EPOCH_TICKS else None
        measured = any(len(mark.x) for mark in self.norm.marks)
        self.figures.children = [self.cost, self.accuracy, *[self.norm] * measured] if self.lines else []

    def update(self, name: str, rows: Rows, points: Points = ()) -> None:
        """Update the lines of a run from its metrics and its points within epochs."""
        if name in self.lines:
            self.lines[name].update(rows, points)
            self._place()


def cost_axis(scale: bqplot.Scale) -> bqplot.Axis:
    """Make the axis of the cost."""
    return side_axis(scale, "cost, sum over sentences", ",~g")


def over_epochs(side: bqplot.Axis) -> bqplot.Figure:
    """Make an empty plot with epochs on the x axis."""
    epochs = bqplot.Axis(scale=bqplot.LinearScale(min=0), label="epochs", tick_format="~g")
    return figure(epochs, side, size=(394, 260), layout={"min_width": "300px"})


class RunLines:
    """The lines of one run: thick ones per epoch, thin ones within epochs."""

    def __init__(self, style: tuple[str, str, str, str], cost: Scales, accuracy: Scales, norm: Scales) -> None:
        self.style = style
        self.colour, self._marker, self._line, train = style
        self._rows: Rows = []
        self._points: Points = []
        self.dev, self.train = self._thick(accuracy), self._lines(accuracy, line_style=train, stroke_width=2)
        self.train_within = self._thin(accuracy)
        self.of_accuracy = [self.train_within, self.train, self.dev]
        self.norm, self.norm_within = self._thick(norm), self._thin(norm)
        self.of_norm = [self.norm_within, self.norm]
        self.draw_cost(cost)

    @property
    def epochs(self) -> int:
        """The number of epochs drawn, at least 1; an epoch that is not finished counts."""
        return max([1, *(row.epoch for row in self._rows[-1:]), *(ceil(done) for done, *_ in self._points[-1:])])

    def draw_cost(self, scales: Scales) -> None:
        """Recreate the cost lines on these scales."""
        self._is_log = isinstance(scales["y"], bqplot.LogScale)
        self.cost, self.cost_within = self._thick(scales), self._thin(scales)
        self.of_cost = [self.cost_within, self.cost]
        self._drawn = 0, 0
        self.update(self._rows, self._points)

    def _lines(self, scales: Scales, **style: Any) -> bqplot.Lines:
        return bqplot.Lines(x=[], y=[], scales=scales, colors=[self.colour], **style)

    def _thick(self, scales: Scales) -> bqplot.Lines:
        return self._lines(scales, line_style=self._line, marker=self._marker, marker_size=DOT_SIZE, stroke_width=2)

    def _thin(self, scales: Scales) -> bqplot.Lines:
        return self._lines(scales, stroke_width=1, opacities=[0.55])

    def update(self, rows: Rows, points: Points) -> None:
        """Draw new points, if there are any; bqplot sends the page only those of lines that have changed."""
        if (drawn := (len(rows), len(points))) == self._drawn:
            return
        self._drawn, self._rows, self._points = drawn, rows, points
        self.cost.marker_size = self.dev.marker_size = self.norm.marker_size = DOT_SIZE if len(rows) <= MAX_DOTS else 1
        rows = rows[:: -(1 + len(rows) // MAX_DRAWN_EPOCHS)][::-1]  # always includes the last one
        kept = [(row.epoch, row.cost, row.train_accuracy, row.dev_accuracy, row.gradient_norm) for row in rows]
        epoch, cost, train, dev, norm = np.array(kept, float).reshape(-1, 5).T  # None becomes NaN
        measured, middle = np.isfinite(dev), epoch - 0.5  # of what is measured over the whole epoch
        self._put_cost(self.cost, middle, cost)
        put(self.train, middle, train)
        put(self.dev, epoch[measured], dev[measured])
        self._put_norm(self.norm, middle, norm)
        done, cost, accuracy, norm = np.array(list(points), float).reshape(-1, 4).T
        self._put_cost(self.cost_within, done, cost)
        measured = np.isfinite(accuracy)
        put(self.train_within, done[measured], accuracy[measured])
        self._put_norm(self.norm_within, done, norm)

    def _put_cost(self, line: bqplot.Lines, x: np.ndarray, y: np.ndarray) -> None:
        """Draw the costs that the axis can show: finite and, on a logarithmic axis, positive."""
        fits = np.isfinite(y) & (y > 0 if self._is_log else True)
        put(line, x[fits], y[fits])

    @staticmethod
    def _put_norm(line: bqplot.Lines, x: np.ndarray, y: np.ndarray) -> None:
        """Draw positive norms, clipped to ten times the end of the axis."""
        fits = y > 0
        put(line, x[fits], np.minimum(y[fits], 10 * MAX_NORM))
