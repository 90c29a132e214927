"""bqplot figures with a common look, updates of their marks, and charts drawn on them.

bqplot cannot draw a figure while it is hidden: a panel adds a figure when it has something to show.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import bqplot
import ipywidgets as widgets
import numpy as np
from numpy.typing import ArrayLike

from lab.drawing import html
from lab.drawing.looks import EMPTY, make, shared
from lxmls_rnn.plotting.chart import Axis, Chart, Line

SIZE = (394, 240)  # pixels; two fit side by side in a notebook
MAX_TICKS = 8  # of an axis of counts from 1
SCALES = {"linear": bqplot.LinearScale, "log": bqplot.LogScale}
ROOM = 1.25  # beside the ends of a logarithmic axis, as a factor


def side_axis(scale: bqplot.Scale, label: str = "", tick_format: str = "") -> bqplot.Axis:
    """Make the y axis of a figure, at its left."""
    return bqplot.Axis(scale=scale, side="left", label=label, label_offset="4.6em", tick_format=tick_format)


def figure(
    across: bqplot.Axis | None = None,
    up: bqplot.Axis | None = None,
    marks: Sequence[bqplot.Mark] = (),
    size: tuple[int, int] = SIZE,
    bottom: int = 46,
    top: int = 12,
    layout: Mapping[str, str] = EMPTY,
    **options: Any,
) -> bqplot.Figure:
    """Make a figure of `size` (width, height), with margins `bottom` and `top`, in pixels; its axes may come later."""
    margin = {"top": top, "bottom": bottom, "left": 76, "right": 18}
    layout = {"width": f"{size[0]}px", "height": f"{size[1]}px", "max_width": "100%", **layout}
    axes = [across or bqplot.Axis(scale=bqplot.LinearScale()), up or side_axis(bqplot.LinearScale())]
    unit = shared(bqplot.LinearScale, {"min": 0, "max": 1, "allow_padding": False})  # of what is placed on the figure
    options |= {"scale_x": unit, "scale_y": unit, "fig_margin": margin}
    return make(bqplot.Figure, axes=axes, marks=list(marks), layout=shared(widgets.Layout, layout), **options)


def scales_of(figure: bqplot.Figure) -> dict[str, bqplot.Scale]:
    """Return the scales of a figure, for its marks."""
    x, y = figure.axes
    return {"x": x.scale, "y": y.scale}


def put(mark: bqplot.Mark, x: ArrayLike, y: ArrayLike, **options: Any) -> None:
    """Replace the points of a mark, with one message to the page."""
    with mark.hold_sync():
        for name, value in {"x": x, "y": y, **options}.items():
            setattr(mark, name, value)


def put_marks(figure: bqplot.Figure, marks: Sequence[bqplot.Mark]) -> None:
    """Replace the marks of a figure; removed ones lose their points, for which bqplot's axes would keep room."""
    removed = [mark for mark in figure.marks if mark not in marks]
    figure.marks = list(marks)
    for mark in removed:
        put(mark, [], [])


def put_chart(figure: bqplot.Figure, chart: Chart, *more: bqplot.Mark) -> None:
    """Draw a chart, with `more` marks over it, instead of the present marks of a figure."""
    across = [place for line in chart.lines for place in line.x]
    up = [place for line in chart.lines for place in (*line.y, *line.low, *line.high)]
    with figure.hold_sync():
        for axis, described, places in zip(figure.axes, (chart.x, chart.y), (across, up), strict=True):
            _fit(axis, described, places)
        scales = scales_of(figure)
        for mark in more:
            mark.scales = scales
        put_marks(figure, [*(mark for line in chart.lines for mark in _marks(line, scales)), *more])
        figure.title = chart.title


def _fit(axis: bqplot.Axis, described: Axis, places: Sequence[float]) -> None:
    """Describe an axis; it ends beside its ticks, or beside the drawn `places` if it is logarithmic without ticks."""
    if not isinstance(axis.scale, SCALES[described.scale]):
        axis.scale = SCALES[described.scale]()
    ticks, is_log = described.ticks or {}, described.scale == "log"
    shown = np.array(list(ticks or places), float)
    if shown.size and (ticks or is_log):
        low, high = shown.min(), shown.max()
        aside = (high - low or 1.0) / 20
        axis.scale.min, axis.scale.max = (low / ROOM, high * ROOM) if is_log else (low - aside, high + aside)
        axis.tick_values = shown if ticks else round_numbers(axis.scale.min, axis.scale.max)
    elif shown.size and described.format == "d":
        axis.tick_values = np.arange(1, shown.max() + 1, -(-shown.max() // MAX_TICKS))
    axis.label, axis.tick_format = described.label, described.format
    axis.tick_labels = {f"{place:g}": label for place, label in ticks.items()}


def round_numbers(low: float, high: float) -> np.ndarray:
    """Return ticks between two positive numbers: 1, 2, 5 times powers of ten; only the powers in a wide range."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = (1, 2, 5) if high / low <= 1000 else (1,)
    return np.array([f * 10.0**power for power in powers for f in factors if low <= f * 10.0**power <= high])


def _marks(line: Line, scales: dict[str, bqplot.Scale]) -> list[bqplot.Mark]:
    x, ends, own = np.array(line.x), np.array([line.low, line.high]), {"scales": scales, "colors": [line.colour]}
    marks = []
    if line.is_band:
        band = {"fill": "between", "fill_colors": [line.colour], "fill_opacities": [0.2], "opacities": [0.0, 0.0]}
        marks.append(bqplot.Lines(x=x, y=ends, **own, **band))
    width = line.width * 4 / 3  # pixels
    if line.style == "none" and line.has_dots:
        marks.append(bqplot.Scatter(x=x, y=np.array(line.y), default_size=round(20 * width), **own))
    elif line.style != "none":
        look = {"line_style": line.style, "stroke_width": width}
        dots = {"marker": "circle", "marker_size": 30} if line.has_dots and not any(line.hollow) else {}
        marks.append(bqplot.Lines(x=x, y=np.array(line.y), **own, **look, **dots))
    if ends.size and not line.is_band:
        own["colors"] = list(line.bar_colours or [line.colour] * len(x))
        bars = {"y": ends.T, "stroke_width": 4, "opacities": [0.5] * len(x)}
        marks.append(bqplot.Lines(x=np.column_stack([x, x]), **own, **bars))
    for hollow in (False, True) if any(line.hollow) else ():
        chosen = np.array(line.hollow) == hollow
        dots = {"fill": not hollow, "default_size": 80 if hollow else 30, "stroke_width": width}
        own["colors"] = [line.colour]
        marks.append(bqplot.Scatter(x=x[chosen], y=np.array(line.y)[chosen], **own, **dots))
    return marks


def key(lines: Iterable[Line]) -> str:
    """Return the legend of lines as HTML, with each name once."""
    named = {line.name: line for line in lines if line.name}
    return html.key((name, line.colour, line.style.replace("none", "solid")) for name, line in named.items())
