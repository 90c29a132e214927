"""Comparison of the fused layer's two plans on a GPU, and the size at which the library should switch plans."""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from typing import NamedTuple

from lxmls_rnn.benchmark.measure.cases import groups
from lxmls_rnn.benchmark.measure.results import Results
from lxmls_rnn.deep_learning import gpu_plans


class Pair(NamedTuple):
    """The times of both plans, in seconds, for the same work."""

    n_hidd: int
    batch: int
    one_kernel: float
    stepwise: float


def pairs(results: Results) -> dict[tuple[str, str], list[Pair]]:
    """Return the cases that were measured with both plans, by model and device."""
    found: dict[tuple[str, str], list[Pair]] = {}
    for group in groups(results.rows):
        medians = {row.case.lane[:2]: row.median for row in group if row.median}
        case = group[0].case
        for implementation, device in medians:
            both = [medians.get((name, device)) for name in ("one-kernel", "stepwise")]
            if implementation == "one-kernel" and both[0] and both[1]:
                found.setdefault((case.model, device), []).append(Pair(case.n_hidd, case.batch, both[0], both[1]))
    return found


def bound(measured: Sequence[Pair]) -> int:
    """Return the largest measured hidden size at which one kernel should be used, 0 for none.

    It is the bound with the smallest geometric mean of the times.
    """

    def mean_log_time(last: int) -> float:
        return sum(log(pair.one_kernel if pair.n_hidd <= last else pair.stepwise) for pair in measured) / len(measured)

    return min([0, *sorted({pair.n_hidd for pair in measured})], key=mean_log_time)


def bound_in_words(measured: Sequence[Pair]) -> str:
    """Return the bound in words."""
    last = bound(measured)
    if last == max(pair.n_hidd for pair in measured):
        return "everywhere"
    return f"up to {last}" if last else "nowhere"


def recommendations(results: Results) -> list[str]:
    """Return a line for each model and GPU with the bound for one kernel, and a line that sets the bounds."""
    lines, bounds = [], dict[str, int]()
    for (model, device), measured in pairs(results).items():
        parts = [
            f"{bound_in_words([pair for pair in measured if pair.batch == batch])} with batch {batch}"
            for batch in sorted({pair.batch for pair in measured})
        ]
        layer = model.partition("-")[0]
        bounds.setdefault(layer, bound(measured))  # of the LSTM with peepholes, if it was measured
        lines.append(
            f"{model} on {device}: measured with {min(measured).n_hidd} to {max(measured).n_hidd} hidden units, one "
            f"kernel is faster {', '.join(parts)}; over all batches {bound_in_words(measured)}. "
            f"The library uses it up to {gpu_plans.fused_up_to(layer)}."
        )
    if bounds:
        lines.append(f"{gpu_plans.BOUNDS_VARIABLE}={gpu_plans.as_text(bounds)} makes the library use these bounds.")
    return lines
