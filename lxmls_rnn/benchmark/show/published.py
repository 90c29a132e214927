"""Published times of graphics cards beside those measured here."""

from __future__ import annotations

from collections.abc import Iterator

from rich.table import Table

from lxmls_rnn.benchmark.measure.cases import SETS
from lxmls_rnn.benchmark.measure.published import PUBLISHED, SIZES, Published, PublishedSizes
from lxmls_rnn.benchmark.measure.results import Results, Row
from lxmls_rnn.benchmark.show.report import STATUS_WORDS, is_on_gpu
from lxmls_rnn.benchmark.show.summary import fastest_of

HERE = "embeddings looked up, their gradient, softmax of 12 tags and cross-entropy at each word, no biases"


def measured(results: Results) -> dict[PublishedSizes, list[Row]]:
    """Return the rows of results that did the work of the set "published", by all its sizes; nothing without a row."""
    (model,) = {shape.model for shape in SETS["published"].shapes}
    by_sizes: dict[PublishedSizes, list[Row]] = {sizes: [] for sizes in SIZES}
    for row in results.rows:
        case = row.case
        sizes = PublishedSizes(case.n_hidd, case.batch, case.length, case.n_emb)
        if (case.model, case.work, case.dtype) == (model, "backward", "float32") and sizes in by_sizes:
            by_sizes[sizes].append(row)
    return by_sizes if any(by_sizes.values()) else {}


def table(results: Results) -> Table:
    """Return the table of `lines`."""
    beside = Table(padding=(0, 1), pad_edge=False)
    for name in header(results):
        beside.add_column(name, justify="right", no_wrap=True)
    for line in lines(results):
        beside.add_row(*line)
    return beside


def header(results: Results) -> list[str]:
    """Return the names of the columns of `lines`."""
    here = ["this CPU", *(["this GPU"] if results.has_gpu else [])]
    return ["hidden", "batch", "words", *here, *(f"{table.program}, {table.card}" for table in PUBLISHED)]


def lines(results: Results) -> Iterator[list[str]]:
    """Yield a line for each size: us a sentence here, and as published with how many times as fast it is."""
    for sizes, rows in measured(results).items():
        sides = [[row for row in rows if is_on_gpu(row) is side] for side in (False, True)]
        here = [_here(side) for side in sides[: 1 + results.has_gpu]]
        row = fastest_of(sides[0])
        yield [*map(str, sizes[:3]), *here, *(_there(table.microseconds.get(sizes), row) for table in PUBLISHED)]


def _here(rows: list[Row]) -> str:
    row = fastest_of(rows)
    if row is None:
        return next((STATUS_WORDS.get(row.status, row.status) for row in rows), STATUS_WORDS["stopped"])
    return f"{float(f'{_microseconds(row):.3g}'):,g} with {row.case.implementation}{' ?' if row.is_uncertain else ''}"


def _there(time: float | None, row: Row | None) -> str:
    if time is None:
        return ""
    ratio = f" ({_short(_microseconds(row) / time)} x{' ?' if row.is_uncertain else ''})" if row else ""
    return f"{time:,.1f}{ratio}"


def _microseconds(row: Row) -> float:
    return 1e6 * (row.median or 0.0) / row.case.batch


def sentence(results: Results) -> str:
    """Return from which size on each card was faster than this CPU, by how much, and how many of its cores that is.

    Uncertain rows take no part. Empty if no published size was asked for.
    """
    by_sizes = measured(results)
    cpu = {sizes: fastest_of([row for row in rows if not is_on_gpu(row)]) for sizes, rows in by_sizes.items()}
    certain = {sizes: _microseconds(row) for sizes, row in cpu.items() if row is not None and not row.is_uncertain}
    threads = results.machine["threads"]
    parts = [part for table in PUBLISHED if (part := _where(table, certain, threads))]
    if not parts:
        return "No published size was measured here with certainty." if by_sizes else ""
    of = f"{threads} core{'s' if threads != 1 else ''}"
    return f"Faster than {of} of this machine: {'; '.join(parts)}, if cores share the work without loss."


def _where(table: Published, here: dict[PublishedSizes, float], threads: int) -> str:
    ratios = {sizes: here[sizes] / time for sizes, time in sorted(table.microseconds.items()) if sizes in here}
    if not ratios:
        return ""
    wins: list[PublishedSizes] = []  # the card is faster at the first of them and at every larger one
    for sizes, ratio in ratios.items():
        wins = [*wins, sizes] if ratio > 1 else []
    name = f"{table.program} on a {table.card} ({table.year})"
    if not wins:
        return f"{name} at no size"
    where = f"{wins[0].n_hidd} hidden units and {wins[0].batch} sentences"
    where = f"at {where}" if len(wins) == 1 else f"from {where} on"
    low, high = (pick(ratios[sizes] for sizes in wins) for pick in (min, max))
    times, cores = (" to ".join(dict.fromkeys([_short(n * low), _short(n * high)])) for n in (1, threads))
    return f"{name} {where}, {times} times ({cores} cores)"


def _short(number: float) -> str:
    return f"{number:.1f}" if number < 9.95 else f"{number:.0f}"


def notes(results: Results) -> list[str]:
    """Return what is timed here and there, and the sources; nothing if no published size was asked for."""
    if not measured(results):
        return []
    there = [f"{table.program}, {table.card}: {table.differs} ({table.source})." for table in PUBLISHED]
    what = "us a sentence of so many words (the sample's have 8), forward and backward; x: times as fast as this CPU"
    return [f"{what}. Here: {HERE}.", *there]
