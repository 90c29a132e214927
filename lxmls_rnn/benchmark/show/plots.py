"""Pictures of results: times against hidden size and batch size, and speed-ups of the GPU."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lxmls_rnn.benchmark.measure.cases import CASE_MODELS
from lxmls_rnn.benchmark.measure.machine import processor_and_gpus
from lxmls_rnn.benchmark.measure.results import Results
from lxmls_rnn.benchmark.show.series import SIZE_LABELS, TITLES, SpeedUps, speed_ups, times
from lxmls_rnn.benchmark.show.summary import WORK_NAMES, deciding_work
from lxmls_rnn.plotting.palette import ink, shades
from lxmls_rnn.plotting.picture import draw_chart, picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw(results: Results, path: Path) -> None:
    """Write the picture as PNG; ValueError if nothing was measured.

    It shows one kind of work, see `deciding_work`, and uncertain rows as hollow points.
    Each model has a row of plots: the median with quartiles against the hidden size, for the batch size that was
    measured most; the same against the batch size, for the most frequent hidden size; and, if CPU and GPU were
    measured, a heat map of the speed-up of the fastest GPU row over the fastest CPU row.
    """
    work = deciding_work(results.rows)
    rows = [row for row in results.rows if row.median and row.case.work == work]
    if not rows:
        raise ValueError("nothing was measured, so there is nothing to draw")
    models = [model for model in CASE_MODELS if any(row.case.model == model for row in rows)]
    maps = {model: speed_ups([row for row in rows if row.case.model == model]) for model in models}
    columns = 2 + any(heat_map is not None for heat_map in maps.values())

    title = f"{WORK_NAMES[work].removeprefix('a ')}: {processor_and_gpus(results.machine)}"
    title += "; hollow: uncertain" if any(row.is_uncertain for row in rows) else ""
    shape, size = (len(models), columns), (4.6 * columns, 3.6 * len(models) + 0.9)
    with picture(path, shape, size, title, legend=5) as axes:
        for model, line in zip(models, axes, strict=True):
            of_model = [row for row in rows if row.case.model == model]
            for axis, against in zip(line, SIZE_LABELS, strict=False):
                draw_chart(axis, times(of_model, against))
            if columns == 3:
                draw_speed_ups(line[2], maps[model], model)


def draw_speed_ups(axis: Axes, heat_map: SpeedUps | None, model: str) -> None:
    """Draw the heat map of speed-ups: blue where the GPU is faster, orange where the CPU is, white for equal times."""
    axis.grid(False)
    if heat_map is None:
        axis.set_axis_off()
        return
    values, extent = heat_map.values, heat_map.extent
    axis.imshow(shades(np.log10(values), extent), origin="lower", aspect="auto")
    for (i, j), value in np.ndenumerate(values):
        if np.isfinite(value):
            text = f"{value:.0f}x" if value >= 9.95 else f"{value:.2g}x"
            axis.text(j, i, text, ha="center", va="center", color=ink(float(np.log10(value)), extent))
    cross_over(axis, values)
    axis.set_xticks(range(len(heat_map.batches)), [str(batch) for batch in heat_map.batches])
    axis.set_yticks(range(len(heat_map.hidden)), [str(n_hidd) for n_hidd in heat_map.hidden])
    axis.set(xlabel="sentences in the batch", ylabel="hidden units")
    axis.set_title(f"{TITLES[model]}: GPU over CPU, fastest of each, {heat_map.what}", fontsize=9)


def cross_over(axis: Axes, values: np.ndarray) -> None:
    """Draw lines between neighbouring cells if the GPU is faster in one and the CPU in the other."""
    for (i, j), value in np.ndenumerate(values[:, :-1]):
        if (value - 1) * (values[i, j + 1] - 1) < 0:
            axis.plot((j + 0.5, j + 0.5), (i - 0.5, i + 0.5), color="black", linewidth=2)
    for (i, j), value in np.ndenumerate(values[:-1]):
        if (value - 1) * (values[i + 1, j] - 1) < 0:
            axis.plot((j - 0.5, j + 0.5), (i + 0.5, i + 0.5), color="black", linewidth=2)
