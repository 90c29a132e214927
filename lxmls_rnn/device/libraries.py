"""Queries to the NVIDIA driver and the libraries that libgpuarray loads, through ctypes."""

# The libraries are loaded under the names that libgpuarray uses.

import ctypes
import os
import re
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

COMPUTE_MODE, COMPUTE_CAPABILITY_MAJOR, COMPUTE_CAPABILITY_MINOR = 20, 75, 76  # CUdevice_attribute, cuda.h
NVIDIA, DISPLAY = "0x10de", "0x03"  # PCI vendor and class
WSL = "/usr/lib/wsl/lib"  # where WSL 2 has the libraries of the driver for Windows


def load_library(name: str) -> ctypes.CDLL | None:
    """Load a shared library; return None if that fails."""
    try:
        return ctypes.CDLL(name)
    except OSError:
        return None


def import_pygpu() -> ModuleType:
    """Import pygpu, and give NumPy the name ``np.bool`` meanwhile if it lacks it; errors are those of the import.

    Ubuntu 22.04's pygpu uses that name, which NumPy 1.24 to 1.26 do not have.
    """
    numpy: Any = import_module("numpy")
    if "bool" in vars(numpy):
        return import_module("pygpu")
    numpy.bool = numpy.bool_
    try:
        return import_module("pygpu")
    finally:
        del numpy.bool


def has_own_pygpu() -> bool:
    """Whether pygpu is the build of packages/pygpu, which contains libgpuarray; the distributions' does not."""
    spec = find_spec("pygpu")
    return spec is not None and spec.origin is not None and Path(spec.origin).with_name("lib").is_dir()


def load_as_libgpuarray(name: str) -> ctypes.CDLL | None:
    """Load a library by a name that libgpuarray tries: `name`, and in our build also ``name.1``."""
    return load_library(name) or (load_library(f"{name}.1") if has_own_pygpu() else None)


def cuda() -> ctypes.CDLL | None:
    """Load the driver's library; return None if that fails."""
    return load_library("libcuda.so") or load_library("libcuda.so.1")


def _ask(library: ctypes.CDLL | None, function: str, *arguments: int | None) -> tuple[int, ...]:
    """Return the numbers that a library's function writes where an argument is None; none if it is missing or fails."""
    numbers = [ctypes.c_int() for argument in arguments if argument is None]
    places = iter(numbers)
    given = [ctypes.byref(next(places)) if argument is None else argument for argument in arguments]
    done = getattr(library, function, lambda *_: 1)(*given) == 0
    return tuple(number.value for number in numbers) if done else ()


@cache
def cards() -> tuple[tuple[str, tuple[int, int]], ...]:
    """Return name and compute capability (major, minor) of each GPU that the driver shows."""
    library = cuda()
    if library is None or library.cuInit(0) != 0:
        return ()
    named = []
    for device in range(sum(_ask(library, "cuDeviceGetCount", None))):
        name = ctypes.create_string_buffer(100)
        library.cuDeviceGetName(name, len(name), device)
        attributes = (COMPUTE_CAPABILITY_MAJOR, COMPUTE_CAPABILITY_MINOR)
        (major,), (minor,) = (
            _ask(library, "cuDeviceGetAttribute", None, which, device) or (0,) for which in attributes
        )
        named.append((name.value.decode(), (major, minor)))
    return tuple(named)


def allows_several_processes(index: int) -> bool:
    """Whether several processes may use GPU number `index` at once; ``nvidia-smi -c`` can forbid it."""
    return _ask(cuda(), "cuDeviceGetAttribute", None, COMPUTE_MODE, index) == (0,)  # CU_COMPUTEMODE_DEFAULT


def has_wsl_driver() -> bool:
    """Whether this is WSL 2 and Windows has NVIDIA's driver. WSL shows the card neither on the PCI bus nor in /dev."""
    return Path(f"{WSL}/libcuda.so.1").exists()


def has_nvidia_card() -> bool:
    """Whether the PCI bus shows an NVIDIA display controller, or WSL 2 the driver of one."""
    if has_wsl_driver():
        return True
    for device in Path("/sys/bus/pci/devices").glob("*"):
        try:
            vendor, kind = (device / "vendor").read_text(), (device / "class").read_text()
        except OSError:
            continue
        if vendor.startswith(NVIDIA) and kind.startswith(DISPLAY):
            return True
    return False


def unified_memory_fault() -> str:
    """Return why CUDA cannot open /dev/nvidia-uvm, which ``cuInit`` needs; an empty text if no reason is found.

    A container can have this file with a number that is not the kernel module's, or not at all, while nvidia-smi works.
    WSL 2 has /dev/dxg in its place, and a Jetson /dev/nvmap.
    """
    if any(Path(file).exists() for file in ("/dev/dxg", "/dev/nvmap")):
        return ""
    try:
        module = re.search(r"^ *(\d+) nvidia-uvm$", Path("/proc/devices").read_text(), re.MULTILINE)
    except OSError:
        return ""
    if module is None:
        return "the kernel module nvidia-uvm is not loaded"
    try:
        major = os.major(Path("/dev/nvidia-uvm").stat().st_rdev)
    except OSError:
        return "there is no /dev/nvidia-uvm"
    return (
        "" if major == int(module[1]) else f"/dev/nvidia-uvm is device {major}, but the kernel's module is {module[1]}"
    )


def driver_cuda_version() -> tuple[int, int] | None:
    """Return the newest CUDA version that the driver supports."""
    version = _ask(cuda(), "cuDriverGetVersion", None)
    return (version[0] // 1000, version[0] % 1000 // 10) if version else None


def driver_version() -> str:
    """Return the version of the driver; an empty text if unknown."""
    try:
        match = re.search(r"\b\d{3,}\.\d+(\.\d+)?\b", Path("/proc/driver/nvidia/version").read_text())
    except OSError:
        match = None
    return match[0] if match else ""


def driver() -> str:
    """Return the driver's version and the newest CUDA version that it supports; an empty text without a driver."""
    supported = dotted(driver_cuda_version())
    return f"{driver_version()}, supports CUDA {supported}".removeprefix(", ") if supported else ""


def kernel_folder_name(index: int) -> str:
    """Return a folder name for compiled kernels of GPU number `index`.

    The name contains everything that decides whether a kernel runs: driver, compute capability and NVRTC version.
    """
    driver = driver_version() or dotted(driver_cuda_version())
    capability = dotted(cards()[index][1]) if index < len(cards()) else ""
    return f"driver-{driver}-compute-{capability}-nvrtc-{dotted(nvrtc_version())}"


def nvrtc_version() -> tuple[int, ...] | None:
    """Return the version of NVRTC; None if it is missing."""
    return _ask(load_library("libnvrtc.so"), "nvrtcVersion", None, None) or None


def nvrtc_min_capability() -> tuple[int, int] | None:
    """Return the lowest compute capability that NVRTC supports; None if unknown (before CUDA 11.2)."""
    library = load_library("libnvrtc.so")
    count = _ask(library, "nvrtcGetNumSupportedArchs", None)
    archs = (ctypes.c_int * sum(count))()
    if library is None or not archs or library.nvrtcGetSupportedArchs(archs) != 0:
        return None
    return divmod(min(archs), 10)


def cublas_version() -> tuple[int, ...] | None:
    """Return the version of cuBLAS; None if it is missing."""
    library, parts = load_library("libcublas.so"), range(3)  # libraryPropertyType: major, minor, patch
    return tuple(number for part in parts for number in _ask(library, "cublasGetProperty", part, None)) or None


def dotted(version: tuple[int, ...] | None) -> str:
    """Return (12, 9) as "12.9", and None as an empty text."""
    return ".".join(map(str, version or ()))
