"""Comparison of the fused layer's two plans on a GPU, and the size at which the library should change plans."""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from typing import NamedTuple

from lxmls_rnn.benchmark.measure.cases import groups
from lxmls_rnn.benchmark.measure.results import Results
from lxmls_rnn.deep_learning import gpu_plans


class Pair(NamedTuple):
    """The times of both plans for the same work."""

    n_hidd: int
    batch: int
    one_kernel: float
    stepwise: float


def pairs(results: Results) -> dict[tuple[str, str], list[Pair]]:
    """Return what was measured with both plans, by model and device."""
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
    """Return up to which of the hidden sizes measured one kernel is to be taken, 0 for none.

    The bound under which the geometric mean of the times is least.
    """

    def cost(last: int) -> float:
        return sum(log(pair.one_kernel if pair.n_hidd <= last else pair.stepwise) for pair in measured)

    return min([0, *sorted({pair.n_hidd for pair in measured})], key=cost)


def up_to(measured: Sequence[Pair]) -> str:
    """Write the bound in words."""
    last = bound(measured)
    if last == max(pair.n_hidd for pair in measured):
        return "everywhere"
    return f"up to {last}" if last else "nowhere"


def found(results: Results) -> list[str]:
    """Tell for each model and GPU up to which hidden size one kernel is faster, and how to let the library know."""
    lines, bounds = [], dict[str, int]()
    for (model, device), measured in pairs(results).items():
        parts = [
            f"{up_to([pair for pair in measured if pair.batch == batch])} with batch {batch}"
            for batch in sorted({pair.batch for pair in measured})
        ]
        layer = model.partition("-")[0]
        bounds.setdefault(layer, bound(measured))  # that of the LSTM with peepholes, where it was measured
        lines.append(
            f"{model} on {device}: of {min(measured).n_hidd} to {max(measured).n_hidd} hidden units one kernel is "
            f"faster {', '.join(parts)}; over all {up_to(measured)}. "
            f"The library takes it up to {gpu_plans.fused_up_to(layer)}."
        )
    if bounds:
        lines.append(f"{gpu_plans.VARIABLE}={gpu_plans.as_text(bounds)} makes the library take these.")
    return lines
