"""Summary of a benchmark: when a GPU pays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from lxmls_rnn.benchmark.measure.cases import CASE_MODELS, DECIDING_WORKS
from lxmls_rnn.benchmark.measure.results import (
    MAX_SPREAD,
    MAX_WAITED,
    MIN_PROCESSOR,
    MIN_REPEATS,
    PROCESSES,
    Results,
    Row,
)
from lxmls_rnn.benchmark.show.report import fastest, format_time, is_on_gpu, with_commas
from lxmls_rnn.benchmark.show.series import TITLES, speed_ups

WORK_NAMES = {"step": "a training step", "backward": "a forward and backward pass", "forward": "a forward pass"}


def deciding_work(rows: Sequence[Row]) -> str:
    """Return the work that the answer is about: the first of `DECIDING_WORKS` among the rows that are not uncertain.

    If all are uncertain, it is the first among all rows.
    """
    measured = [row for row in rows if row.median and row.case.work in DECIDING_WORKS]
    works = {row.case.work for row in [row for row in measured if not row.is_uncertain] or measured}
    return next((work for work in DECIDING_WORKS if work in works), "step")


def fastest_of(rows: Sequence[Row]) -> Row | None:
    """Return the row with the smallest median; None if none was measured."""
    return min((row for row in rows if row.median), key=lambda row: row.median or 0.0, default=None)


def answer(results: Results) -> str:
    """Return when a GPU pays, or without one what the smallest sizes take on this CPU, in a sentence.

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
            smallest.append(min(of_model, key=lambda row: (row.case.n_hidd, row.case.batch, row.case.length)))
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
        f"?: uncertain, and in no answer: it has fewer than {MIN_REPEATS} repeats or {PROCESSES} processes, waited for "
        f"a core for more than {MAX_WAITED:.0%} of its time, computed on the CPU for less than {MIN_PROCESSOR:.0%} of "
        f"it, or its quartiles differ by more than {MAX_SPREAD:.0%} of the median."
    ]
