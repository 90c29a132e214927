"""Plots of the sweep panel: accuracy against a setting, one point per training, and learning curves."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import bqplot
import numpy as np

from lab.drawing.figures import figure, key, put, put_chart, scales_of
from lab.drawing.looks import ColumnBox
from lab.widgets.controls import in_row, view
from lxmls_rnn.plotting.palette import GREY, LINES
from lxmls_rnn.sweep.charts import MAX_COLOURED_CURVES, Lines, against, curves, lines_against, places
from lxmls_rnn.sweep.results import Result, SettingResults

CURVE_STYLES = ("solid", "dashed", "dotted")  # of learning curves that have the colour of the same line
Looks = dict[str, tuple[str, str]]  # colour and style of the learning curve of a setting, by its point of the grid


def looks_of(settings: Sequence[SettingResults], lines: Lines, before: Looks) -> Looks:
    """Return the looks of the learning curves of the best settings, best first; they keep those of `before`.

    A curve has the colour of its setting in the other plot: that of its line, if there are several `lines`.
    """
    possible: dict[str, list[tuple[str, str]]] = {}
    for setting in settings:
        of_line = [(colour, style) for _, colour, line in lines if setting in line for style in CURVE_STYLES]
        looks = of_line if len(lines) > 1 else [(colour, CURVE_STYLES[0]) for colour in LINES]
        if len(possible) < MAX_COLOURED_CURVES and list(possible.values()).count(looks) < len(looks):
            possible[repr(setting.point)] = looks
    chosen = {point: before[point] for point, looks in possible.items() if before.get(point) in looks}
    for point, looks in possible.items():
        chosen[point] = chosen.get(point) or next(look for look in looks if look not in chosen.values())
    return {point: chosen[point] for point in possible}


class Plots(ColumnBox):
    """Accuracy against one setting, with a line per value of another, and learning curves of the best settings.

    `open_run` is called with the result whose point is clicked.
    """

    def __init__(self, open_run: Callable[[Result], None]) -> None:
        self._open, self._results, self._looks = open_run, list[Result](), Looks()
        self.against, self.curves = figure(size=(394, 300)), figure(size=(394, 300))
        self.against.axes[0].label_offset = "2.6em"
        self.points = bqplot.Scatter(x=[], y=[], scales=scales_of(self.against), default_size=40, unselected_style={})
        self.points.on_element_click(lambda _, event: self._open(self._results[event["data"]["index"]]))
        self.legends = view("sweep-lines"), view("sweep-curves")
        boxes = [ColumnBox([plot, key]) for plot, key in zip((self.against, self.curves), self.legends, strict=True)]
        self._row = in_row(*boxes)
        super().__init__()

    def draw(
        self, name: str | None, vary: dict[str, list[Any]], settings: Sequence[SettingResults], label: str
    ) -> None:
        """Draw the settings that have an accuracy, best first; `name` and `label` are of the setting on the x axis."""
        settings = [setting for setting in settings if setting.mean is not None]
        self.children = [self._row] if settings else []
        if not settings:
            return
        lines = lines_against(name, vary, settings)
        self._looks = looks_of(settings, lines, self._looks)
        best = [(setting, *look) for setting in settings if (look := self._looks.get(repr(setting.point)))]
        chart = against(name, vary, lines, label or "all seeds")
        colour_of = {id(setting): colour for _, colour, on_line in lines for setting in on_line}
        own: dict[str, Any] = {"has_dots": False}  # the trainings are drawn instead
        if len(lines) == 1:
            colour_of = {id(setting): GREY for setting in settings} | {
                id(setting): colour for setting, colour, _ in best
            }
            own |= {"colour": GREY, "bar_colours": [colour_of[id(setting)] for setting in lines[0][2]]}
        chart = replace(chart, lines=[replace(line, **own) for line in chart.lines])
        put_chart(self.against, chart, self.points)
        seen = [
            (setting, r) for setting in settings for r in setting.results if r.is_counted and r.accuracy is not None
        ]
        self._results = [result for _, result in seen]
        x, y = places(name, vary, [setting for setting, _ in seen]), [result.accuracy for result in self._results]
        put(self.points, np.array(x), np.array(y), colors=[colour_of[id(setting)] for setting, _ in seen])
        caption = "Each point is a training: click it to inspect its run."
        self.legends[0].value = f"<div>{key(chart.lines)}</div><small>{caption}</small>"

        chart = curves(best)
        put_chart(self.curves, chart)
        some = f"The {len(best)} best settings. " if len(settings) > len(best) else ""
        message = f"{some}Colours as in the other plot. Band: standard deviation over the seeds."
        legend = key(replace(line, name=line.name or "mean") for line in chart.lines[::-1])
        self.legends[1].value = f"<div>{legend}</div><small>{message}</small>"
