"""Descriptions of charts, which bqplot draws in panels (`lab.drawing.figures`) and Matplotlib in files (`picture`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

Numbers = Sequence[float] | np.ndarray


@dataclass(frozen=True)
class Axis:
    """An axis of a chart."""

    label: str
    format: str = ""  # of numbers: "d" of integers, ".0%" of shares, "~g" of others
    scale: str = "linear"  # or "log"
    ticks: Mapping[float, str] | None = None  # label of each place; None: the renderer chooses the places


@dataclass(frozen=True)
class Line:
    """A line through points, with a bar at each point, or with a band around it, from `low` to `high`."""

    name: str  # in the legend; a line without a name is not in it
    colour: str
    x: Numbers
    y: Numbers
    low: Numbers = ()
    high: Numbers = ()
    style: str = "solid"  # "dashed", "dotted", or "none": points that no line connects
    has_dots: bool = False
    hollow: Sequence[bool] = ()  # of each dot; by default all are filled
    width: float = 1.5  # of the line, in points
    is_band: bool = False
    bar_colours: Sequence[str] = ()  # by default that of the line


@dataclass(frozen=True)
class Chart:
    """Lines over common axes; later lines are drawn over earlier ones."""

    x: Axis
    y: Axis
    lines: Sequence[Line]
    title: str = ""
