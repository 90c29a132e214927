"""Memory of the machine, the container and this process: how much is free, the peak, whether something fits in."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
ITEM_BYTES = {"float32": 4, "float64": 8}
MIN_CHECKED_BYTES = 16 << 20  # smaller needs are not checked
# For what the estimates leave out: buffers of the BLAS, Theano's modules, Python's own objects.
RESERVE_BYTES = 32 << 20


def size_of(shapes: Iterable[tuple[int, ...]], dtype: str) -> int:
    """Return the number of bytes that arrays of these shapes take."""
    return ITEM_BYTES[dtype] * sum(math.prod(shape) for shape in shapes)


def check(what: str, need: int) -> None:
    """Raise MemoryError if `what` needs more bytes than are free."""
    if need < MIN_CHECKED_BYTES:
        return
    available = max(0, free() - RESERVE_BYTES)
    if need > available:
        raise MemoryError(f"{what} needs about {_in_words(need)}, and {_in_words(available)} are free here")


def _in_words(size: int) -> str:
    return f"{size / 1e9:,.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def free() -> int:
    """Return the bytes of free memory: the least of machine, container and the process's own limit."""
    return max(0, min(_of_machine(), *(_of_group(folder) for folder in _groups()), _of_process()))


def _of_machine() -> int:
    match = re.search(r"MemAvailable:\s+(\d+)", _text(Path("/proc/meminfo")))
    return int(match[1]) * 1024 if match else 1 << 62


def _groups() -> list[Path]:
    """Return the control groups (v1 and v2) of this process and their parents, each of which may have a limit."""
    text, folders = _text(Path("/proc/self/cgroup")), []
    for line, root in ((r"^0::/(.*)$", CGROUPS), (r"^\d+:(?:.*,)?memory(?:,.*)?:/(.*)$", CGROUPS / "memory")):
        for match in re.findall(line, text, re.MULTILINE):
            folder = root / match
            folders += [place for place in (folder, *folder.parents) if place.is_relative_to(root)]
    return folders


def _of_group(folder: Path) -> int:
    for limit_file, used_file, cached in (
        ("memory.max", "memory.current", ""),
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_"),  # cgroup v1; "total_" includes child groups
    ):
        limit, used = _text(folder / limit_file).strip(), _text(folder / used_file).strip()
        if limit.isdigit() and used.isdigit():  # without a limit: "max", or 2**63 and something
            # cached files are dropped when memory is needed
            files = re.findall(rf"^{cached}(?:in)?active_file (\d+)$", _text(folder / "memory.stat"), re.MULTILINE)
            return int(limit) - int(used) + sum(map(int, files))
    return 1 << 62


def _of_process() -> int:
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return 1 << 62
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return 1 << 62
    match = re.search(r"VmSize:\s+(\d+)", _text(Path("/proc/self/status")))
    return limit - (int(match[1]) * 1024 if match else 0)


def reset_peak() -> None:
    """Restart the measurement of `peak`, where Linux allows it."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak() -> int:
    """Return the largest number of bytes that this process has had in memory since `reset_peak`."""
    return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) * 1024  # type: ignore[index]


def kills() -> int:
    """Return how many processes of this container or control group were killed for lack of memory."""
    for folder in _groups():
        for name in ("memory.events", "memory.oom_control"):
            if match := re.search(r"^oom_kill (\d+)$", _text(folder / name), re.MULTILINE):
                return int(match[1])
    return 0


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
