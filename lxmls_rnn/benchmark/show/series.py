"""Series for the plots: times against one size, and speed-ups of the GPU over the CPU."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lxmls_rnn.benchmark.measure.cases import IMPLEMENTATIONS, PLANS
from lxmls_rnn.benchmark.measure.results import Row
from lxmls_rnn.benchmark.show.overlay import OverlaidRow
from lxmls_rnn.benchmark.show.report import fastest
from lxmls_rnn.plotting.palette import LINES

COLOURS = dict(zip((*IMPLEMENTATIONS, *PLANS), LINES, strict=False))
DEVICE_LINE_STYLES = {"cpu": "-", "cuda": "--", "opencl": ":"}  # OpenCL: in results files of earlier versions
TITLES = {"rnn": "RNN", "lstm": "LSTM", "lstm-no-peepholes": "LSTM without peepholes"}
SIZE_LABELS = {"n_hidd": "hidden units", "batch": "sentences in the batch"}


@dataclass
class Line:
    """The times of one implementation on one device by size: medians and quartiles in seconds."""

    implementation: str
    device: str
    is_stored: bool = False  # from an overlaid row
    sizes: list[int] = field(default_factory=list)
    medians: list[float] = field(default_factory=list)
    q1: list[float] = field(default_factory=list)
    q3: list[float] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Implementation and device, as "fused on cpu"."""
        return f"{self.implementation} on {self.device}{', stored' if self.is_stored else ''}"

    @property
    def colour(self) -> str:
        """The colour of the implementation; paler if the times are stored ones."""
        return COLOURS[self.implementation] + ("99" if self.is_stored else "")

    @property
    def style(self) -> str:
        """The line style of the kind of device, one of `DEVICE_LINE_STYLES`."""
        return DEVICE_LINE_STYLES[self.device.rstrip("0123456789:")]


@dataclass
class Series:
    """Lines of one plot, and its title, which names what they have in common."""

    title: str
    lines: list[Line]

    @property
    def sizes(self) -> list[int]:
        """The measured sizes, ascending."""
        return sorted({size for line in self.lines for size in line.sizes})


def series_of(rows: Sequence[Row], size: str) -> Series:
    """Return the times of a model and work against `size`, one of `SIZE_LABELS`.

    `rows` are the measured rows of this model and work, at least one. The other size, the length and the dtype are
    fixed at the values with the most points; of several such values, the middle one is taken.
    """
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
    lines: dict[tuple[str, str, bool], Line] = {}
    for row in sorted(rows, key=lambda row: getattr(row.case, size)):
        if rest(row) == chosen and row.median is not None:
            key = row.case.implementation, row.case.device, isinstance(row, OverlaidRow)
            line = lines.setdefault(key, Line(*key))
            line.sizes.append(getattr(row.case, size))
            line.medians.append(row.median)
            line.q1.append(row.q1 or row.median)
            line.q3.append(row.q3 or row.median)
    found = sorted(lines.values(), key=lambda line: list(COLOURS).index(line.implementation))
    model = rows[0].case.model
    title = TITLES[model]
    if model == "lstm" and any(line.implementation == "torch-fused" for line in found):
        title += " (torch-fused: no peepholes)"
    what = "batch" if size == "n_hidd" else "hidden"
    return Series(f"{title}, {what} {chosen[0]}, {chosen[1]} words, {chosen[2]}", found)


def speed_ups(rows: Sequence[Row]) -> tuple[list[int], list[int], np.ndarray, str] | None:
    """Return hidden sizes, batches, speed-ups (hidden, batch), and a text with length and dtype.

    A speed-up is CPU time divided by GPU time; NaN if one of them is missing. None if there is no speed-up at all.
    """
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
