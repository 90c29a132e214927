"""Timing of a call."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from time import perf_counter


def timed(call: Callable[[], object], calls: int) -> float:
    """Return the seconds that so many calls take."""
    start = perf_counter()
    for _ in range(calls):
        call()
    return perf_counter() - start


def median_time(call: Callable[[], object], seconds: float = 0.05, at_least: int = 5) -> tuple[float, int]:
    """Time single calls for so many seconds, after one that is not counted; return their median and their number.

    For a first impression: it is in this process, beside whatever else goes on. `runner.Runner` measures with care.
    """
    call()
    times: list[float] = []
    while len(times) < at_least or sum(times) < seconds:
        times.append(timed(call, 1))
    return median(times), len(times)
