"""Results as a picture: times against hidden size and against batch, and what a GPU is worth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.ticker import FuncFormatter, LogLocator

from lxmls_rnn.benchmark.cases import IMPLEMENTATIONS, MODELS, Case
from lxmls_rnn.benchmark.machine import in_words
from lxmls_rnn.benchmark.report import fastest
from lxmls_rnn.benchmark.results import Results, Row
from lxmls_rnn.deep_learning.parameters import write_atomically

# Okabe and Ito's colours, told apart by colour-blind eyes too
COLOURS = dict(zip(IMPLEMENTATIONS, ("#E69F00", "#56B4E9", "#009E73", "#CC79A7", "#D55E00"), strict=True))
STYLES = {"cpu": "-", "cuda": "--", "opencl": ":"}
WORK_NAMES = {"forward": "forward pass", "backward": "forward and backward pass", "step": "training step"}


def draw(results: Results, path: Path) -> None:
    """Write the picture as PNG.

    For each model and the work that trains (or else the first): the median against the hidden size for the batch that
    was measured most, and against the batch for the most frequent hidden size, with the quartiles; and where CPU and
    GPU were both measured, a heat map of how many times the fastest GPU is as fast as the fastest CPU.

    Raises
    ------
    ValueError
        Nothing was measured.
    """
    measured = [row for row in results.rows if row.median]
    if not measured:
        raise ValueError("nothing was measured, so there is nothing to draw")
    work = next(name for name in ("step", "backward", "forward") if any(row.case.work == name for row in measured))
    rows = [row for row in measured if row.case.work == work]
    models = [model for model in MODELS if any(row.case.model == model for row in rows)]
    maps = {model: speed_ups([row for row in rows if row.case.model == model]) for model in models}
    columns = 2 + any(found is not None for found in maps.values())

    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with mpl.rc_context({"font.size": 9, "axes.grid": True, "grid.alpha": 0.3, "axes.axisbelow": True}):
        figure = Figure(figsize=(4.6 * columns, 3.6 * len(models) + 0.9), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(len(models), columns, squeeze=False)
        for model, line in zip(models, axes, strict=True):
            of_model = [row for row in rows if row.case.model == model]
            curves(line[0], of_model, "hidden units", lambda case: case.n_hidd, lambda case: case.batch)
            curves(line[1], of_model, "sentences in the batch", lambda case: case.batch, lambda case: case.n_hidd)
            if columns == 3:
                heat_map(line[2], maps[model], model)
        legend = {label: handle for line in axes for axis in line for handle, label in zip(*_labels(axis), strict=True)}
        figure.suptitle(f"{WORK_NAMES[work]}: {in_words(results.machine)}", fontsize=10)
        figure.legend(legend.values(), legend.keys(), loc="outside lower center", ncols=min(5, len(legend)))
        write_atomically(path, lambda file: figure.savefig(file, format="png", dpi=110))


def _labels(axis: Any) -> tuple[list[Any], list[str]]:
    handles, labels = axis.get_legend_handles_labels()
    return handles, labels


def curves(
    axis: Any, rows: list[Row], name: str, abscissa: Callable[[Case], int], fixed: Callable[[Case], int]
) -> None:
    """Draw time against one size, for the most frequent value of the other and of length and dtype."""
    spread: dict[Any, set[int]] = {}
    for row in rows:
        spread.setdefault((fixed(row.case), row.case.length, row.case.dtype), set()).add(abscissa(row.case))
    count = Counter((fixed(row.case), row.case.length, row.case.dtype) for row in rows)
    # the one with the most points; of several the one in the middle
    most = max(len(points) for points in spread.values())
    candidates = sorted(key for key, points in spread.items() if len(points) == most)
    chosen = max(candidates, key=lambda key: (count[key], -abs(candidates.index(key) - len(candidates) // 2)))
    lines: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if (fixed(row.case), row.case.length, row.case.dtype) == chosen:
            lines.setdefault((row.case.implementation, row.case.device), []).append(row)
    for (implementation, device), members in sorted(lines.items(), key=lambda item: list(COLOURS).index(item[0][0])):
        members.sort(key=lambda row: abscissa(row.case))
        medians = np.array([row.median for row in members]) * 1e3
        errors = np.abs(np.array([[row.q1 or 0, row.q3 or 0] for row in members]).T * 1e3 - medians)
        axis.errorbar(
            [abscissa(row.case) for row in members], medians, errors, label=f"{implementation} on {device}",
            color=COLOURS[implementation], linestyle=STYLES[device.rstrip("0123456789:")], marker="o", markersize=3.5,
            capsize=2,
        )  # fmt: skip
    other = "batch" if name.startswith("hidden") else "hidden"
    model = rows[0].case.model.upper()
    if model == "LSTM" and any(implementation == "torch-fused" for implementation, _ in lines):
        model += " (torch-fused: no peepholes)"
    axis.set(xscale="log", yscale="log", xlabel=name, ylabel="ms")
    axis.set_title(f"{model}, {other} {chosen[0]}, {chosen[1]} words, {chosen[2]}", fontsize=8)
    ticks = sorted({abscissa(row.case) for members in lines.values() for row in members})
    axis.set_xticks(ticks, [str(tick) for tick in ticks])
    axis.minorticks_off()
    axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def speed_ups(rows: list[Row]) -> tuple[list[int], list[int], np.ndarray, str] | None:
    """Return hidden sizes, batches, CPU time over GPU time (hidden, batch), NaN where one is missing; of what."""
    best = {key: sides for key, sides in fastest(rows).items() if len(sides) == 2}
    if not best:
        return None
    dtype, _, _, length = Counter(key[:4] for key in best).most_common(1)[0][0]
    chosen = {key[4:]: sides for key, sides in best.items() if (key[0], key[3]) == (dtype, length)}
    hidden, batches = sorted({n_hidd for _, n_hidd in chosen}), sorted({batch for batch, _ in chosen})
    values = np.full((len(hidden), len(batches)), np.nan)
    for (batch, n_hidd), sides in chosen.items():
        values[hidden.index(n_hidd), batches.index(batch)] = sides["cpu"] / sides["gpu"]
    return hidden, batches, values, f"{length} words, {dtype}"


def heat_map(axis: Any, found: tuple[list[int], list[int], np.ndarray, str] | None, model: str) -> None:
    """Draw the speed-ups: blue where the GPU wins, red where the CPU does, white where they are equal."""
    axis.grid(False)
    if found is None:
        axis.set_axis_off()
        return
    hidden, batches, values, what = found
    extent = float(np.nanmax(np.abs(np.log10(values)))) or 1.0
    axis.imshow(np.log10(values), cmap="RdBu", vmin=-extent, vmax=extent, origin="lower", aspect="auto")
    for (i, j), value in np.ndenumerate(values):
        if np.isfinite(value):
            dark = abs(np.log10(value)) > 0.6 * extent
            axis.text(
                j,
                i,
                f"{value:.0f}x" if value >= 9.95 else f"{value:.2g}x",
                ha="center",
                va="center",
                color="white" if dark else "black",
            )
    cross_over(axis, values)
    axis.set_xticks(range(len(batches)), [str(batch) for batch in batches])
    axis.set_yticks(range(len(hidden)), [str(n_hidd) for n_hidd in hidden])
    axis.set(xlabel="sentences in the batch", ylabel="hidden units")
    axis.set_title(f"{model.upper()}: GPU over CPU, fastest of each, {what}", fontsize=9)


def cross_over(axis: Any, values: np.ndarray) -> None:
    """Draw a line between neighbours of which the GPU wins one and the CPU the other."""
    for (i, j), value in np.ndenumerate(values[:, :-1]):
        if (value - 1) * (values[i, j + 1] - 1) < 0:
            axis.plot((j + 0.5, j + 0.5), (i - 0.5, i + 0.5), color="black", linewidth=2)
    for (i, j), value in np.ndenumerate(values[:-1]):
        if (value - 1) * (values[i + 1, j] - 1) < 0:
            axis.plot((j - 0.5, j + 0.5), (i + 0.5, i + 0.5), color="black", linewidth=2)
