"""The cores that this process may use."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def cores() -> int:
    """Return how many cores this process may use, limited by its affinity and by a container's quota."""
    # macOS and Windows have no affinity
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(allowed, max(1, int(quota() or allowed)))


def quota() -> float | None:
    """Return how many cores' time a container's quota allows this process; None without a quota."""
    for files in (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")):  # control groups 2 and 1
        with suppress(OSError, ValueError):  # no such file, or "max"
            allowed, period = " ".join(Path(f"/sys/fs/cgroup/{file}").read_text() for file in files).split()
            if int(allowed) > 0:
                return int(allowed) / int(period)
    return None


def processors(count: int) -> set[int]:
    """Return the numbers of `count` processors that this process may use, or of all if there are fewer.

    Each is of another core as long as there are cores. The last ones come first, because the first ones serve most
    interrupts.
    """
    in_core: dict[tuple[str, ...], int] = {}
    ranked = []
    for number in sorted(os.sched_getaffinity(0), reverse=True):
        core: tuple[str, ...] = (str(number),)
        with suppress(OSError):  # an old kernel or a sandbox may not tell
            folder = Path(f"/sys/devices/system/cpu/cpu{number}/topology")
            core = tuple((folder / name).read_text() for name in ("physical_package_id", "core_id"))
        in_core[core] = in_core.get(core, 0) + 1
        ranked.append((in_core[core], -number))
    return {-number for _, number in sorted(ranked)[:count]}


@contextmanager
def pinned(count: int) -> Iterator[None]:
    """Let this thread, and the processes and threads that it starts in the block, use only `processors(count)`."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, processors(count))
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
