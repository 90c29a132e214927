"""Results of another machine or day laid beside one's own, and marked so that nobody takes them for measured here."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lxmls_rnn.benchmark.measure.cases import groups
from lxmls_rnn.benchmark.measure.machine import in_words
from lxmls_rnn.benchmark.measure.results import Results, Row


class Beside(Row):
    """A row of the results that are laid beside others."""


def lay(own: Results, stored: Results) -> Results:
    """Return `own` with the measured rows of `stored` behind those that do the same work, as `Beside`."""
    found: dict[tuple[Any, ...], list[Row]] = {}
    for row in stored.rows:
        if row.median:
            found.setdefault(row.group, []).append(Beside(**vars(row)))
    rows: list[Row] = []
    for members in groups(own.rows):
        rows += [*members, *found.pop(members[0].group, [])]
    return replace(own, rows=rows)


def told(stored: Results) -> str:
    """Say where and when results were measured, as their file says."""
    return f"measured {stored.created} on {in_words(stored.machine)}"


def measured(stored: Results) -> str:
    """Say what results have measured."""
    cases = [row.case for row in stored.rows if row.median]

    def every(name: str) -> str:
        return ", ".join(dict.fromkeys(str(getattr(case, name)) for case in cases))

    sizes = f"hidden {every('n_hidd')}, batch {every('batch')}, length {every('length')}"
    return f"{every('model')}; {every('work')}; {sizes}; {every('dtype')}" if cases else "nothing"
