"""Matplotlib figures written to PNG files, with a common style, title and legend, and charts on them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, PercentFormatter

from lxmls_rnn.plotting.chart import Chart
from lxmls_rnn.storage.files import write_output

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@contextmanager
def picture(
    path: Path, shape: tuple[int, int], size: tuple[float, float], title: str, legend: int = 0
) -> Iterator[np.ndarray]:
    """Yield the axes of a new figure to draw on, then write it atomically as PNG.

    Parameters
    ----------
    shape
        Rows and columns of plots, also the shape of the yielded array of axes.
    size
        Width and height in inches.
    legend
        Columns of a common legend below the plots, with each label once; no legend for 0.
    """
    from matplotlib.figure import Figure

    with mpl.rc_context({"font.size": 9, "axes.grid": True, "grid.alpha": 0.3, "axes.axisbelow": True}):
        figure = Figure(figsize=size, layout="constrained")
        yield figure.subplots(*shape, squeeze=False)
        figure.suptitle(title, fontsize=10)
        if legend:
            handles = (zip(*axis.get_legend_handles_labels(), strict=True) for axis in figure.axes)
            labels = {label: handle for pairs in handles for handle, label in pairs}
            columns = min(legend, len(labels))
            figure.legend(labels.values(), labels.keys(), loc="outside lower center", ncols=columns)
        write_output(path, lambda file: figure.savefig(file, format="png", dpi=110))


def draw_chart(axes: Axes, chart: Chart) -> None:
    """Draw a chart on Matplotlib's axes."""
    for line in chart.lines:
        x, y = np.array(line.x), np.array(line.y)
        look: dict[str, Any] = {"color": line.colour, "linestyle": line.style, "linewidth": line.width}
        look |= {"label": line.name, "marker": "o" if line.has_dots else "", "markersize": 4}
        if len(line.low) and not line.is_band:
            errors = np.abs(np.array([line.low, line.high]) - y)
            look["ecolor"] = line.bar_colours or line.colour
            axes.errorbar(x, y, errors, capsize=3, **look)
        else:
            axes.plot(x, y, **look)
        if line.is_band:
            axes.fill_between(x, line.low, line.high, color=line.colour, alpha=0.2, linewidth=0)
        if any(line.hollow):
            hollow = np.array(line.hollow)
            look = {"color": line.colour, "markersize": 4, "markerfacecolor": "white"}
            axes.plot(x[hollow], y[hollow], "o", zorder=3, **look)  # over the line and its bars
    axes.set_title(chart.title, fontsize=8)
    axes.set(xlabel=chart.x.label, ylabel=chart.y.label, xscale=chart.x.scale, yscale=chart.y.scale)
    axes.minorticks_off()
    for axis, described in ((axes.xaxis, chart.x), (axes.yaxis, chart.y)):
        if described.ticks is not None:
            axis.set_ticks(list(described.ticks), list(described.ticks.values()))
        elif described.format == "d":
            axis.set_major_locator(MaxNLocator(integer=True))
        elif described.format == ".0%":
            axis.set_major_formatter(PercentFormatter(1.0))
        elif described.scale == "log":
            axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
