"""Stored results, from another machine or day, shown beside new ones; their rows are marked as stored."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lxmls_rnn.benchmark.measure.cases import groups
from lxmls_rnn.benchmark.measure.machine import in_words
from lxmls_rnn.benchmark.measure.results import Results, Row


class OverlaidRow(Row):
    """A row of stored results that are shown together with new ones."""


def overlay(own: Results, stored: Results) -> Results:
    """Return a copy of `own` to which measured rows of `stored` are added, each after the rows of its group.

    Stored rows whose group `own` does not have are left out.
    """
    found: dict[tuple[Any, ...], list[Row]] = {}
    for row in stored.rows:
        if row.median:
            found.setdefault(row.group, []).append(OverlaidRow(**vars(row)))
    rows: list[Row] = []
    for members in groups(own.rows):
        rows += [*members, *found.pop(members[0].group, [])]
    return replace(own, rows=rows)


def provenance(stored: Results) -> str:
    """Return a text that says when and on which machine results were measured."""
    return f"measured {stored.created} on {in_words(stored.machine)}"


def coverage(stored: Results) -> str:
    """Return a text that lists the models, work, sizes and dtypes that results contain."""
    cases = [row.case for row in stored.rows if row.median]

    def every(name: str) -> str:
        return ", ".join(dict.fromkeys(str(getattr(case, name)) for case in cases))

    sizes = f"hidden {every('n_hidd')}, batch {every('batch')}, length {every('length')}"
    return f"{every('model')}; {every('work')}; {sizes}; {every('dtype')}" if cases else "nothing"
