"""Charts of the play panel: lines on fixed axes, with earlier lines kept in grey."""

from collections.abc import Sequence
from itertools import zip_longest

import bqplot
import numpy as np

from lab.drawing import html
from lab.drawing.figures import figure, put, scales_of, side_axis
from lab.drawing.looks import ColumnBox
from lab.widgets.controls import view
from lxmls_rnn.plotting.palette import HIGHLIGHT, LINES

KEPT_COLOUR = "#808080"
CHART_SIZE = (394, 220)  # pixels; narrower in a narrow window, so that two are side by side below the sliders
POWERS = np.array([-8.0, 4.0])  # of ten, the ends of the axis of the gradient
MAX_TICKS = 8
NO_POINTS = np.array([])
Line = tuple[np.ndarray, np.ndarray]


class Slices(ColumnBox):
    """A chart of up to two current lines and one point, and of earlier lines that the user keeps."""

    def __init__(self, across: bqplot.Axis, up: bqplot.Axis, names: Sequence[str]) -> None:
        self.figure = figure(across, up, size=CHART_SIZE, layout={"margin": "0"})  # or the box around it would scroll
        style = {"scales": scales_of(self.figure), "x": [], "y": []}
        self.lines = [
            bqplot.Lines(colors=[colour], stroke_width=2, marker="circle", marker_size=16, **style)
            for _, colour in zip(names, LINES, strict=False)
        ]
        self.kept = [bqplot.Lines(colors=[KEPT_COLOUR], stroke_width=2, line_style="dashed", **style) for _ in names]
        self.point = bqplot.Scatter(colors=[HIGHLIGHT], default_size=70, **style)
        self.figure.marks = [*self.kept, *self.lines, self.point]
        self.names, self.key = names, view()
        super().__init__([self.figure, self.key], ["lab-slices"])

    def draw(self, lines: Sequence[Line], point: tuple[float, float] | None = None) -> None:
        """Replace the lines and the point."""
        for mark, line in zip_longest(self.lines, lines):
            put(mark, *(line or (NO_POINTS, NO_POINTS)))
        put(self.point, *([[value] for value in point] if point else [[], []]))
        drawn = [(name, mark.colors[0], "solid") for name, mark in zip(self.names, self.lines, strict=True)]
        kept = [("kept", KEPT_COLOUR, "dashed")] if any(len(mark.x) for mark in self.kept) else []
        self.key.value = html.key(drawn[: len(lines)] + kept)

    def keep(self) -> None:
        """Keep the current lines in grey."""
        for kept, line in zip(self.kept, self.lines, strict=True):
            put(kept, line.x, line.y)

    def forget(self) -> None:
        """Remove the kept lines."""
        for kept in self.kept:
            put(kept, NO_POINTS, NO_POINTS)


def reach_chart() -> Slices:
    """Make the chart of the gradient's relative norm against the number of words back."""
    up = side_axis(bqplot.LogScale(), "share of the gradient", "~e")
    across = bqplot.Axis(scale=bqplot.LinearScale(min=0), label="words back", tick_format="d")
    return Slices(across, up, ["hidden state h", "cell c"])


def fit_powers(chart: Slices) -> None:
    """Let the axis of a chart of `reach_chart` show all its points; it changes only where they leave `POWERS`."""
    y = np.concatenate([POWERS, *(np.log10(mark.y) for mark in (*chart.lines, *chart.kept))])
    low, high = np.floor(y.min()), np.ceil(y.max())
    step = 2 * np.ceil((high - low) / 2 / MAX_TICKS)
    up = chart.figure.axes[1]
    up.tick_values = 10.0 ** np.arange(step * np.floor(low / step), high + step, step)
    up.scale.min, up.scale.max = float(up.tick_values[0]), float(up.tick_values[-1])


def loss_chart() -> Slices:
    """Make the chart of the loss along a line."""
    across = bqplot.Axis(scale=bqplot.LinearScale(), tick_format="~g")
    return Slices(across, side_axis(bqplot.LinearScale(min=0, max=1), "loss", "~g"), ["loss"])


def round_above(value: float) -> float:
    """Return the next of 1, 2, 5, 10, 20, ...: an axis that ends there rarely changes."""
    if not np.isfinite(value) or value <= 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(value))
    return float(next(step * power for step in (1, 2, 5, 10) if value <= step * power))
