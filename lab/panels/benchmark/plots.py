"""The plots of the benchmark panel: time against a size, and a map of where the GPU pays."""

from __future__ import annotations

import math
from collections.abc import Iterable
from html import escape

import bqplot
import numpy as np

from lab.drawing import html
from lxmls_rnn.benchmark.show.series import COLOURS, SIZES, STYLES, Line, Series

DASHES = {"-": "solid", "--": "dashed", ":": "dotted"}


def plot(size: str) -> bqplot.Figure:
    """Make an empty figure of milliseconds against one of `SIZES`, both on logarithmic scales."""
    across, up = bqplot.LogScale(), bqplot.LogScale()
    axes = [
        bqplot.Axis(scale=across, label=SIZES[size], tick_format="d"),
        bqplot.Axis(scale=up, side="left", label="ms", label_offset="3.6em", tick_format="~g"),
    ]
    return bqplot.Figure(
        axes=axes, title_style={"font-size": "13px"},
        fig_margin={"top": 34, "bottom": 46, "left": 64, "right": 16},
        layout={"width": "380px", "height": "300px"},
    )  # fmt: skip


def show_series(figure: bqplot.Figure, series: Series | None) -> None:
    """Put lines into a figure, each median with its quartiles as a bar; empty it for None."""
    if series is None:
        figure.marks, figure.title = [], ""
        return
    x_axis, y_axis = figure.axes
    scales = {"x": x_axis.scale, "y": y_axis.scale}
    sizes = sorted({size for line in series.lines for size in line.sizes})
    times = [1e3 * value for line in series.lines for value in (*line.q1, *line.q3)]
    with figure.hold_sync():
        for scale, low, high in ((scales["x"], sizes[0], sizes[-1]), (scales["y"], min(times), max(times))):
            scale.min, scale.max = low / 1.25, high * 1.25
        x_axis.tick_values, y_axis.tick_values = np.array(sizes), round_numbers(min(times) / 1.25, max(times) * 1.25)
        marks = []
        for line in series.lines:
            colour = COLOURS[line.implementation]
            style = DASHES[STYLES[line.device.rstrip("0123456789:")]]
            quartiles = np.array([line.q1, line.q3]).T * 1e3
            marks += [
                bqplot.Lines(
                    x=np.array(line.sizes), y=np.array(line.medians) * 1e3, scales=scales, colors=[colour],
                    line_style=style, marker="circle", marker_size=30,
                ),
                bqplot.Lines(
                    x=np.array([[size, size] for size in line.sizes]), y=quartiles, scales=scales,
                    colors=[colour] * len(quartiles), stroke_width=4, opacities=[0.5] * len(quartiles),
                ),
            ]  # fmt: skip
        figure.marks = marks
        figure.title = series.title


def round_numbers(low: float, high: float) -> np.ndarray:
    """Return 1, 2 and 5 times the powers of ten between two positive numbers; only the powers where they are many."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = (1, 2, 5) if high / low <= 1000 else (1,)
    return np.array([f * 10.0**power for power in powers for f in factors if low <= f * 10.0**power <= high])


def key(lines: Iterable[Line]) -> str:
    """Return HTML that says which line is what."""
    marks = []
    for line in lines:
        dash = DASHES[STYLES[line.device.rstrip("0123456789:")]]
        marks.append(
            f'<span style="white-space:nowrap;margin-right:14px"><span style="display:inline-block;width:24px;'
            f'vertical-align:middle;border-top:3px {dash} {COLOURS[line.implementation]}"></span> '
            f"{escape(line.name)}</span>"
        )
    return f"<div>{''.join(marks)}</div>" + ("Points: medians; bars: from quartile to quartile." if marks else "")


def heat_map(found: tuple[list[int], list[int], np.ndarray, str] | None) -> str:
    """Return how many times as fast as the fastest CPU the fastest GPU is: blue where it wins, orange where not."""
    if found is None:
        return ""
    hidden, batches, values, what = found
    logarithms = np.log10(values)
    extent = float(np.nanmax(np.abs(logarithms))) or 1.0
    head = "".join(f'<th scope="col">batch {batch}</th>' for batch in batches)
    body = ""
    for n_hidd, line, powers in zip(hidden, values, logarithms, strict=True):
        cells = ""
        for value, power in zip(line, powers, strict=True):
            colour = html.shade(float(power), extent)
            ink = "#fff" if np.isfinite(power) and abs(power) > 0.65 * extent and power > 0 else "#111"
            text = f"{value:.3g} x" if np.isfinite(value) else "-"
            cells += f'<td style="background:{colour};color:{ink};text-align:center">{text}</td>'
        body += f'<tr><th scope="row">hidden {n_hidd}</th>{cells}</tr>'
    return (
        f"<p>GPU over CPU, the fastest of each, {escape(what)}: blue where the GPU wins, orange where the CPU does.</p>"
        f'<div class="lab-scroll"><table><thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )
