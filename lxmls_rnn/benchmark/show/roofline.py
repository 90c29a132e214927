"""Roofline plot: operations per second against operations per byte, below the limits of the device.

The model is from Williams, Waterman and Patterson (Communications of the ACM 52(4), 2009).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import FuncFormatter, LogLocator

from lxmls_rnn.benchmark.measure.counting import count
from lxmls_rnn.benchmark.measure.machine import processor_and_gpus
from lxmls_rnn.benchmark.measure.results import Results, Row
from lxmls_rnn.benchmark.measure.runner import peak_key
from lxmls_rnn.benchmark.show.series import COLOURS, TITLES
from lxmls_rnn.plotting.picture import picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MARKER_SHAPES = dict(zip(TITLES, "osD", strict=True))


def draw(results: Results, path: Path) -> None:
    """Write the picture as PNG: one plot for each device and dtype with a measured peak.

    The roofs are the measured arithmetic of large products and the measured bandwidth of copies. A point may lie above
    the slope, because data in the cache need no memory traffic. ValueError if no case with a known peak was measured.
    """
    parts: dict[str, list[Row]] = {}
    for row in results.rows:
        if row.median and peak_key(row.case) in results.peaks:
            parts.setdefault(peak_key(row.case), []).append(row)
    if not parts:
        raise ValueError("no case was measured on a device whose peak is known, so there is no roofline to draw")

    shape, size = (1, len(parts)), (8 * len(parts), 5.5)
    with picture(path, shape, size, processor_and_gpus(results.machine), legend=3) as axes:
        for axis, (key, rows) in zip(axes[0], parts.items(), strict=True):
            _draw_part(axis, key, rows, results.peaks[key])


def _draw_part(axis: Axes, key: str, rows: list[Row], peak: dict[str, float]) -> None:
    counts = [count(row.case) for row in rows]
    intensities = np.array([counted.flops / counted.bytes for counted in counts])
    ridge = peak["flops"] / peak["bytes"]
    across = np.array([min(intensities.min(), ridge) / 2, ridge, max(intensities.max(), ridge) * 2])
    roof = np.minimum(peak["flops"], across * peak["bytes"]) / 1e9
    axis.plot(across, roof, color="#444", label="roof: bandwidth, arithmetic")
    axis.plot(across, roof / 2, color="#444", linestyle=":", label="half of it")
    for row, intensity in zip(rows, intensities, strict=True):
        look = {
            "marker": MARKER_SHAPES[row.case.model],
            "markersize": 2.5 + np.log2(row.case.n_hidd) / 2,
            "alpha": 0.75,
            "fillstyle": "none" if row.is_uncertain else "full",
        }
        name = f"{row.case.implementation}, {TITLES[row.case.model]}"
        axis.plot(intensity, row.gflops, linestyle="", color=COLOURS[row.case.implementation], label=name, **look)
    axis.set(xscale="log", yscale="log", xlabel="operations per byte", ylabel="GFLOP/s")
    axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_title(
        f"{key}: {peak['flops'] / 1e9:.0f} GFLOP/s, {peak['bytes'] / 1e9:.0f} GB/s; larger: more hidden units"
    )
