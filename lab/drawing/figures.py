"""bqplot figures with a common look, and updates of their marks.

bqplot cannot draw a figure while it is hidden: a panel adds a figure when it has something to show.
"""

from collections.abc import Sequence
from typing import Any

import bqplot
from numpy.typing import ArrayLike

SIZE = (394, 240)  # pixels; two fit side by side in a notebook


def side_axis(scale: bqplot.Scale, label: str, tick_format: str) -> bqplot.Axis:
    """Make the y axis of a figure, at its left."""
    return bqplot.Axis(scale=scale, side="left", label=label, label_offset="4.6em", tick_format=tick_format)


def figure(
    across: bqplot.Axis,
    up: bqplot.Axis,
    marks: Sequence[bqplot.Mark] = (),
    size: tuple[int, int] = SIZE,
    bottom: int = 46,
    top: int = 12,
    **options: Any,
) -> bqplot.Figure:
    """Make a figure of `size` (width, height), with margins `bottom` and `top`, in pixels."""
    margin = {"top": top, "bottom": bottom, "left": 76, "right": 18}
    layout = {"width": f"{size[0]}px", "height": f"{size[1]}px", "max_width": "100%"}
    return bqplot.Figure(axes=[across, up], marks=list(marks), fig_margin=margin, layout=layout, **options)


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
