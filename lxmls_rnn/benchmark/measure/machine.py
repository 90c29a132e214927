"""Description of the machine, which is stored with every measurement."""

from __future__ import annotations

import os
import platform
import re
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_info

from lxmls_rnn.deep_learning import gpu_plans
from lxmls_rnn.device import libraries
from lxmls_rnn.device.processor import cores, quota

VARIABLES = (
    "OPENBLAS_CORETYPE",
    "OPENBLAS_L2_SIZE",
    "MALLOC_MMAP_THRESHOLD_",
    "THEANO_FLAGS",
    "CUDA_VISIBLE_DEVICES",
    gpu_plans.BOUNDS_VARIABLE,
)


def describe(threads: int) -> dict[str, Any]:
    """Describe processor, memory, BLAS, GPUs, versions and flags, without the name of a person or host.

    `threads` is the number of threads of BLAS, the fused layers and PyTorch, and of processors of each worker on the
    CPU.
    """
    try:
        from lxmls_rnn.theano_env import blas
        from lxmls_rnn.theano_env.flags import in_effect

        flags = in_effect()
        theano_blas = blas.shown_name(flags.get("blas.ldflags", ""))
    except ImportError:  # no Theano, or a stock one: the rows of its cases say so
        flags, theano_blas = {}, ""
    cards = [f"{name}, compute {major}.{minor}" for name, (major, minor) in libraries.cards()]
    packages = "lxmls-rnn", "numpy", "scipy", "theano", "torch", "pygpu"
    return {
        "processor": processor(),
        "cores": cores(),
        "threads": threads,
        "memory": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {name: installed_version(name) for name in packages},
        "numpy_blas": numpy_blas(),
        "theano_blas": theano_blas,
        "cxxflags": flags.get("gcc.cxxflags", ""),
        "gpus": cards,
        "driver": libraries.driver_version() if cards else "",
        "cuda": ".".join(map(str, libraries.nvrtc_version() or ())),
        "environment": {name: os.environ[name] for name in VARIABLES if name in os.environ},
    }


def processor_and_gpus(machine: dict[str, Any]) -> str:
    """Return a line that names the processor and the GPUs."""
    threads = f"{machine['threads']} thread{'s' if machine['threads'] != 1 else ''} of {machine['processor']}"
    return ", ".join([threads, *machine["gpus"]])


def doubt() -> str:
    """Return a sentence on what may slow down this machine now, or make its times vary; empty if nothing is known."""
    n, load, limit = os.cpu_count() or 1, os.getloadavg()[0], quota()
    reasons = [
        f"{load:.1f} processes wanted its {n} cores in the last minute" if load > n / 2 else "",
        f"its governor saves power ({governor})" if (governor := _saving_governor()) else "",
        "it runs on its battery" if _on_battery() else "",
        f"this container may use {limit:g} of {n} cores" if limit is not None and limit < n else "",
    ]
    reason = ", and ".join(filter(None, reasons))
    return f"This machine may be slower than it can be: {reason}." if reason else ""


def _saving_governor() -> str:
    """Return the name of the processor's governor, or of its preference, if it saves power."""
    named = {}
    for name in ("scaling_driver", "scaling_governor", "energy_performance_preference"):
        with suppress(OSError):
            named[name] = Path(f"/sys/devices/system/cpu/cpu0/cpufreq/{name}").read_text().strip()
    # with these drivers "powersave" is the usual governor, which the preference directs
    if named.get("scaling_driver") in ("intel_pstate", "amd-pstate-epp"):
        preference = named.get("energy_performance_preference", "")
        return preference if preference in ("power", "balance_power") else ""
    governor = named.get("scaling_governor", "")
    return governor if governor in ("powersave", "conservative") else ""


def _on_battery() -> bool:
    """Return whether a battery of the machine, not of a mouse, is being discharged."""
    for supply in Path("/sys/class/power_supply").glob("*"):
        with suppress(OSError):
            told = {name: (supply / name).read_text().strip() for name in ("type", "status")}
            is_device = (supply / "scope").is_file() and (supply / "scope").read_text().strip() == "Device"
            if told == {"type": "Battery", "status": "Discharging"} and not is_device:
                return True
    return False


def processor() -> str:
    """Return the processor's name."""
    try:
        match = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        match = None
    return match[1].strip() if match else platform.processor() or platform.machine()


def installed_version(name: str) -> str | None:
    """Return the version of an installed package, or None."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def numpy_blas() -> str:
    """Return name, version and kernel of the BLAS in NumPy's package, or of every loaded BLAS if there is none."""
    loaded = [library for library in threadpool_info() if library["user_api"] == "blas"]
    chosen = [library for library in loaded if "numpy" in library["filepath"]] or loaded
    return ", ".join(f"{b['internal_api']} {b['version']} {b.get('architecture', '')}".strip() for b in chosen)
