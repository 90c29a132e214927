"""Charts of a sweep: accuracy against a setting, and learning curves."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from lxmls_rnn.plotting.chart import Axis, Chart, Line
from lxmls_rnn.plotting.palette import LIGHT_GREY, LINES
from lxmls_rnn.settings import short_text
from lxmls_rnn.sweep.results import SettingResults

ACCURACY = Axis("accuracy on dev", ".0%")
MAX_COLOURED_CURVES = 6  # the best settings, whose learning curves have a colour each
MIN_LOG_RATIO = 8.0  # of largest to smallest value, from which an axis is logarithmic
Lines = Sequence[tuple[str, str, Sequence[SettingResults]]]


def lines_against(name: str | None, vary: dict[str, list[Any]], settings: Sequence[SettingResults]) -> Lines:
    """Return the lines of accuracy against one setting: label and colour of each, its settings in order of the value.

    If two settings are varied, there is a line for each value of the other that has results; else one line through the
    best setting. Without a `name`, the only setting is a line.
    """
    if name is None:
        return [("", LINES[0], settings)]
    others = [other for other, values in vary.items() if other != name and len(values) > 1]
    order = [repr(value) for value in sorted_values(vary[name])]

    def line(fixed: dict[str, Any]) -> list[SettingResults]:
        chosen = [s for s in settings if all(s.point[other] == value for other, value in fixed.items())]
        return sorted(chosen, key=lambda setting: order.index(repr(setting.point[name])))

    if len(others) == 1 and len(vary[others[0]]) <= len(LINES):
        values = [(f"{others[0]}={short_text(value)}", line({others[0]: value})) for value in vary[others[0]]]
        return [(label, colour, members) for (label, members), colour in zip(values, LINES, strict=False) if members]
    fixed = {other: settings[0].point[other] for other in others}
    label = ", ".join(f"{other}={short_text(value)}" for other, value in fixed.items())
    return [(label, LINES[0], line(fixed))]


def sorted_values(values: Iterable[Any]) -> list[Any]:
    """Return the values sorted if all are numbers, else in their order."""
    values = list(values)
    return sorted(values) if are_numbers(values) else values


def are_numbers(values: Iterable[object]) -> bool:
    """Return whether all values are numbers; True and False are not."""
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def _values(name: str | None, vary: dict[str, list[Any]]) -> tuple[list[Any], list[float]]:
    """Return the values of a setting and their places on its axis: numbers themselves, other values at 0, 1, 2, ..."""
    values: list[Any] = sorted_values(vary[name]) if name else [None]
    return values, [float(place) for place in (values if are_numbers(values) else range(len(values)))]


def places(name: str | None, vary: dict[str, list[Any]], settings: Iterable[SettingResults]) -> list[float]:
    """Return where on the axis of the setting `name` each of `settings` is; without a name, all are at 0."""
    place_of = {repr(value): place for value, place in zip(*_values(name, vary), strict=True)}
    return [place_of[repr(setting.point[name] if name else None)] for setting in settings]


def against(name: str | None, vary: dict[str, list[Any]], lines: Lines, label: str, apart: float = 0.0) -> Chart:
    """Describe the accuracy against a setting: the means of `lines`, with bars of one deviation to each side.

    If the values of the setting are not numbers, no line connects the means, and points of different lines are drawn
    `apart` from each other.
    """
    values, at = _values(name, vary)
    numbers = are_numbers(values)
    drawn = []
    for number, (of_line, colour, line) in enumerate(lines):
        shift = 0.0 if numbers else apart * (number - (len(lines) - 1) / 2)
        x = np.array(places(name, vary, line)) + shift
        means, deviations = (np.array([getattr(result, of) or 0.0 for result in line]) for of in ("mean", "deviation"))
        style = "solid" if numbers else "none"
        drawn.append(Line(of_line, colour, x, means, means - deviations, means + deviations, style, has_dots=True))
    scale = "log" if numbers and 0 < MIN_LOG_RATIO * values[0] <= values[-1] else "linear"
    ticks = dict(zip(at, map(short_text, values), strict=True))
    return Chart(Axis(label, scale=scale, ticks=ticks), ACCURACY, drawn)


def curve(setting: SettingResults) -> tuple[list[int], list[float], list[float]]:
    """Return the epochs that all seeds have done, with mean and standard deviation of the accuracy on dev."""
    rows = [result.rows for result in setting.results if result.is_counted]
    epochs = range(min(len(of_seed) for of_seed in rows))
    accuracies = [[of_seed[epoch].dev_accuracy or 0.0 for of_seed in rows] for epoch in epochs]
    deviations = [statistics.stdev(values) if len(values) > 1 else 0.0 for values in accuracies]
    return [epoch + 1 for epoch in epochs], [statistics.fmean(values) for values in accuracies], deviations


def curves(best: Iterable[tuple[SettingResults, str, str]], others: Iterable[SettingResults] = ()) -> Chart:
    """Describe accuracy on dev by epoch, for settings that are best first; a band is one deviation to each side.

    Each of the `best` has a colour and a line style; the `others` are thin and grey, and lie below.
    """
    lines: list[Line] = []
    for setting, colour, style in best:
        epochs, means, deviations = (np.array(numbers) for numbers in curve(setting))
        name = ", ".join(short_text(value) for value in setting.point.values())
        ends, is_dot = (means - deviations, means + deviations), len(epochs) == 1
        lines.append(Line(name, colour, epochs, means, *ends, style, is_dot, width=1.8, is_band=True))
    for setting in others:
        lines.append(Line("", LIGHT_GREY, *curve(setting)[:2], width=0.8))
    return Chart(Axis("epoch", "d"), ACCURACY, lines[::-1])
