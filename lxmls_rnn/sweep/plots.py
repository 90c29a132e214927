"""Plots of a sweep: accuracy against each varied setting, learning curves, and combinations of settings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np

from lxmls_rnn.plotting.palette import GREY, LINES
from lxmls_rnn.plotting.picture import draw_chart, picture
from lxmls_rnn.sweep import grid
from lxmls_rnn.sweep.charts import MAX_COLOURED_CURVES, against, curves, lines_against, places, sorted_values
from lxmls_rnn.sweep.results import SettingResults
from lxmls_rnn.sweep.sweep import Sweep

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw(sweep: Sweep, settings: Sequence[SettingResults], path: Path) -> None:
    """Write the plots of `settings`, best first, as PNG, without those that have no accuracy yet.

    Raise ValueError if no training is done.
    """
    settings = [setting for setting in settings if setting.mean is not None]
    if not settings:
        raise ValueError(f"no training of the sweep {sweep.name} is done, so there is nothing to draw")
    varied = [name for name, values in sweep.vary.items() if len(values) > 1]
    together = int(len(varied) > 1)

    count = len(varied) + 1 + together
    columns = 2 if count == 4 else min(count, 3)
    rows = math.ceil(count / columns)
    title = f"{sweep.name}: accuracy on dev, mean and standard deviation over {len(sweep.seeds)} seeds"
    given_up = "\nof settings that halving gave up, after their last epoch" if sweep.halving else ""
    with picture(path, (rows, columns), (4.8 * columns, 3.8 * rows + 0.5), title + given_up) as every:
        axes = iter(every.flat)
        for name in varied:
            draw_against(next(axes), name, sweep.vary, settings)
        draw_curves(next(axes), settings)
        if together:
            (draw_map if len(varied) == 2 else draw_parallel)(next(axes), varied, sweep.vary, settings)
        for axis in axes:
            axis.set_axis_off()


def draw_against(axis: Axes, name: str, vary: dict[str, list[Any]], settings: Sequence[SettingResults]) -> None:
    """Draw mean and standard deviation against one setting; settings that belong to no line are drawn as dots."""
    lines = lines_against(name, vary, settings)
    rest = [setting for setting in settings if not any(setting in line for *_, line in lines)]
    axis.plot(places(name, vary, rest), [setting.mean for setting in rest], ".", color=GREY, zorder=1)
    chart = against(name, vary, lines, name, apart=0.12)
    draw_chart(axis, chart)
    if len(vary[name]) > 6:
        axis.tick_params(axis="x", rotation=45)
    if any(line.name for line in chart.lines):
        title = "the others as in the best setting; dots: the rest" if rest else None
        axis.legend(fontsize=8, title=title, title_fontsize=7)


def draw_curves(axis: Axes, settings: Sequence[SettingResults]) -> None:
    """Draw accuracy on dev by epoch: the best settings in colours with their standard deviation, others in grey."""
    best = [(setting, colour, "solid") for setting, colour in zip(settings, LINES[:MAX_COLOURED_CURVES], strict=False)]
    draw_chart(axis, curves(best, settings[MAX_COLOURED_CURVES:]))
    handles, labels = axis.get_legend_handles_labels()
    if labels:
        title = ", ".join(settings[0].point) + (": the best" if len(settings) > MAX_COLOURED_CURVES else "")
        axis.legend(handles[::-1], labels[::-1], fontsize=7, title=title, title_fontsize=7)


def draw_map(axis: Axes, varied: Sequence[str], vary: dict[str, list[Any]], settings: Sequence[SettingResults]) -> None:
    """Draw the mean accuracies of two varied settings as a heat map."""
    down, across = (sorted_values(vary[name]) for name in varied)
    means = np.full((len(down), len(across)), np.nan)
    for setting in settings:
        means[down.index(setting.point[varied[0]]), across.index(setting.point[varied[1]])] = setting.mean
    shown = axis.imshow(means, cmap="viridis", origin="lower", aspect="auto")
    middle = (np.nanmin(means) + np.nanmax(means)) / 2
    if means.size <= 60:
        for (i, j), mean in np.ndenumerate(means):
            if np.isfinite(mean):
                axis.text(j, i, f"{mean:.1%}", ha="center", va="center", color="black" if mean > middle else "white")
    axis.figure.colorbar(shown, ax=axis, format=mpl.ticker.PercentFormatter(1.0))
    axis.grid(False)
    axis.set_xticks(range(len(across)), [grid.in_words(value) for value in across])
    axis.set_yticks(range(len(down)), [grid.in_words(value) for value in down])
    axis.set(xlabel=varied[1], ylabel=varied[0])


def draw_parallel(
    axis: Axes, varied: Sequence[str], vary: dict[str, list[Any]], settings: Sequence[SettingResults]
) -> None:
    """Draw parallel coordinates: a vertical axis per varied setting, a line per setting, coloured by its mean."""
    means = [setting.mean or 0.0 for setting in settings]
    low, high = min(means), max(means)
    shade = mpl.colors.Normalize(low, high if high > low else low + 1e-9)
    axis.grid(False)
    values = {name: sorted_values(vary[name]) for name in varied}
    for setting, mean in reversed(list(zip(settings, means, strict=True))):
        heights = [values[name].index(setting.point[name]) / (len(values[name]) - 1) for name in varied]
        best = setting is settings[0]
        look: dict[str, Any] = {"linewidth": 3.0 if best else 1.0, "alpha": 1.0 if best else 0.7}
        axis.plot(range(len(varied) + 1), [*heights, shade(mean)], color=mpl.colormaps["viridis"](shade(mean)), **look)
    for place, name in enumerate(varied):
        axis.axvline(place, color="black", linewidth=0.8)
        for number, value in enumerate(values[name]):
            height = number / (len(values[name]) - 1)
            box = {"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 1}
            axis.text(place + 0.03, height, grid.in_words(value), fontsize=8, va="center", bbox=box)
    axis.axvline(len(varied), color="black", linewidth=0.8)
    axis.set_xticks(range(len(varied) + 1), [*varied, "dev"])
    axis.set_yticks([])
    percent = mpl.ticker.PercentFormatter(1.0, decimals=1)
    axis.figure.colorbar(mpl.cm.ScalarMappable(shade, "viridis"), ax=axis, format=percent)
