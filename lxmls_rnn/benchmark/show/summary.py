"""Summary of a benchmark: when a GPU pays, and the rows that this answer rests on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from rich.table import Table

from lxmls_rnn.benchmark.measure.cases import CASE_MODELS, DECIDING_WORKS, WORKS
from lxmls_rnn.benchmark.measure.results import MAX_SPREAD, MIN_REPEATS, PROCESSES, Results, Row
from lxmls_rnn.benchmark.show.report import (
    baseline_of,
    fastest,
    format_time,
    is_on_gpu,
    label,
    quartiles_text,
    ratio_text,
    with_commas,
)
from lxmls_rnn.benchmark.show.series import TITLES, speed_ups

MAX_LINES = 40  # of the table in a terminal
WORK_NAMES = {"step": "a training step", "backward": "a forward and backward pass", "forward": "a forward pass"}
SHORT_WORKS = {"forward": "forward", "backward": "gradients", "step": "step"}


class ShapeKey(NamedTuple):
    """Model, sizes and dtype of a row: rows that agree in these are compared with each other."""

    model: str
    n_hidd: int
    batch: int
    length: int
    dtype: str


def key_of(row: Row) -> ShapeKey:
    """Return the model, sizes and dtype of a row."""
    case = row.case
    return ShapeKey(case.model, case.n_hidd, case.batch, case.length, case.dtype)


def deciding_work(rows: Sequence[Row]) -> str:
    """Return the work that the answer is about: the step if a certain row has it, else the gradients, else forward."""
    measured = [row for row in rows if row.median]
    works = {row.case.work for row in [row for row in measured if not row.is_uncertain] or measured}
    return next((work for work in DECIDING_WORKS if work in works), "step")


def fastest_of(rows: Sequence[Row]) -> Row | None:
    """Return the row with the smallest median; None if none was measured."""
    return min((row for row in rows if row.median), key=lambda row: row.median or 0.0, default=None)


# --- the answer -------------------------------------------------------------------------------------------------------


def answer(results: Results) -> str:
    """Return one sentence with its doubt: when a GPU pays, or without one what the smallest sizes take on this CPU.

    Uncertain rows take no part, and where most rows are uncertain there is no answer. Empty if nothing was measured.
    What may have slowed down the machine is a second sentence.
    """
    sentence = _answer(results)
    return f"{sentence} {results.doubt}".rstrip() if sentence else ""


def _answer(results: Results) -> str:
    measured = [row for row in results.rows if row.median]
    n_uncertain = sum(row.is_uncertain for row in measured)
    are = "is" if n_uncertain == 1 else "are"
    doubt = f"{n_uncertain} of {len(measured)} rows {are} uncertain (?): is the machine busy?" if n_uncertain else ""
    if 2 * n_uncertain > len(measured):
        return f"No answer: {doubt}"
    if not measured:
        return ""
    work = deciding_work(measured)
    best = fastest(row for row in measured if row.case.work == work)
    rows = [row for sides in best.values() for row in sides.values()]
    where, on_cpu = list(_where_the_gpu_wins(rows)), _smallest([row for row in rows if not is_on_gpu(row)])
    if where:
        name = next(iter(results.machine.get("gpus", [])), "the GPU").partition(",")[0]
        sentence = f"On {name} {WORK_NAMES[work]} is faster than on this CPU {'; '.join(where)}"
    elif results.has_gpu:
        sentence = f"When a GPU pays is open: no size of {WORK_NAMES[work]} was measured on both devices with certainty"
    elif on_cpu:
        sentence = f"No GPU was measured; on this CPU {WORK_NAMES[work]} takes {_and([_takes(row) for row in on_cpu])}"
    else:
        sentence = f"No GPU was measured, and no size of {WORK_NAMES[work]} with certainty on this CPU"
    return f"{sentence}; {doubt}" if doubt else f"{sentence}."


def _smallest(rows: Sequence[Row]) -> list[Row]:
    """Return the row with the smallest sizes of each model, in the order of the models."""
    smallest = []
    for model in CASE_MODELS:
        of_model = [row for row in rows if row.case.model == model]
        if of_model:
            smallest.append(min(of_model, key=key_of))
    return smallest


def _takes(row: Row) -> str:
    case, time = row.case, f"{format_time(row.median)} with {row.case.implementation}"
    sentences = "one sentence" if case.batch == 1 else f"{case.batch} sentences"
    sizes = f"{case.n_hidd} hidden units, {sentences} of {case.length} words"
    return f"{time} ({TITLES[case.model]}, {sizes}: {with_commas(row.words_per_second or 0.0)} words/s)"


def _where_the_gpu_wins(rows: Sequence[Row]) -> Iterator[str]:
    for model in CASE_MODELS:
        heat_map = speed_ups([row for row in rows if row.case.model == model])
        if heat_map is None:
            continue
        hidden, batches, values, _ = heat_map
        parts = []
        for n_hidd, line in zip(hidden, values, strict=True):
            measured = np.isfinite(line)
            wins = measured & (np.nan_to_num(line) > 1)
            # the GPU must win at this batch and at every larger one
            start = next((b for n, b in enumerate(batches) if wins[n] and (wins | ~measured)[n:].all()), None)
            where = "nowhere" if start is None else f"from {start} sentences a batch on"
            where = "at every batch" if start == batches[0] else where
            parts.append(f"{where} with {n_hidd} hidden units")
        yield f"for the {TITLES[model]} {_and(parts)}"


def _and(parts: Sequence[str]) -> str:
    return ", and ".join(parts) if len(parts) < 3 else f"{', '.join(parts[:-1])}, and {parts[-1]}"


# --- the table --------------------------------------------------------------------------------------------------------


def table(results: Results, baseline: str = "numpy") -> tuple[Table, int]:
    """Return the table of what decides, at most `MAX_LINES`, and how many measured implementations it leaves out.

    For each size it has the fastest implementation of each device, the baseline, and PyTorch's faster one.
    """
    found = Table(padding=(0, 1), pad_edge=False)
    for number, name in enumerate(header(results, baseline)):
        found.add_column(name, justify="left" if number == 0 or name == "implementation" else "right", no_wrap=True)
    chosen, n_left_out = deciding(results, baseline)
    for number, (key, works) in enumerate(chosen):
        is_first = number == 0 or chosen[number - 1][0] != key
        is_last = number + 1 == len(chosen) or chosen[number + 1][0] != key
        found.add_row(*_cells(results, key, works, is_first, baseline), end_section=is_last)
    return found, n_left_out


def header(results: Results, baseline: str) -> list[str]:
    """Return the names of the table's columns; the last three are about the deciding work."""
    works = [SHORT_WORKS[work] for work in WORKS if work in SHORT_WORKS]
    of = SHORT_WORKS[deciding_work(results.rows)]
    return ["model", "hidden", "batch", "implementation", *works, f"quartiles of {of}", "words/s", f"{baseline} = 1"]


Line = tuple[ShapeKey, dict[str, Row]]  # sizes, and the rows of one implementation and device by work


def deciding(results: Results, baseline: str) -> tuple[list[Line], int]:
    """Return the lines of the table, and how many it leaves out."""
    work = deciding_work(results.rows)
    by_line: dict[ShapeKey, dict[str, dict[str, Row]]] = defaultdict(lambda: defaultdict(dict))
    for row in results.rows:
        if row.median and row.case.work in SHORT_WORKS:
            by_line[key_of(row)][label(row)][row.case.work] = row
    chosen: list[tuple[int, Line]] = []  # with a rank: those of the largest rank go first where there are too many
    for key, lines in by_line.items():
        of_work = {name: works[work] for name, works in lines.items() if work in works}
        sides = [[row for row in of_work.values() if is_on_gpu(row) is side] for side in (False, True)]
        peers = [row for row in of_work.values() if row.case.implementation.startswith("torch")]
        bases = [row for row in of_work.values() if row.case.implementation == baseline]
        ranked = [*((fastest_of(side), 0) for side in sides), (next(iter(bases), None), 1), (fastest_of(peers), 2)]
        ranks: dict[str, int] = {}
        for ranked_row, rank in ranked:
            if ranked_row is not None:
                ranks.setdefault(label(ranked_row), rank + (rank > 0) * key.batch)
        chosen += [(rank, (key, lines[name])) for name, rank in ranks.items()]
    while len(chosen) > MAX_LINES:
        worst = max(range(len(chosen)), key=lambda n: (chosen[n][0], n))
        del chosen[worst]
    return [line for _, line in chosen], sum(map(len, by_line.values())) - len(chosen)


def _cells(results: Results, key: ShapeKey, works: dict[str, Row], is_first: bool, baseline: str) -> list[str]:
    work = deciding_work(results.rows)
    sizes = [key.model, str(key.n_hidd), str(key.batch)] if is_first else [""] * 3
    times = [_time(works.get(name)) for name in WORKS if name in SHORT_WORKS]
    row = works[work]
    base = baseline_of([other for other in results.rows if other.group == row.group], baseline)
    numbers = [quartiles_text(row), with_commas(row.words_per_second or 0.0), ratio_text(row, base)]
    return [*sizes, label(row), *times, *numbers]


def _time(row: Row | None) -> str:
    return "" if row is None else format_time(row.median) + (" ?" if row.is_uncertain else "")


# --- other lines ------------------------------------------------------------------------------------------------------


def speed_up_lines(results: Results) -> list[str]:
    """Return the speed-up of the GPU over the CPU, the fastest of each, for each model, hidden size and batch.

    Sizes whose fastest row is uncertain take no part.
    """
    work = deciding_work(results.rows)
    rows = [row for row in results.rows if row.case.work == work]
    lines = []
    for model in CASE_MODELS:
        heat_map = speed_ups([row for row in rows if row.case.model == model])
        if heat_map is None:
            continue
        hidden, batches, values, fixed = heat_map
        for n_hidd, line in zip(hidden, values, strict=True):
            parts = [f"{v:.2g} at batch {b}" for b, v in zip(batches, line, strict=True) if np.isfinite(v)]
            lines.append(f"GPU over CPU, {model} {work}, hidden {n_hidd}, {fixed}: {', '.join(parts)}")
    return lines


def uncertain_lines(results: Results) -> list[str]:
    """Return a line that explains the question mark, if a row has one."""
    if not any(row.is_uncertain for row in results.rows):
        return []
    return [
        f"?: uncertain, and in no answer: fewer than {MIN_REPEATS} repeats or {PROCESSES} processes, or quartiles that "
        f"differ by more than {100 * MAX_SPREAD:.0f} % of the median."
    ]
