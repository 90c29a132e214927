"""Description of the machine, which is stored with every measurement."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from threadpoolctl import threadpool_info

from lxmls_rnn.benchmark.measure.process import for_another_python
from lxmls_rnn.deep_learning import gpu_plans
from lxmls_rnn.device import libraries
from lxmls_rnn.device.processor import cores

VARIABLES = (
    "OPENBLAS_CORETYPE",
    "OPENBLAS_L2_SIZE",
    "MALLOC_MMAP_THRESHOLD_",
    "THEANO_FLAGS",
    "CUDA_VISIBLE_DEVICES",
    gpu_plans.BOUNDS_VARIABLE,
)
PEER_NAMES = {"torch": "PyTorch", "jax": "JAX"}


def describe(threads: int, torch_python: str | None = None, jax_python: str | None = None) -> dict[str, Any]:
    """Describe processor, memory, BLAS, GPUs, versions and flags, without the name of a person or host.

    `threads` is the number of threads of BLAS, the fused layers and PyTorch, and of processors of each worker on the
    CPU. `torch_python` and `jax_python` are the interpreters of PyTorch and JAX if those are not the running one.
    Errors as in `versions_of`.
    """
    try:
        from lxmls_rnn.theano_env import blas
        from lxmls_rnn.theano_env.flags import in_effect

        flags = in_effect()
        theano_blas = blas.name(flags.get("blas.ldflags", ""))
    except ImportError:  # no Theano, or a stock one: the rows of its cases say so
        flags, theano_blas = {}, ""
    cards = [f"{name}, compute {major}.{minor}" for name, (major, minor) in libraries.cards()]
    versions = {name: version(name) for name in ("lxmls-rnn", "numpy", "scipy", "theano", "torch", "jax", "pygpu")}
    others = {}
    for name, python in (("torch", torch_python), ("jax", jax_python)):
        others[f"{name}_python"] = versions_of(python, name) if python else {}
        versions |= {name: others[f"{name}_python"][name]} if python else {}
    return {
        "processor": processor(),
        "cores": cores(),
        "threads": threads,
        "cache": cache_size(),
        "memory": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": versions,
        **others,
        "numpy_blas": numpy_blas(),
        "theano_blas": theano_blas,
        "cxxflags": flags.get("gcc.cxxflags", ""),
        "gpus": cards,
        "driver": libraries.driver_version() if cards else "",
        "cuda": ".".join(map(str, libraries.nvrtc_version() or ())),
        "environment": {name: os.environ[name] for name in VARIABLES if name in os.environ},
    }


def in_words(machine: dict[str, Any]) -> str:
    """Return a line that names the processor and the GPUs."""
    threads = f"{machine['threads']} thread{'s' if machine['threads'] != 1 else ''} of {machine['processor']}"
    return ", ".join([threads, *machine["gpus"]])


def processor() -> str:
    """Return the processor's name."""
    try:
        match = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        match = None
    return match[1].strip() if match else platform.processor() or platform.machine()


def cache_size() -> int:
    """Return the bytes of the processor's last-level cache; 0 if unknown."""
    sizes = [0]
    for file in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size"):
        match = re.fullmatch(r"(\d+)([KM])", file.read_text().strip())
        if match:
            sizes.append(int(match[1]) * {"K": 1 << 10, "M": 1 << 20}[match[2]])
    return max(sizes)


def version(name: str) -> str | None:
    """Return the version of an installed package, or None."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def versions_of(python: str, framework: str) -> dict[str, str]:
    """Return the versions of another interpreter, its NumPy and its "torch" or "jax", by importing both there.

    ValueError if it is older than Python 3.10, or if it cannot import one of the two.
    """
    code = f"""import sys
if sys.version_info < (3, 10): sys.exit("Python 3.10 or later is needed, it is " + sys.version.split()[0])
import json, numpy, {framework}
versions = dict(numpy=numpy.__version__, {framework}=str({framework}.__version__))
print(json.dumps(dict(python=sys.version.split()[0], **versions)))"""
    with TemporaryDirectory() as folder:
        environ = for_another_python(dict(os.environ), folder)
        try:
            done = subprocess.run([python, "-c", code], env=environ, capture_output=True, text=True)
        except OSError as error:
            raise ValueError(f"{python} cannot be run: {error.strerror}") from error
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise ValueError(f"{python} has no working {PEER_NAMES[framework]}: {said[-1]}")
    return json.loads(done.stdout.splitlines()[-1])


def numpy_blas() -> str:
    """Return name, version and kernel of the BLAS in NumPy's package, or of every loaded BLAS if there is none."""
    loaded = [library for library in threadpool_info() if library["user_api"] == "blas"]
    found = [library for library in loaded if "numpy" in library["filepath"]] or loaded
    return ", ".join(f"{b['internal_api']} {b['version']} {b.get('architecture', '')}".strip() for b in found)
