"""Pictures of results: times against hidden size and batch size, and speed-ups of the GPU."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import FuncFormatter, LogLocator

from lxmls_rnn.benchmark.measure.cases import CASE_MODELS
from lxmls_rnn.benchmark.measure.machine import in_words
from lxmls_rnn.benchmark.measure.results import Results, Row
from lxmls_rnn.benchmark.show.series import SIZE_LABELS, TITLES, series_of, speed_ups
from lxmls_rnn.plotting.palette import ink, shades
from lxmls_rnn.plotting.picture import picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WORK_NAMES = {"forward": "forward pass", "backward": "forward and backward pass", "step": "training step"}


def draw(results: Results, path: Path) -> None:
    """Write the picture as PNG; ValueError if nothing was measured.

    It shows one kind of work: the training step if it was measured, else forward and backward pass, else forward pass.
    Each model has a row of plots: the median with quartiles against the hidden size, for the batch size that was
    measured most; the same against the batch size, for the most frequent hidden size; and, if CPU and GPU were
    measured, a heat map of the speed-up of the fastest GPU row over the fastest CPU row.
    """
    measured = [row for row in results.rows if row.median]
    if not measured:
        raise ValueError("nothing was measured, so there is nothing to draw")
    work = next(name for name in ("step", "backward", "forward") if any(row.case.work == name for row in measured))
    rows = [row for row in measured if row.case.work == work]
    models = [model for model in CASE_MODELS if any(row.case.model == model for row in rows)]
    maps = {model: speed_ups([row for row in rows if row.case.model == model]) for model in models}
    columns = 2 + any(found is not None for found in maps.values())

    title = f"{WORK_NAMES[work]}: {in_words(results.machine)}"
    shape, size = (len(models), columns), (4.6 * columns, 3.6 * len(models) + 0.9)
    with picture(path, shape, size, title, legend=5) as axes:
        for model, line in zip(models, axes, strict=True):
            of_model = [row for row in rows if row.case.model == model]
            draw_times(line[0], of_model, "n_hidd")
            draw_times(line[1], of_model, "batch")
            if columns == 3:
                draw_speed_ups(line[2], maps[model], model)


def draw_times(axis: Axes, rows: list[Row], size: str) -> None:
    """Draw time against one of `SIZE_LABELS`, with the quartiles; see `series.series_of`."""
    found = series_of(rows, size)
    for line in found.lines:
        medians = np.array(line.medians) * 1e3
        errors = np.abs(np.array([line.q1, line.q3]) * 1e3 - medians)
        look: dict[str, Any] = {"color": line.colour, "linestyle": line.style, "marker": "o"}
        axis.errorbar(line.sizes, medians, errors, label=line.name, markersize=3.5, capsize=2, **look)
    axis.set(xscale="log", yscale="log", xlabel=SIZE_LABELS[size], ylabel="ms")
    axis.set_title(found.title, fontsize=8)
    axis.set_xticks(found.sizes, [str(size) for size in found.sizes])
    axis.minorticks_off()
    axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def draw_speed_ups(axis: Axes, found: tuple[list[int], list[int], np.ndarray, str] | None, model: str) -> None:
    """Draw the heat map of speed-ups: blue where the GPU is faster, orange where the CPU is, white for equal times."""
    axis.grid(False)
    if found is None:
        axis.set_axis_off()
        return
    hidden, batches, values, what = found
    extent = float(np.nanmax(np.abs(np.log10(values)))) or 1.0
    axis.imshow(shades(np.log10(values), extent), origin="lower", aspect="auto")
    for (i, j), value in np.ndenumerate(values):
        if np.isfinite(value):
            text = f"{value:.0f}x" if value >= 9.95 else f"{value:.2g}x"
            axis.text(j, i, text, ha="center", va="center", color=ink(float(np.log10(value)), extent))
    cross_over(axis, values)
    axis.set_xticks(range(len(batches)), [str(batch) for batch in batches])
    axis.set_yticks(range(len(hidden)), [str(n_hidd) for n_hidd in hidden])
    axis.set(xlabel="sentences in the batch", ylabel="hidden units")
    axis.set_title(f"{TITLES[model]}: GPU over CPU, fastest of each, {what}", fontsize=9)


def cross_over(axis: Axes, values: np.ndarray) -> None:
    """Draw lines between neighbouring cells if the GPU is faster in one and the CPU in the other."""
    for (i, j), value in np.ndenumerate(values[:, :-1]):
        if (value - 1) * (values[i, j + 1] - 1) < 0:
            axis.plot((j + 0.5, j + 0.5), (i - 0.5, i + 0.5), color="black", linewidth=2)
    for (i, j), value in np.ndenumerate(values[:-1]):
        if (value - 1) * (values[i + 1, j] - 1) < 0:
            axis.plot((j - 0.5, j + 0.5), (i + 0.5, i + 0.5), color="black", linewidth=2)
