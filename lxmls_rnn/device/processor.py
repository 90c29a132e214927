"""Number of processor cores that this process may use."""

import os
from pathlib import Path


def cores() -> int:
    """Return how many cores this process may use, limited by its affinity and by a container's quota."""
    allowed = len(os.sched_getaffinity(0))
    for files in (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")):  # control groups 2 and 1
        try:
            quota, period = " ".join(Path(f"/sys/fs/cgroup/{file}").read_text() for file in files).split()
            if int(quota) > 0:
                return min(allowed, max(1, int(quota) // int(period)))
        except (OSError, ValueError):  # no such file, or "max"
            continue
    return allowed
