"""How much memory there still is, for the machine and the container, and whether something fits in."""

from __future__ import annotations

import math
import re
import resource
from collections.abc import Iterable
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
SIZE = {"float32": 4, "float64": 8}
MARGIN = 64 << 20  # bytes: below, nothing is estimated


def size_of(shapes: Iterable[tuple[int, ...]], dtype: str) -> int:
    """Return the bytes of arrays of these shapes."""
    return SIZE[dtype] * sum(math.prod(shape) for shape in shapes)


def check(what: str, need: int, advice: str = "") -> None:
    """Raise MemoryError, before it is made, where `what` needs more bytes than there are."""
    if need < MARGIN:
        return
    there = free()
    if need > there:
        why = f"{what} needs about {_gigabytes(need)}, and {_gigabytes(there)} are free here"
        raise MemoryError(f"{why}: {advice}" if advice else why)


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:,.1f} GB"


def free() -> int:
    """Return how many bytes can still be had: of the machine, the container and the process's own limit."""
    return max(0, min(_of_machine(), *(_of_group(folder) for folder in _groups()), _of_process()))


def _of_machine() -> int:
    match = re.search(r"MemAvailable:\s+(\d+)", _text(Path("/proc/meminfo")))
    return int(match[1]) * 1024 if match else 1 << 62


def _groups() -> list[Path]:
    """Return the control group of this process and those around it: each may have a limit."""
    match = re.search(r"^0::/(.*)$", _text(Path("/proc/self/cgroup")), re.MULTILINE)
    own = CGROUPS / (match[1] if match else "")
    return [folder for folder in (own, *own.parents) if folder.is_relative_to(CGROUPS)]


def _of_group(folder: Path) -> int:
    limit, used = _text(folder / "memory.max").strip(), _text(folder / "memory.current").strip()
    if not (limit.isdigit() and used.isdigit()):  # no limit: "max"
        return 1 << 62
    # what is kept of files goes when memory is needed
    cached = re.findall(r"^(?:in)?active_file (\d+)$", _text(folder / "memory.stat"), re.MULTILINE)
    return int(limit) - int(used) + sum(map(int, cached))


def _of_process() -> int:
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return 1 << 62
    match = re.search(r"VmSize:\s+(\d+)", _text(Path("/proc/self/status")))
    return limit - (int(match[1]) * 1024 if match else 0)


def kills() -> int:
    """Return how many processes of this container, or of the control group, have been ended for want of memory."""
    match = re.search(r"^oom_kill (\d+)$", _text(_groups()[0] / "memory.events"), re.MULTILINE)
    return int(match[1]) if match else 0


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
