"""Curves of trainings over their epochs: cost and accuracy, one colour a run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import bqplot
import ipywidgets as widgets
import numpy as np

from lab.choices import WRAP

# Okabe and Ito's, which people of any colour vision tell apart; of a brightness that is seen on white and on black
COLOURS = ("#0d8bd9", "#e06c00", "#00a37a", "#d264a8", "#b58900", "#8a7fe8", "#c9403a", "#808080")

DOT, MANY = 32, 40  # size of a dot, and how many epochs get dots that can be told apart
MOST = 1000  # epochs that are drawn; of more every second one, every third one, ...


class Curves(widgets.VBox):
    """Two figures and their legend.

    Attributes
    ----------
    cost, accuracy
        The figures.
    legend
        HTML: which colour is which run.
    lines
        Of each run that is drawn, its `RunLines`.
    """

    def __init__(self) -> None:
        self.cost, self.accuracy = figure("cost, sum over sentences", "~s"), figure("accuracy", ".0%", max=1.0)
        self.legend = widgets.HTML().add_class("lab-legend")
        self.lines: dict[str, RunLines] = {}
        row = widgets.HBox([self.cost, self.accuracy], layout=WRAP)
        super().__init__([row, self.legend])

    def show(self, names: Iterable[str]) -> None:
        """Draw these runs and no others; each keeps the colour that it has had."""
        names = list(names)
        self.lines = {name: lines for name, lines in self.lines.items() if name in names}
        for name in names:
            if name not in self.lines:
                used = [lines.colour for lines in self.lines.values()]
                colour = min(COLOURS, key=used.count)  # the first that is used least
                self.lines[name] = RunLines(colour, scales_of(self.cost), scales_of(self.accuracy))
        self.cost.marks = [mark for lines in self.lines.values() for mark in lines.of_cost]
        self.accuracy.marks = [mark for lines in self.lines.values() for mark in lines.of_accuracy]
        self.layout.display = None if names else "none"
        swatches = "".join(
            f'<span style="margin-right:1.2em;white-space:nowrap"><span aria-hidden="true" style="display:inline-block;'
            f'width:2em;height:4px;vertical-align:middle;background:{lines.colour}"></span> {escape(name)}</span>'
            for name, lines in self.lines.items()
        )
        self.legend.value = (
            f"<div>{swatches}</div><div><small>With dots: cost of an epoch, and accuracy on dev after it. Dashed: "
            "accuracy on the training part, each word tagged before its update. Thin: the same within the epochs."
            "</small></div>"
            if names else ""
        )  # fmt: skip

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


def figure(label: str, tick_format: str, **limits: float) -> bqplot.Figure:
    """Make an empty plot of something over epochs."""
    axes = [
        bqplot.Axis(scale=bqplot.LinearScale(min=0), label="epochs", tick_format="~g"),
        bqplot.Axis(scale=bqplot.LinearScale(**limits), side="left", label=label, label_offset="3.8em",
                    tick_format=tick_format),
    ]  # fmt: skip
    return bqplot.Figure(
        axes=axes, marks=[], fig_margin={"top": 12, "bottom": 45, "left": 65, "right": 18},
        layout={"width": "394px", "height": "260px", "min_width": "300px"},
    )  # fmt: skip


def scales_of(figure: bqplot.Figure) -> dict[str, bqplot.Scale]:
    """Return the scales that marks of a figure are to have."""
    x, y = figure.axes
    return {"x": x.scale, "y": y.scale}


class RunLines:
    """The lines of one run: of each epoch, and thin ones within the epochs."""

    def __init__(self, colour: str, cost: dict[str, bqplot.Scale], accuracy: dict[str, bqplot.Scale]) -> None:
        def line(scales: dict[str, bqplot.Scale], **style: Any) -> bqplot.Lines:
            return bqplot.Lines(x=[], y=[], scales=scales, colors=[colour], **style)

        self.colour = colour
        dots: dict[str, Any] = {"marker": "circle", "marker_size": DOT, "stroke_width": 2}
        thin: dict[str, Any] = {"stroke_width": 1, "opacities": [0.55]}
        self.cost, self.cost_within = line(cost, **dots), line(cost, **thin)
        self.dev, self.train = line(accuracy, **dots), line(accuracy, line_style="dashed", stroke_width=2)
        self.train_within = line(accuracy, **thin)
        self.of_cost = [self.cost_within, self.cost]
        self.of_accuracy = [self.train_within, self.train, self.dev]
        self._drawn = 0, 0

    def update(self, rows: Sequence[dict[str, Any]], running: Sequence[tuple[float, float, float]]) -> None:
        """Draw what there is now, unless it is drawn already."""
        epochs, points = len(rows), len(running)
        if epochs != self._drawn[0]:
            rows = rows[:epochs][:: -(1 + epochs // MOST)][::-1]  # the last one is always there
            number = np.array([row["epoch"] for row in rows], float)
            put(self.cost, number, np.array([row["cost"] for row in rows], float))
            put(self.train, number, np.array([row["train_accuracy"] for row in rows], float))
            with_dev = [row for row in rows if row["dev_accuracy"] is not None]
            self.cost.marker_size = self.dev.marker_size = DOT if epochs <= MANY else 1
            put(self.dev, *(np.array([row[key] for row in with_dev], float) for key in ("epoch", "dev_accuracy")))
        if points != self._drawn[1]:
            done, cost, accuracy = np.array(running[:points], float).reshape(-1, 3).T
            put(self.cost_within, done, cost)
            put(self.train_within, done, accuracy)
        self._drawn = epochs, points


def put(line: bqplot.Lines, x: np.ndarray, y: np.ndarray) -> None:
    """Give a line new points, in one message."""
    with line.hold_sync():
        line.x, line.y = x, y
