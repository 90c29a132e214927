"""Tables and sentences about benchmark results."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rich.table import Table

from lxmls_rnn.benchmark.measure.cases import groups
from lxmls_rnn.benchmark.measure.results import Results, Row

MAX_NAMED = 4  # rows in a warning
OPTIONAL_COLUMNS = ("memory", "compile", "GFLOP/s", "words/s", "CPU", "quartiles")  # the first is left out first
STATUS_WORDS = {
    "unavailable": "not available", "memory": "out of memory", "limit": "too slow", "stopped": "not measured"
}  # fmt: skip


def label(row: Row) -> str:
    """Return implementation and device, such as "fused on cpu"; a star marks less work than the rest of the group."""
    star = "" if row.case.same_work else "*"
    return f"{row.case.implementation}{star} on {row.case.device}"


def less_work(results: Results) -> list[str]:
    """Return a footnote on the rows that `label` marks with a star, as they do less work; [] if there are none."""
    if not any(row.median and not row.case.same_work for row in results.rows):
        return []
    return [
        "* PyTorch's nn.LSTM has no peepholes: it does up to 3/7 less work than lstm, and as much work as "
        "lstm-no-peepholes."
    ]


def uncertain(results: Results, baseline: str = "numpy") -> list[str]:
    """Return a line that names the rows whose spread exceeds their difference from the baseline; no uncertain rows."""
    names = []
    for group in groups(results.rows):
        base = baseline_of(group, baseline)
        for row in group:
            faster = ratio(row, base)
            if base is not None and row is not base and faster and not (row.is_uncertain or base.is_uncertain):
                difference = abs(faster - 1) / max(faster, 1.0)  # relative to the slower one
                if difference < max(row.spread or 0.0, base.spread or 0.0):
                    case = row.case
                    names.append(f"{label(row)} ({case.model} {case.work}, hidden {case.n_hidd}, batch {case.batch})")
    if not names:
        return []
    named = ", ".join(names[:MAX_NAMED]) + ("" if len(names) <= MAX_NAMED else f" and {len(names) - MAX_NAMED} more")
    return [f"The spread exceeds the difference from {baseline}, so the ratio means nothing: {named}."]


def format_time(seconds: float | None) -> str:
    """Format seconds with three digits and a unit; None as an empty text."""
    if seconds is None:
        return ""
    for factor, unit in ((1e6, "us"), (1e3, "ms")):
        if seconds * factor < 999.5:
            return f"{seconds * factor:#.3g}".rstrip(".") + f" {unit}"
    return f"{seconds:.2f} s"


def quartiles_text(row: Row) -> str:
    """Return both quartiles of a row, with one unit if both have the same."""
    low, low_unit = format_time(row.q1).split()
    high, unit = format_time(row.q3).split()
    return f"{low} - {high} {unit}" if low_unit == unit else f"{low} {low_unit} - {high} {unit}"


def with_commas(number: float) -> str:
    """Format a number of words per second with three significant digits."""
    return f"{float(f'{number:.3g}'):,.0f}"


def is_on_gpu(row: Row) -> bool:
    """Return whether a row was measured on an NVIDIA GPU."""
    return row.case.device.startswith("cuda")


def baseline_of(group: Sequence[Row], baseline: str) -> Row | None:
    """Return the row of the implementation `baseline` on its first device; None if it was not measured."""
    return next((row for row in group if row.median and row.case.implementation == baseline), None)


def ratio(row: Row, base: Row | None) -> float | None:
    """Return how many times faster than the baseline a row is."""
    return base.median / row.median if base is not None and base.median and row.median else None


def ratio_text(row: Row, base: Row | None) -> str:
    """Return the ratio to the baseline; a question mark marks that of an uncertain row."""
    faster = ratio(row, base)
    if base is None or faster is None:
        return ""
    return f"{faster:.2f}" + (" ?" if row.is_uncertain or base.is_uncertain else "")


def table(results: Results, baseline: str = "numpy", width: int = 160) -> Table:
    """Return the table of all measured cases, with one section for each group.

    Of `OPTIONAL_COLUMNS` those are left out that do not fit into `width` characters; the caption names them.
    """
    names, parts = header(baseline), list(sections(results, baseline))
    lines = [names, *(line for part in parts for line in part)]
    kept = {name: max(len(line[number]) for line in lines) for number, name in enumerate(names)}
    left_out = []
    for name in OPTIONAL_COLUMNS:
        if sum(kept.values()) + 3 * len(kept) - 1 > width:  # with the lines and spaces between the columns
            left_out.append(name)
            del kept[name]
    caption = f"Without room for {', '.join(reversed(left_out))}." if left_out else None
    found = Table(padding=(0, 1), pad_edge=False, caption=caption, caption_justify="left")
    for name in kept:
        is_text = names.index(name) < 5
        found.add_column(name, justify="left" if is_text else "right", no_wrap=name != "model", overflow="fold")
    for part in parts:
        for line in part:
            cells = [cell for name, cell in zip(names, line, strict=True) if name in kept]
            found.add_row(*cells, end_section=line is part[-1])
    return found


def header(baseline: str = "numpy") -> list[str]:
    """Return the names of the table's columns."""
    sizes = ["model", "work", "hidden", "batch", "implementation"]
    numbers = ["median", f"{baseline} = 1", "quartiles", "CPU", "words/s", "GFLOP/s", "compile", "memory"]
    return [*sizes, *numbers]


def sections(results: Results, baseline: str = "numpy") -> Iterator[list[list[str]]]:
    """Yield the table's lines group by group, each a list of cells, the fastest first.

    Only the first line of a group names model, work and sizes.
    """
    dtypes = {row.case.dtype for row in results.rows}
    lengths = {row.case.length for row in results.rows}
    for group in groups(results.rows):
        base = baseline_of(group, baseline)
        measured = sorted((row for row in group if row.median), key=lambda row: row.median or 0)
        lines = []
        for row in measured:
            case = row.case
            first = [case.model, case.work, str(case.n_hidd), str(case.batch)] if row is measured[0] else [""] * 4
            if row is measured[0] and len(lengths) > 1:
                first[3] += f" x {case.length}"
            if row is measured[0] and len(dtypes) > 1:
                first[0] += f" {case.dtype}"
            lines.append([*first, label(row), *measured_cells(row, base)])
        if lines:
            yield lines


def measured_cells(row: Row, base: Row | None) -> list[str]:
    """Format the measurements of a row as cells of the table."""
    memory = (row.host_memory or 0) / 1e6
    return [
        format_time(row.median) + (" ?" if row.is_uncertain else ""),
        ratio_text(row, base),
        quartiles_text(row),
        f"{row.processor:.0%}",
        with_commas(row.words_per_second or 0.0),
        f"{row.gflops:.1f}",
        format_time(row.compile_s),
        f"{memory:.0f} MB" + (f" + {row.device_memory / 1e6:.0f}" if row.device_memory is not None else ""),
    ]


def not_measured(results: Results, already_shown: str = "") -> list[str]:
    """Return a line for each reason why cases were not measured, except the reason that is `already_shown`."""
    reasons: dict[tuple[str, str], list[Row]] = {}
    for row in results.rows:
        if row.status != "ok" and not (already_shown and row.why == already_shown):
            reasons.setdefault((row.status, row.why), []).append(row)
    lines = []
    for (status, why), rows in reasons.items():
        where = "" if status == "stopped" else ", ".join(dict.fromkeys(map(label, rows)))
        which = str(rows[0].case).partition(":")[0] if len(rows) == 1 else f"{len(rows)} cases"
        parts = [
            STATUS_WORDS.get(status, status),
            ", ".join(filter(None, (where, "" if status == "unavailable" else which))),
            why,
        ]
        lines.append(": ".join(parts))
    return lines


def without_gpu(results: Results) -> str:
    """Return a sentence that says why no GPU was measured; an empty text if one was."""
    why = why_no_gpu(results)
    if why is None:
        return ""
    return f"No GPU was measured: {why}." if why else "No GPU has been measured yet."


def why_no_gpu(results: Results) -> str | None:
    """Return why no GPU was measured: an empty text if no reason is known yet, None if a GPU was measured."""
    if results.has_gpu:
        return None
    rows = [row for row in results.rows if row.case.device.startswith("cuda")]
    if not rows:
        return "cuda was not among the devices"
    return next((row.why for row in rows if row.status == "unavailable"), rows[0].why)


def fastest(rows: Iterable[Row]) -> dict[tuple[Any, ...], dict[str, Row]]:
    """Return the fastest row on "cpu" and on "gpu" (CUDA), by (dtype, model, work, length, batch, n_hidd).

    An uncertain one is left out; a slower row does not replace it. Cases that do less work than their model are
    ignored.
    """
    best: dict[tuple[Any, ...], dict[str, Row]] = {}
    for row in rows:
        case = row.case
        side = {"cpu": "cpu", "cud": "gpu"}.get(case.device[:3])
        if row.median and side and case.same_work:
            sides = best.setdefault((case.dtype, case.model, case.work, case.length, case.batch, case.n_hidd), {})
            sides[side] = min(sides.get(side, row), row, key=lambda row: row.median or 0.0)
    return {key: {side: row for side, row in sides.items() if not row.is_uncertain} for key, sides in best.items()}
