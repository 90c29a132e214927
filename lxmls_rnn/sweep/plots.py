"""Plots of a sweep: accuracy against each varied setting, learning curves, and combinations of settings."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np

from lxmls_rnn.plotting.palette import LINES
from lxmls_rnn.plotting.picture import picture
from lxmls_rnn.sweep import grid
from lxmls_rnn.sweep.results import SettingResults
from lxmls_rnn.sweep.sweep import Sweep

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_COLOURED_CURVES = 6  # the best settings, whose learning curves have a colour each
MIN_LOG_RATIO = 8.0  # of largest to smallest value, from which an axis is logarithmic


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


def lines_against(
    name: str, vary: dict[str, list[Any]], settings: Sequence[SettingResults]
) -> list[tuple[str, list[SettingResults]]]:
    """Return the lines of accuracy against one setting: the label of each and its settings in order of the value.

    If two settings are varied, there is a line for each value of the other; else one line through the best setting.
    """
    others = [other for other, values in vary.items() if other != name and len(values) > 1]
    order = [repr(value) for value in sorted_values(vary[name])]

    def line(fixed: dict[str, Any]) -> list[SettingResults]:
        found = [s for s in settings if all(s.point[other] == value for other, value in fixed.items())]
        return sorted(found, key=lambda setting: order.index(repr(setting.point[name])))

    if len(others) == 1 and len(vary[others[0]]) <= len(LINES):
        values = [(f"{others[0]}={grid.in_words(value)}", line({others[0]: value})) for value in vary[others[0]]]
        return [(label, found) for label, found in values if found]
    fixed = {other: settings[0].point[other] for other in others}
    label = ", ".join(f"{other}={grid.in_words(value)}" for other, value in fixed.items())
    return [(label, line(fixed))]


def sorted_values(values: Iterable[Any]) -> list[Any]:
    """Return the values sorted if all are numbers, else in their order."""
    values = list(values)
    return sorted(values) if all(is_number(value) for value in values) else values


def is_number(value: object) -> bool:
    """Whether a value is a number, and not a bool."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def draw_against(axis: Axes, name: str, vary: dict[str, list[Any]], settings: Sequence[SettingResults]) -> None:
    """Draw mean and standard deviation against one setting; settings that belong to no line are drawn as dots."""
    values = sorted_values(vary[name])
    numbers = all(is_number(value) for value in values)
    places = {repr(value): value if numbers else place for place, value in enumerate(values)}
    found = lines_against(name, vary, settings)
    drawn = [setting for _, line in found for setting in line]
    rest = [setting for setting in settings if setting not in drawn]
    axis.plot([places[repr(s.point[name])] for s in rest], [s.mean for s in rest], ".", color="#999999", zorder=1)
    for number, (label, line) in enumerate(found):
        shift = 0.0 if numbers else 0.12 * (number - (len(found) - 1) / 2)
        x = [places[repr(setting.point[name])] + shift for setting in line]
        look: dict[str, Any] = {"color": LINES[number % len(LINES)], "marker": "o", "markersize": 4, "capsize": 3}
        style = "-" if numbers else "none"
        means, deviations = [s.mean for s in line], [s.deviation or 0.0 for s in line]
        axis.errorbar(x, means, deviations, label=label, linestyle=style, **look)
    if numbers and values[0] > 0 and values[-1] / values[0] >= MIN_LOG_RATIO:
        axis.set_xscale("log")
        axis.minorticks_off()
    axis.set_xticks(list(places.values()), [grid.in_words(value) for value in values])
    if len(values) > 6:
        axis.tick_params(axis="x", rotation=45)
    axis.set(xlabel=name, ylabel="accuracy on dev")
    axis.yaxis.set_major_formatter(mpl.ticker.PercentFormatter(1.0))
    if any(label for label, _ in found):
        title = "the others as in the best setting; dots: the rest" if rest else None
        axis.legend(fontsize=8, title=title, title_fontsize=7)


def curve(setting: SettingResults) -> tuple[list[int], list[float], list[float]]:
    """Return the epochs that all seeds have done, with mean and standard deviation of the accuracy on dev."""
    rows = [result.rows for result in setting.results if result.is_counted]
    epochs = range(min(len(of_seed) for of_seed in rows))
    accuracies = [[of_seed[epoch].dev_accuracy or 0.0 for of_seed in rows] for epoch in epochs]
    deviations = [statistics.stdev(values) if len(values) > 1 else 0.0 for values in accuracies]
    return [epoch + 1 for epoch in epochs], [statistics.fmean(values) for values in accuracies], deviations


def draw_curves(axis: Axes, settings: Sequence[SettingResults]) -> None:
    """Draw accuracy on dev by epoch: the best settings in colours with bands of one deviation, the others in grey."""
    for number, setting in reversed(list(enumerate(settings))):
        epochs, means, deviations = (np.array(numbers) for numbers in curve(setting))
        if number >= MAX_COLOURED_CURVES:
            axis.plot(epochs, means, color="#bbbbbb", linewidth=0.8)
            continue
        label = ", ".join(grid.in_words(value) for value in setting.point.values()) or None
        mark = "o" if len(epochs) == 1 else ""
        axis.plot(epochs, means, color=LINES[number], label=label, linewidth=1.8, marker=mark)
        axis.fill_between(epochs, means - deviations, means + deviations, color=LINES[number], alpha=0.2, linewidth=0)
    axis.set(xlabel="epoch", ylabel="accuracy on dev")
    axis.xaxis.set_major_locator(mpl.ticker.MaxNLocator(integer=True))
    axis.yaxis.set_major_formatter(mpl.ticker.PercentFormatter(1.0))
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
