"""What the doctor says about the GPU: the libraries that libgpuarray loads, asked through ctypes."""

import ctypes
import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

from lxmls_rnn.doctor import Finding

COMPUTE_CAPABILITY_MAJOR, COMPUTE_CAPABILITY_MINOR = 75, 76  # CUdevice_attribute, cuda.h
NVIDIA, DISPLAY = "0x10de", "0x03"  # PCI vendor and class


def findings() -> Iterator[Finding]:
    """Look for the GPU and for what Theano needs to use it.

    Where there is no GPU, what is missing is no fault, and nothing is said of how to get it.
    """
    found = cards()
    if not found:
        if nvidia_on_the_bus():
            remedy = "An NVIDIA card is there without a driver: install NVIDIA's driver and restart."
            yield Finding("GPU", "a card, but no driver: everything runs on the CPU", False, remedy=remedy)
        else:
            yield Finding("GPU", "no GPU: everything runs on the CPU", None)
    for card in found:
        yield Finding("GPU", card)
    fault = False if found else None

    yield Finding("NVIDIA driver", driver() or "none", bool(driver()) or fault)
    if found and load("libcuda.so") is None:
        remedy = "libgpuarray looks for libcuda.so and finds libcuda.so.1 only: link one to the other."
        yield Finding("libcuda.so", "not under this name", False, remedy=remedy)

    for name, version in (("NVRTC", nvrtc()), ("cuBLAS", cublas())):
        library = f"lib{name.lower()}.so"
        remedy = f"{name} comes with NVIDIA's CUDA toolkit and with the lab's Docker image." if found else ""
        if version:
            yield Finding(name, f"{version}, {library}")
        else:
            yield Finding(name, f"no {library}", fault, remedy=remedy)

    try:
        pygpu = import_module("pygpu")
        yield Finding("pygpu", f"{pygpu.__version__}, libgpuarray API {pygpu.gpuarray.api_version()[0]}")
    except Exception as error:
        packages = ("python3-pygpu", "libgpuarray-dev") if found else ()
        remedy = "pygpu: Debian 12's and Ubuntu 22.04's own Python sees it, or take the Docker image." if found else ""
        yield Finding("pygpu", f"{type(error).__name__}: {error}", fault, packages, remedy)


def load(name: str) -> ctypes.CDLL | None:
    """Load a shared library, or return None."""
    try:
        return ctypes.CDLL(name)
    except OSError:
        return None


@cache
def cards() -> tuple[str, ...]:
    """Return name and compute capability of each GPU that the driver shows."""
    cuda = load("libcuda.so") or load("libcuda.so.1")
    count = ctypes.c_int()
    if cuda is None or cuda.cuInit(0) != 0 or cuda.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return ()
    found = []
    for device in range(count.value):
        name = ctypes.create_string_buffer(100)
        major, minor = ctypes.c_int(), ctypes.c_int()
        cuda.cuDeviceGetName(name, len(name), device)
        cuda.cuDeviceGetAttribute(ctypes.byref(major), COMPUTE_CAPABILITY_MAJOR, device)
        cuda.cuDeviceGetAttribute(ctypes.byref(minor), COMPUTE_CAPABILITY_MINOR, device)
        found.append(f"{name.value.decode()}, compute {major.value}.{minor.value} (cuda{device})")
    return tuple(found)


def nvidia_on_the_bus() -> bool:
    """Whether the PCI bus shows an NVIDIA display controller."""
    for device in Path("/sys/bus/pci/devices").glob("*"):
        try:
            vendor, kind = (device / "vendor").read_text(), (device / "class").read_text()
        except OSError:
            continue
        if vendor.startswith(NVIDIA) and kind.startswith(DISPLAY):
            return True
    return False


def driver() -> str:
    """Return the driver's version and the CUDA version that it serves, or nothing."""
    cuda = load("libcuda.so") or load("libcuda.so.1")
    version = ctypes.c_int()
    if cuda is None or cuda.cuDriverGetVersion(ctypes.byref(version)) != 0:
        return ""
    serves = f"serves CUDA {version.value // 1000}.{version.value % 1000 // 10}"
    try:
        match = re.search(r"\b\d{3,}\.\d+(\.\d+)?\b", Path("/proc/driver/nvidia/version").read_text())
    except OSError:
        match = None
    return f"{match[0]}, {serves}" if match else serves


def nvrtc() -> str:
    """Return NVRTC's version, or nothing."""
    library, major, minor = load("libnvrtc.so"), ctypes.c_int(), ctypes.c_int()
    if library is None or library.nvrtcVersion(ctypes.byref(major), ctypes.byref(minor)) != 0:
        return ""
    return f"{major.value}.{minor.value}"


def cublas() -> str:
    """Return cuBLAS's version, or nothing."""
    library, parts = load("libcublas.so"), []
    for which in range(3):  # libraryPropertyType: major, minor, patch
        part = ctypes.c_int()
        if library is None or library.cublasGetProperty(which, ctypes.byref(part)) != 0:
            return ""
        parts.append(str(part.value))
    return ".".join(parts)
