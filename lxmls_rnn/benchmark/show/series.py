"""Charts of a benchmark: times against one size, and speed-ups of the GPU over the CPU."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from lxmls_rnn.benchmark.measure.cases import IMPLEMENTATIONS
from lxmls_rnn.benchmark.measure.results import Row
from lxmls_rnn.benchmark.show.report import fastest, ratio
from lxmls_rnn.plotting.chart import Axis, Chart, Line
from lxmls_rnn.plotting.palette import LINES

COLOURS = dict(zip(IMPLEMENTATIONS, LINES, strict=False))
DEVICE_LINE_STYLES = {"cpu": "solid", "cuda": "dashed"}
TITLES = {"rnn": "RNN", "lstm": "LSTM", "lstm-no-peepholes": "LSTM without peepholes"}
SIZE_LABELS = {"n_hidd": "hidden units", "batch": "sentences in the batch"}
MILLISECONDS = Axis("ms", "~g", "log")


def times(rows: Sequence[Row], size: str) -> Chart:
    """Describe the times of a model and work against `size`, one of `SIZE_LABELS`: medians with quartiles, in ms.

    Points of uncertain rows are hollow. `rows` are the measured rows of this model and work. The other size, the
    length and the dtype are fixed at the values with the most points; of several such values, the middle one is taken.
    """
    across = Axis(SIZE_LABELS[size], "d", "log")
    if not rows:
        return Chart(across, MILLISECONDS, [])
    other = "batch" if size == "n_hidd" else "n_hidd"

    def rest(row: Row) -> tuple[int, int, str]:
        return getattr(row.case, other), row.case.length, row.case.dtype

    spread: dict[Any, set[int]] = {}
    for row in rows:
        spread.setdefault(rest(row), set()).add(getattr(row.case, size))
    count = Counter(map(rest, rows))
    most = max(len(points) for points in spread.values())
    candidates = sorted(key for key, points in spread.items() if len(points) == most)
    chosen = max(candidates, key=lambda key: (count[key], -abs(candidates.index(key) - len(candidates) // 2)))
    drawn: dict[tuple[str, str], list[Row]] = {}
    for row in sorted(rows, key=lambda row: (list(COLOURS).index(row.case.implementation), getattr(row.case, size))):
        if rest(row) == chosen:
            drawn.setdefault((row.case.implementation, row.case.device), []).append(row)
    lines = [
        Line(
            f"{implementation} on {device}",
            COLOURS[implementation],
            x=[getattr(row.case, size) for row in drawn_rows],
            y=[1e3 * (row.median or 0.0) for row in drawn_rows],
            low=[1e3 * (row.q1 or row.median or 0.0) for row in drawn_rows],
            high=[1e3 * (row.q3 or row.median or 0.0) for row in drawn_rows],
            has_dots=True,
            hollow=[row.is_uncertain for row in drawn_rows],
            style=DEVICE_LINE_STYLES[device.rstrip("0123456789")],
        )
        for (implementation, device), drawn_rows in drawn.items()
    ]
    ticks = {place: str(place) for place in sorted({place for line in lines for place in line.x})}
    model = rows[0].case.model
    title = TITLES[model]
    if model == "lstm" and any(implementation == "torch-fused" for implementation, _ in drawn):
        title += " (torch-fused: no peepholes)"
    other_name = "batch" if size == "n_hidd" else "hidden"
    title += f", {other_name} {chosen[0]}, {chosen[1]} words, {chosen[2]}"
    return Chart(replace(across, ticks=ticks), MILLISECONDS, lines, title)


class SpeedUps(NamedTuple):
    """The time of the fastest row on the CPU divided by that of the fastest on the GPU, by hidden and batch size."""

    hidden: list[int]
    batches: list[int]
    values: np.ndarray  # (hidden, batches); NaN if one of the two times is missing
    what: str  # length and dtype

    @property
    def extent(self) -> float:
        """The power of ten that has the strongest colour."""
        return float(np.nanmax(np.abs(np.log10(self.values)))) or 1.0


def speed_ups(rows: Sequence[Row]) -> SpeedUps | None:
    """Return the speed-ups for the length and dtype that have most; None if none is known without uncertain rows."""
    best = {key: sides for key, sides in fastest(rows).items() if len(sides) == 2}
    if not best:
        return None
    dtype, _, _, length = Counter(key[:4] for key in best).most_common(1)[0][0]
    chosen = {key[4:]: sides for key, sides in best.items() if (key[0], key[3]) == (dtype, length)}
    hidden, batches = sorted({n_hidd for _, n_hidd in chosen}), sorted({batch for batch, _ in chosen})
    values = np.full((len(hidden), len(batches)), np.nan)
    for (batch, n_hidd), sides in chosen.items():
        values[hidden.index(n_hidd), batches.index(batch)] = ratio(sides["gpu"], sides["cpu"])
    return SpeedUps(hidden, batches, values, f"{length} words, {dtype}")
