"""Plots of the sweep panel: accuracy against a setting, one point per training, and learning curves."""

from collections.abc import Callable, Sequence
from typing import Any

import bqplot
import ipywidgets as widgets
import numpy as np

from lab.drawing import html
from lab.drawing.figures import figure, put, put_marks, scales_of, side_axis
from lab.widgets.controls import in_row, view
from lxmls_rnn.plotting.palette import LINES
from lxmls_rnn.sweep import grid
from lxmls_rnn.sweep.plots import MAX_COLOURED_CURVES, curve, is_number, lines_against, sorted_values
from lxmls_rnn.sweep.results import Result, SettingResults

GREY = "#999999"
CURVE_STYLES = ("solid", "dashed", "dotted")  # of learning curves that have the colour of the same line


def coloured_curves(
    settings: Sequence[SettingResults], lines: Sequence[tuple[str, Sequence[SettingResults]]]
) -> list[tuple[SettingResults, str, str]]:
    """Return the best settings, best first, each with the colour and the style of its learning curve.

    A curve has the colour of its setting in the other plot: that of its line, if there are several `lines`.
    """
    if len(lines) == 1:
        return [(one, colour, "solid") for one, colour in zip(settings[:MAX_COLOURED_CURVES], LINES, strict=False)]
    found: list[tuple[SettingResults, str, str]] = []
    for one in settings:
        colour = next(colour for (_, line), colour in zip(lines, LINES, strict=False) if one in line)
        n_before = sum(colour == other for _, other, _ in found)
        if n_before < len(CURVE_STYLES) and len(found) < MAX_COLOURED_CURVES:
            found.append((one, colour, CURVE_STYLES[n_before]))
    return found


def percent_axis() -> bqplot.Axis:
    """Make the y axis of the accuracy."""
    return side_axis(bqplot.LinearScale(), "accuracy on dev", ".0%")


class Plots(widgets.VBox):
    """Accuracy against one setting, with a line per value of another, and learning curves of the best settings.

    `open_run` is called with the result whose point is clicked.
    """

    def __init__(self, open_run: Callable[[Result], None]) -> None:
        self._open, self._results = open_run, list[Result]()
        across = bqplot.Axis(scale=bqplot.LinearScale(), label="", label_offset="2.6em")
        epochs = bqplot.Axis(scale=bqplot.LinearScale(), label="epochs", tick_format="d")
        self.against = figure(across, percent_axis(), size=(394, 300))
        self.curves = figure(epochs, percent_axis(), size=(394, 300))
        self.points = bqplot.Scatter(x=[], y=[], scales=scales_of(self.against), default_size=40, unselected_style={})
        self.points.on_element_click(lambda _, event: self._open(self._results[event["data"]["index"]]))
        self.legends = view("sweep-lines"), view("sweep-curves")
        boxes = [widgets.VBox([plot, key]) for plot, key in zip((self.against, self.curves), self.legends, strict=True)]
        self._row = in_row(*boxes)
        super().__init__()

    def draw(
        self, name: str | None, vary: dict[str, list[Any]], settings: Sequence[SettingResults], label: str
    ) -> None:
        """Draw the settings that have an accuracy, best first; `name` and `label` are of the setting on the x axis."""
        settings = [setting for setting in settings if setting.mean is not None]
        self.children = [self._row] if settings else []
        if settings:
            self.against.axes[0].label = label or "all seeds"
            lines = lines_against(name, vary, settings) if name else [("", list(settings))]
            curves = coloured_curves(settings, lines)
            self._draw_against(name, vary, settings, lines, {id(one): colour for one, colour, _ in curves})
            self._draw_curves(curves, len(settings))

    def _draw_against(
        self,
        name: str | None,
        vary: dict[str, list[Any]],
        settings: Sequence[SettingResults],
        lines: Sequence[tuple[str, Sequence[SettingResults]]],
        coloured: dict[int, str],
    ) -> None:
        """Draw means, deviations and trainings; a single line is grey, and its points are `coloured` by id."""
        values: list[Any] = sorted_values(vary[name]) if name else [None]
        numbers = name is not None and all(is_number(value) for value in values)
        ratio = numbers and 0 < 8 * values[0] <= values[-1]
        places = {repr(value): float(value) if numbers else float(n) for n, value in enumerate(values)}
        axis = self.against.axes[0]
        x_scale: bqplot.Scale = bqplot.LogScale() if ratio else bqplot.LinearScale()
        scales = {**scales_of(self.against), "x": x_scale}

        def place(setting: SettingResults) -> float:
            return places[repr(setting.point[name] if name else None)]

        marks: list[bqplot.Mark] = []
        if several := len(lines) > 1:
            coloured = {id(one): colour for (_, line), colour in zip(lines, LINES, strict=False) for one in line}
        for _, line in lines:
            x, mean = np.array([place(s) for s in line]), np.array([s.mean for s in line])
            spread = np.array([s.deviation or 0.0 for s in line])
            colours = [coloured.get(id(one), GREY) for one in line]
            line_colour = colours[0] if several else GREY
            marks.append(bqplot.Lines(x=x, y=mean, visible=numbers, scales=scales, colors=[line_colour]))
            bars = {"x": np.column_stack([x, x]), "y": np.column_stack([mean - spread, mean + spread])}
            style = {"colors": colours, "opacities": [0.4] * len(line), "stroke_width": 5}
            marks.append(bqplot.Lines(scales=scales, **bars, **style))
        seen = [(s, r) for s in settings for r in s.results if r.is_counted and r.accuracy is not None]
        self._results = [result for _, result in seen]
        self.points.scales = scales
        accuracies = np.array([result.accuracy for _, result in seen])
        colours = [coloured.get(id(setting), GREY) for setting, _ in seen]
        put(self.points, np.array([place(setting) for setting, _ in seen]), accuracies, colors=colours)
        low, high = min(places.values()), max(places.values())
        aside = (high - low or 1.0) / 20
        x_scale.min, x_scale.max = (low / 1.15, high * 1.15) if ratio else (low - aside, high + aside)
        axis.scale = x_scale
        axis.tick_values = np.array(list(places.values()))
        axis.tick_labels = {f"{p:g}": grid.in_words(v) for v, p in zip(values, places.values(), strict=True)}
        put_marks(self.against, [*marks, self.points])
        named = ((label, colour if several else GREY) for (label, _), colour in zip(lines, LINES, strict=False))
        legend = html.key((label, colour, "solid") for label, colour in named if label)
        what = "Each point is a training: click it to inspect its run."
        self.legends[0].value = f"<div>{legend}</div><small>{what}</small>"

    def _draw_curves(self, best: Sequence[tuple[SettingResults, str, str]], n_settings: int) -> None:
        marks, scales = [], scales_of(self.curves)
        for setting, colour, line_style in best[::-1]:
            epochs, means, deviations = (np.array(numbers) for numbers in curve(setting))
            band = np.array([means - deviations, means + deviations])
            style = {"scales": scales, "fill": "between", "fill_colors": [colour], "fill_opacities": [0.2]}
            marks.append(bqplot.Lines(x=epochs, y=band, colors=[colour], opacities=[0.0, 0.0], **style))
            mark = {"marker": "circle", "marker_size": 24} if len(epochs) == 1 else {}
            marks.append(bqplot.Lines(x=epochs, y=means, scales=scales, colors=[colour], line_style=line_style, **mark))
        last = max(len(result.rows) for setting, *_ in best for result in setting.results)
        self.curves.axes[0].tick_values = np.arange(1, last + 1, max(1, -(-last // 8)))
        put_marks(self.curves, marks)
        names = (", ".join(map(grid.in_words, setting.point.values())) or "mean" for setting, *_ in best)
        lines = ((name, colour, style) for name, (_, colour, style) in zip(names, best, strict=True))
        some = f"The {len(best)} best settings. " if n_settings > len(best) else ""
        message = f"{some}Colours as in the other plot. Band: standard deviation over the seeds."
        self.legends[1].value = f"<div>{html.key(lines)}</div><small>{message}</small>"
