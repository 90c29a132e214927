"""Timing of calls."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from statistics import median
from time import perf_counter


def timed(call: Callable[[], object], calls: int) -> float:
    """Return the seconds that `calls` calls take together."""
    start = perf_counter()
    for _ in range(calls):
        call()
    return perf_counter() - start


def waits() -> dict[str, float]:
    """Return the seconds that each thread of this process has waited for a core; nothing where the system keeps none.

    Source: https://docs.kernel.org/scheduler/sched-stats.html, the second number of /proc/PID/task/THREAD/schedstat.
    """
    waited = {}
    for file in Path("/proc/self/task").glob("*/schedstat"):
        with suppress(OSError):  # the thread has ended
            waited[file.parent.name] = 1e-9 * int(file.read_text().split()[1])
    return waited


def median_time(call: Callable[[], object], seconds: float = 0.05, at_least: int = 5) -> tuple[float, int]:
    """Time single calls for `seconds`, after one call as warm-up; return their median in seconds and their number.

    The result is a rough estimate: the calls run in this process, and other threads may disturb them. `runner.Runner`
    measures more exactly.
    """
    call()
    times: list[float] = []
    while len(times) < at_least or sum(times) < seconds:
        times.append(timed(call, 1))
    return median(times), len(times)
