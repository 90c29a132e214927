"""Comparison of two results files: cases that became faster or slower by more than the spread."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rich.table import Table
from rich.text import Text

from lxmls_rnn.benchmark.measure.results import Results, Row
from lxmls_rnn.benchmark.show.report import format_time, label

COLUMN_NAMES = ("case", "implementation", "before", "after", "after / before", "verdict")
COLOURS = {"faster": "green", "slower": "red", "same": "dim", "uncertain": "dim"}  # of each verdict
MIN_CHANGE = 0.05  # as a fraction of the median; two runs of the same program differ by less


@dataclass(frozen=True)
class BeforeAndAfter:
    """The rows of one case in two runs."""

    before: Row
    after: Row

    @property
    def ratio(self) -> float:
        """Return the median of `after` divided by that of `before`."""
        return quartiles(self.after)[1] / quartiles(self.before)[1]

    @property
    def verdict(self) -> str:
        """Return one of `COLOURS`.

        A case has changed if the quartiles do not overlap and the medians differ by 5 % or more.
        """
        if self.before.is_uncertain or self.after.is_uncertain:
            return "uncertain"
        before, after = quartiles(self.before), quartiles(self.after)
        if after[2] < before[0] and self.ratio <= 1 - MIN_CHANGE:
            return "faster"
        if after[0] > before[2] and self.ratio >= 1 + MIN_CHANGE:
            return "slower"
        return "same"


def quartiles(row: Row) -> tuple[float, float, float]:
    """Return first quartile, median and third quartile of a row in seconds; ValueError if it was not measured."""
    if row.q1 is None or row.median is None or row.q3 is None:
        raise ValueError(f"{row.case} was not measured")
    return row.q1, row.median, row.q3


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
    """Return how many cases have each verdict, such as "1 faster, 0 slower, 7 same"; "uncertain" only if some are."""
    each = {verdict: sum(change.verdict == verdict for change in compared) for verdict in COLOURS}
    return ", ".join(f"{n} {verdict}" for verdict, n in each.items() if n or verdict != "uncertain")


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
