"""Plots of a sweep: accuracy against each varied setting, and learning curves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lxmls_rnn.plotting.palette import GREY, LINES
from lxmls_rnn.plotting.picture import draw_chart, picture
from lxmls_rnn.sweep.charts import MAX_COLOURED_CURVES, against, curves, lines_against, places
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
    count = len(varied) + 1
    columns = 2 if count == 4 else min(count, 3)
    rows = math.ceil(count / columns)
    title = f"{sweep.name}: accuracy on dev, mean and standard deviation over {len(sweep.seeds)} seeds"
    with picture(path, (rows, columns), (4.8 * columns, 3.8 * rows + 0.5), title) as every:
        axes = iter(every.flat)
        for name in varied:
            draw_against(next(axes), name, sweep.vary, settings)
        draw_curves(next(axes), settings)
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
