"""Comparison of two results files: cases that became faster or slower by more than chance explains.

Times differ between processes by more than within one, so the medians of the processes are compared, not the repeats.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import exp

import numpy as np
from rich.table import Table
from rich.text import Text

from lxmls_rnn.benchmark.measure.results import Results, Row
from lxmls_rnn.benchmark.show.report import format_time, label

COLUMN_NAMES = ("case", "implementation", "before", "after", "after / before", "verdict")
COLOURS = {"faster": "green", "slower": "red", "same": "dim", "cannot tell": "dim"}  # of each verdict
MIN_CHANGE = 0.05  # as a fraction of the median
LEVEL = 0.01  # the part of pairs without a change that are called faster or slower, if times are log-normal
RULE = (
    f"Faster or slower: by {MIN_CHANGE:.0%} or more, and by more than a run's processes differ by chance (t-test of "
    f"their medians, level {LEVEL:.0%}). Same: by less than {MIN_CHANGE:.0%}. Otherwise the processes cannot tell."
)


@dataclass(frozen=True)
class BeforeAndAfter:
    """The rows of one case in two runs."""

    before: Row
    after: Row

    @property
    def ratio(self) -> float:
        """Return the median of `after` divided by that of `before`."""
        return (self.after.median or 0.0) / (self.before.median or 1.0)

    @property
    def verdict(self) -> str:
        """Return one of `COLOURS`, by the interval in which the ratio lies and the rule in `RULE`."""
        if self.before.is_uncertain or self.after.is_uncertain:
            return "cannot tell"
        low, high = self.interval
        if high < 1 and self.ratio <= 1 - MIN_CHANGE:
            return "faster"
        if low > 1 and self.ratio >= 1 + MIN_CHANGE:
            return "slower"
        return "same" if 1 - MIN_CHANGE < low <= high < 1 + MIN_CHANGE else "cannot tell"

    @property
    def interval(self) -> tuple[float, float]:
        """Return the ratio's confidence interval at `LEVEL`, by Student's t for the logarithms of the medians."""
        from scipy.special import stdtrit

        before, after = (np.log(row.medians or ()) for row in (self.before, self.after))
        freedom = len(before) + len(after) - 2
        squares = sum(float(((logs - logs.mean()) ** 2).sum()) for logs in (before, after))
        error = (squares / freedom * (1 / len(before) + 1 / len(after))) ** 0.5
        change, half = float(after.mean() - before.mean()), float(stdtrit(freedom, 1 - LEVEL / 2)) * error
        return exp(change - half), exp(change + half)


def changes(before: Results, after: Results) -> Iterator[BeforeAndAfter]:
    """Yield the cases that both results have measured, in the order of `after`."""
    known = {row.case: row for row in before.rows if row.median}
    for row in after.rows:
        if row.median and row.case in known:
            yield BeforeAndAfter(known[row.case], row)


def differences(before: Results, after: Results) -> list[str]:
    """Return a line for each difference between the machines, which may explain different times."""
    both = {key: (before.machine.get(key), after.machine.get(key)) for key in [*before.machine, *after.machine]}
    return [f"{key}: {_short(a, b)} before, {_short(b, a)} after" for key, (a, b) in both.items() if a != b]


def _short(value: object, other: object) -> str:
    """Format a value for a message; of a dictionary only the entries that differ from those of `other`."""
    if isinstance(value, dict):
        others = other if isinstance(other, dict) else {}
        return ", ".join(f"{k} {v}" for k, v in value.items() if others.get(k) != v) or "nothing"
    return str(value) if value not in ("", None, []) else "nothing"


def counts(compared: list[BeforeAndAfter]) -> str:
    """Return how many cases have each verdict: "1 faster, 0 slower, 7 same"; "cannot tell" only if some have it."""
    each = {verdict: sum(change.verdict == verdict for change in compared) for verdict in COLOURS}
    return ", ".join(f"{n} {verdict}" for verdict, n in each.items() if n or verdict != "cannot tell")


def table(compared: list[BeforeAndAfter], everything: bool = False) -> Table:
    """Return the table of the changed cases, or of all cases if `everything`."""
    shown = Table(pad_edge=False)
    for number, name in enumerate(COLUMN_NAMES):
        shown.add_column(name, justify="right" if number > 1 else "left", no_wrap=number > 1)
    for *cells, verdict in lines(compared, everything):
        shown.add_row(*cells, Text(verdict, COLOURS[verdict]))
    return shown


def lines(compared: list[BeforeAndAfter], everything: bool = False) -> Iterator[list[str]]:
    """Yield the table's lines: case, implementation, time before, time after, their ratio, verdict."""
    for change in compared:
        if everything or change.verdict in ("faster", "slower"):
            row = change.after
            times = format_time(change.before.median), format_time(row.median), f"{change.ratio:.2f}"
            yield [str(row.case).partition(":")[0], label(row), *times, change.verdict]
