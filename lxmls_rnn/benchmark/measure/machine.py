"""The description of the machine that goes with every measurement."""

from __future__ import annotations

import os
import platform
import re
from importlib import metadata
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_info

from lxmls_rnn.device import libraries
from lxmls_rnn.theano_env import blas
from lxmls_rnn.theano_env.flags import in_effect

VARIABLES = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "MALLOC_MMAP_THRESHOLD_", "THEANO_FLAGS", "CUDA_VISIBLE_DEVICES")


def describe(threads: int) -> dict[str, Any]:
    """Describe processor, memory, BLAS, GPUs, versions and flags; nothing that names a person or a host."""
    flags = in_effect()
    cards = [f"{name}, compute {major}.{minor}" for name, (major, minor) in libraries.cards()]
    return {
        "processor": processor(),
        "cores": cores(),
        "threads": threads,
        "cache": cache_size(),
        "memory": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("lxmls-rnn", "numpy", "scipy", "theano", "torch", "pygpu")},
        "numpy_blas": numpy_blas(),
        "theano_blas": blas.name(flags.get("blas.ldflags", "")),
        "cxxflags": flags.get("gcc.cxxflags", ""),
        "gpus": cards,
        "driver": libraries.driver_version() if cards else "",
        "cuda": ".".join(map(str, libraries.nvrtc_version() or ())),
        "environment": {name: os.environ[name] for name in VARIABLES if name in os.environ},
    }


def in_words(machine: dict[str, Any]) -> str:
    """Name the processor and the GPUs, in a line."""
    threads = f"{machine['threads']} thread{'s' if machine['threads'] != 1 else ''} of {machine['processor']}"
    return ", ".join([threads, *machine["gpus"]])


def processor() -> str:
    """Return the processor's name."""
    try:
        match = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        match = None
    return match[1].strip() if match else platform.processor() or platform.machine()


def cores() -> int:
    """Return how many cores this process may use, by affinity and by a container's quota."""
    allowed = len(os.sched_getaffinity(0))
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return min(allowed, max(1, int(quota) // int(period)))
    except (OSError, ValueError):  # no such file, or "max"
        return allowed


def cache_size() -> int:
    """Return the bytes of the last cache that a core sees; 0 if that is not known."""
    sizes = [0]
    for file in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size"):
        match = re.fullmatch(r"(\d+)([KM])", file.read_text().strip())
        if match:
            sizes.append(int(match[1]) * {"K": 1 << 10, "M": 1 << 20}[match[2]])
    return max(sizes)


def free_memory() -> int:
    """Return how many bytes can still be had, in the machine and in the container."""
    match = re.search(r"MemAvailable:\s+(\d+)", Path("/proc/meminfo").read_text())
    free = int(match[1]) * 1024 if match else 1 << 62
    try:
        group = Path("/sys/fs/cgroup")
        left = int((group / "memory.max").read_text()) - int((group / "memory.current").read_text())
        return min(free, left)
    except (OSError, ValueError):
        return free


def version(name: str) -> str | None:
    """Return the version of an installed package, or None."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def numpy_blas() -> str:
    """Return name, version and kernel of the BLAS in NumPy's package; where there is none, of all that are loaded."""
    loaded = [library for library in threadpool_info() if library["user_api"] == "blas"]
    found = [library for library in loaded if "numpy" in library["filepath"]] or loaded
    return ", ".join(f"{b['internal_api']} {b['version']} {b.get('architecture', '')}".strip() for b in found)
