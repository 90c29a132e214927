"""What the doctor says about the GPU: the libraries that libgpuarray loads, asked through ctypes."""

import sys
from collections.abc import Iterator
from importlib import import_module

from lxmls_rnn import device
from lxmls_rnn.device import libraries
from lxmls_rnn.device.libraries import dotted
from lxmls_rnn.doctor.finding import Finding


def findings() -> Iterator[Finding]:
    """Look for the GPU and for what Theano needs to use it.

    Where there is no GPU, what is missing is no fault, and one line says how to get all of it.
    """
    found = cards()
    if not found:
        if libraries.nvidia_on_the_bus():
            remedy = "An NVIDIA card is there without a driver: install NVIDIA's driver and restart."
            yield Finding("GPU", "a card, but no driver: everything runs on the CPU", False, remedy=remedy)
        else:
            problem = device.problem("cuda")
            why = f"none: {problem.why}" if problem else "none"
            yield Finding("GPU", why, None, remedy=device.advice("to use a GPU"))
    for card in found:
        yield Finding("GPU", card)
    fault = False if found else None

    yield Finding("NVIDIA driver", driver() or "none", bool(driver()) or fault)
    if found and libraries.load("libcuda.so") is None:
        remedy = "libgpuarray looks for libcuda.so and finds libcuda.so.1 only: link one to the other."
        yield Finding("libcuda.so", "not under this name", False, remedy=remedy)

    versions = ("NVRTC", libraries.nvrtc_version()), ("cuBLAS", libraries.cublas_version())
    for name, version in versions:
        library = f"lib{name.lower()}.so"
        remedy = f"{name} comes with NVIDIA's CUDA toolkit and with the lab's Docker image." if found else ""
        if version:
            yield Finding(name, f"{dotted(version)}, {library}")
        else:
            yield Finding(name, f"no {library}", fault, remedy=remedy)

    try:
        pygpu = import_module("pygpu")
        yield Finding("pygpu", f"{pygpu.__version__}, libgpuarray API {pygpu.gpuarray.api_version()[0]}")
    except Exception as error:
        packages = ("python3-pygpu", "libgpuarray-dev") if found and sys.version_info < (3, 12) else ()
        remedy = "pygpu: Debian 12's (3.11) and Ubuntu 22.04's (3.10) own Python sees it, or take the Docker image."
        yield Finding("pygpu", f"{type(error).__name__}: {error}", fault, packages, remedy if found else "")


def cards() -> tuple[str, ...]:
    """Return name and compute capability of each GPU that the driver shows."""
    return tuple(
        f"{name}, compute {major}.{minor} (cuda{number})"
        for number, (name, (major, minor)) in enumerate(libraries.cards())
    )


def driver() -> str:
    """Return the driver's version and the CUDA version that it serves, or nothing."""
    serves, version = dotted(libraries.driver_serves()), libraries.driver_version()
    return f"{version}, serves CUDA {serves}".removeprefix(", ") if serves else ""
