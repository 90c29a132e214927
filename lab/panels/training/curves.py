"""Curves of trainings over their epochs: cost and accuracy, a colour and way of drawing for each run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import bqplot
import ipywidgets as widgets
import numpy as np

from lab.widgets.choices import WRAP

# Okabe and Ito's, which people of any colour vision tell apart; of a brightness that is seen on white and on black
COLOURS = ("#0d8bd9", "#e06c00", "#00a37a", "#d264a8", "#b58900", "#8a7fe8", "#c9403a", "#808080")

# of the lines of cost and of accuracy on dev: marker, line; of accuracy on the training part: line
ROUNDS = (("circle", "solid", "dashed"), ("square", "dotted", "dash_dotted"))
STYLES = [(colour, *styles) for styles in ROUNDS for colour in COLOURS]  # of so many runs, each has its own

DOT, MANY = 32, 40  # size of a dot, and how many epochs get dots that can be told apart
MOST = 1000  # epochs that are drawn; of more every second one, every third one, ...


class Curves(widgets.VBox):
    """Two figures and their legend.

    Attributes
    ----------
    cost, accuracy
        The figures.
    logarithmic
        Whether the axis of the cost is to be logarithmic; `rescale` makes it so.
    legend
        HTML: which colour is which run.
    lines
        Of each run that is drawn, its `RunLines`.
    """

    def __init__(self) -> None:
        self.cost = figure(cost_axis(bqplot.LinearScale()))
        self.accuracy = figure(side_axis(bqplot.LinearScale(max=1.0), "accuracy", ".0%"))
        self.logarithmic = widgets.Checkbox(
            description="Logarithmic cost axis", value=False, indent=False, layout={"width": "auto"},
            tooltip="A run with a large cost does not flatten the others' curves then; a cost of 0 has no place",
        ).add_class("lab-logarithmic")  # fmt: skip
        self.legend = widgets.HTML().add_class("lab-legend")
        self.lines: dict[str, RunLines] = {}
        row = widgets.HBox([self.cost, self.accuracy], layout=WRAP)
        super().__init__([row, self.logarithmic, self.legend])

    def show(self, names: Iterable[str]) -> None:
        """Draw these runs and no others; each keeps the colour that it has had."""
        names = list(names)
        self.lines = {name: lines for name, lines in self.lines.items() if name in names}
        for name in names:
            if name not in self.lines:
                used = [lines.style for lines in self.lines.values()]
                style = min(STYLES, key=used.count)  # the first that is used least
                self.lines[name] = RunLines(style, scales_of(self.cost), scales_of(self.accuracy))
        self._put_marks()
        self.layout.display = None if names else "none"
        swatches = "".join(
            f'<span style="margin-right:1.2em;white-space:nowrap"><span aria-hidden="true" style="display:inline-block;'
            f'width:2em;vertical-align:middle;border-top:4px {line} {colour}"></span> {escape(name)}</span>'
            for name, (colour, _, line, _) in ((name, lines.style) for name, lines in self.lines.items())
        )
        dashed = "Dashed" if len(names) <= len(COLOURS) else "Dashed or dash-dotted"
        self.legend.value = (
            f"<div>{swatches}</div><div><small>With marks: cost of an epoch, and accuracy on dev after it. {dashed}: "
            "accuracy on the training part, each word tagged before its update. Thin: the same within the epochs."
            "</small></div>"
            if names else ""
        )  # fmt: skip

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

    def update(self, name: str, rows: Sequence[dict[str, Any]], running: Sequence[tuple[float, float, float]]) -> None:
        """Bring the lines of a run up to date, if it is drawn.

        Parameters
        ----------
        name
            The run's.
        rows
            Its `Run.metrics`.
        running
            Within the epochs: (epochs done, cost, accuracy).
        """
        if name in self.lines:
            self.lines[name].update(rows, running)


def side_axis(scale: bqplot.Scale, label: str, tick_format: str) -> bqplot.Axis:
    """Make the axis at the left of a plot."""
    return bqplot.Axis(scale=scale, side="left", label=label, label_offset="3.8em", tick_format=tick_format)


def cost_axis(scale: bqplot.Scale) -> bqplot.Axis:
    """Make the axis of the cost."""
    return side_axis(scale, "cost, sum over sentences", "~s")


def figure(side: bqplot.Axis) -> bqplot.Figure:
    """Make an empty plot of something over epochs."""
    return bqplot.Figure(
        axes=[bqplot.Axis(scale=bqplot.LinearScale(min=0), label="epochs", tick_format="~g"), side], marks=[],
        fig_margin={"top": 12, "bottom": 45, "left": 65, "right": 18},
        layout={"width": "394px", "height": "260px", "min_width": "300px"},
    )  # fmt: skip


def scales_of(figure: bqplot.Figure) -> dict[str, bqplot.Scale]:
    """Return the scales that marks of a figure are to have."""
    x, y = figure.axes
    return {"x": x.scale, "y": y.scale}


class RunLines:
    """The lines of one run: of each epoch, and thin ones within the epochs."""

    def __init__(
        self, style: tuple[str, str, str, str], cost: dict[str, bqplot.Scale], accuracy: dict[str, bqplot.Scale]
    ) -> None:
        self.style = style
        self.colour, self._marker, self._line, train = style
        self._rows: Sequence[dict[str, Any]] = []
        self._running: Sequence[tuple[float, float, float]] = []
        self.dev, self.train = self._thick(accuracy), self._lines(accuracy, line_style=train, stroke_width=2)
        self.train_within = self._thin(accuracy)
        self.of_accuracy = [self.train_within, self.train, self.dev]
        self.draw_cost(cost)

    def draw_cost(self, scales: dict[str, bqplot.Scale]) -> None:
        """Make the lines of the cost anew, on these scales."""
        self._is_log = isinstance(scales["y"], bqplot.LogScale)
        self.cost, self.cost_within = self._thick(scales), self._thin(scales)
        self.of_cost = [self.cost_within, self.cost]
        self._drawn = 0, 0
        self.update(self._rows, self._running)

    def _lines(self, scales: dict[str, bqplot.Scale], **style: Any) -> bqplot.Lines:
        return bqplot.Lines(x=[], y=[], scales=scales, colors=[self.colour], **style)

    def _thick(self, scales: dict[str, bqplot.Scale]) -> bqplot.Lines:
        return self._lines(scales, line_style=self._line, marker=self._marker, marker_size=DOT, stroke_width=2)

    def _thin(self, scales: dict[str, bqplot.Scale]) -> bqplot.Lines:
        return self._lines(scales, stroke_width=1, opacities=[0.55])

    def update(self, rows: Sequence[dict[str, Any]], running: Sequence[tuple[float, float, float]]) -> None:
        """Draw what there is now, unless it is drawn already."""
        self._rows, self._running = rows, running
        epochs, points = len(rows), len(running)
        if epochs != self._drawn[0]:
            rows = rows[:epochs][:: -(1 + epochs // MOST)][::-1]  # the last one is always there
            number = np.array([row["epoch"] for row in rows], float)
            self._put_cost(self.cost, number, np.array([row["cost"] for row in rows], float))
            put(self.train, number, np.array([row["train_accuracy"] for row in rows], float))
            with_dev = [row for row in rows if row["dev_accuracy"] is not None]
            self.cost.marker_size = self.dev.marker_size = DOT if epochs <= MANY else 1
            put(self.dev, *(np.array([row[key] for row in with_dev], float) for key in ("epoch", "dev_accuracy")))
        if points != self._drawn[1]:
            done, cost, accuracy = np.array(running[:points], float).reshape(-1, 3).T
            self._put_cost(self.cost_within, done, cost)
            put(self.train_within, done, accuracy)
        self._drawn = epochs, points

    def _put_cost(self, line: bqplot.Lines, x: np.ndarray, y: np.ndarray) -> None:
        """Draw what has a place on the axis: a finite cost, and on a logarithmic one no 0."""
        fits = np.isfinite(y) & (y > 0 if self._is_log else True)
        put(line, x[fits], y[fits])


def put(line: bqplot.Lines, x: np.ndarray, y: np.ndarray) -> None:
    """Give a line new points, in one message."""
    with line.hold_sync():
        line.x, line.y = x, y
