"""Plots of the benchmark panel: time against a size, and a map of GPU speed-ups."""

import math
from collections.abc import Iterable
from html import escape

import bqplot
import numpy as np

from lab.drawing import html
from lab.drawing.figures import figure, scales_of, side_axis
from lxmls_rnn.benchmark.show.series import SIZE_LABELS, Line, Series

DASHES = {"-": "solid", "--": "dashed", ":": "dotted"}


def plot(size: str) -> bqplot.Figure:
    """Make an empty figure of milliseconds against one of `SIZE_LABELS`, both on logarithmic scales."""
    across = bqplot.Axis(scale=bqplot.LogScale(), label=SIZE_LABELS[size], tick_format="d")
    up = side_axis(bqplot.LogScale(), "ms", "~g")
    return figure(across, up, size=(380, 300), top=34, title_style={"font-size": "13px"})


def show_series(shown: bqplot.Figure, series: Series | None) -> None:
    """Draw the lines of a series, medians with quartile bars; clear the figure for None."""
    if series is None:
        shown.marks, shown.title = [], ""
        return
    (x_axis, y_axis), scales = shown.axes, scales_of(shown)
    sizes, times = np.array(series.sizes), [1e3 * value for line in series.lines for value in (*line.q1, *line.q3)]
    with shown.hold_sync():
        for axis, low, high in ((x_axis, float(sizes[0]), float(sizes[-1])), (y_axis, min(times), max(times))):
            axis.scale.min, axis.scale.max = low / 1.25, high * 1.25
        x_axis.tick_values, y_axis.tick_values = sizes, round_numbers(y_axis.scale.min, y_axis.scale.max)
        marks = []
        for line in series.lines:
            colour, quartiles = line.colour, np.array([line.q1, line.q3]).T * 1e3
            dots = {"line_style": DASHES[line.style], "marker": "circle", "marker_size": 30, "colors": [colour]}
            bars = {"stroke_width": 4, "opacities": [0.5] * len(quartiles), "colors": [colour] * len(quartiles)}
            x, y = np.array(line.sizes), np.array(line.medians) * 1e3
            marks.append(bqplot.Lines(x=x, y=y, scales=scales, **dots))
            marks.append(bqplot.Lines(x=np.column_stack([x, x]), y=quartiles, scales=scales, **bars))
        shown.marks = marks
        shown.title = series.title


def round_numbers(low: float, high: float) -> np.ndarray:
    """Return ticks between two positive numbers: 1, 2, 5 times powers of ten; only the powers in a wide range."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = (1, 2, 5) if high / low <= 1000 else (1,)
    return np.array([f * 10.0**power for power in powers for f in factors if low <= f * 10.0**power <= high])


def key(lines: Iterable[Line]) -> str:
    """Return the legend as HTML."""
    legend = html.key((line.name, line.colour, DASHES[line.style]) for line in lines)
    return f"<div>{legend}</div>Points: medians; bars: from quartile to quartile." if legend else "<div></div>"


def speed_up_map(found: tuple[list[int], list[int], np.ndarray, str] | None, gpu: str = "GPU") -> str:
    """Return a heat map of the fastest GPU's speed-up over the fastest CPU: blue above 1, orange below.

    `gpu` is the name of the GPU.
    """
    if found is None:
        return ""
    hidden, batches, values, what = found
    message = "{} over CPU, the fastest of each, {}: blue where the GPU wins, orange where the CPU does."
    rows, columns = [f"hidden {n_hidd}" for n_hidd in hidden], [f"batch {batch}" for batch in batches]
    extent = float(np.nanmax(np.abs(np.log10(values)))) or 1.0
    write = lambda value: f"{value:.3g} x" if np.isfinite(value) else "-"  # noqa: E731
    table = html.heat_map(values, rows, columns, extent, write=write, coloured_by=np.log10)
    return f"<p>{message.format(escape(gpu), escape(what))}</p>{table}"
