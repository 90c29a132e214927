"""Problems that keep Theano from using a device, each with a remedy."""

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from lxmls_rnn import paths
from lxmls_rnn.device import libraries
from lxmls_rnn.device.libraries import dotted

CUDA_ERRORS = {
    34: "the driver's library is a stub",
    100: "the driver sees no GPU",
    802: "the fabric manager, which connects the GPUs of this machine, is not running",
    803: "the driver and its library differ in version",
    804: "the GPU does not take a library newer than its driver",
}
MIG = (
    "A process sees only one MIG device, a part of a GPU: CUDA_VISIBLE_DEVICES=MIG-... chooses it by its UUID, which"
    " `nvidia-smi -L` lists"
)
DETAILS = "`lxmls-rnn doctor` shows details"
# Errors of a test kernel: the driver's name, what it means and a remedy.
KERNEL_ERRORS = {
    "CUDA_ERROR_DEVICE_UNAVAILABLE": (
        "another process has the GPU for itself (compute mode EXCLUSIVE_PROCESS)",
        "wait for its end, or allow several processes with `sudo nvidia-smi -c DEFAULT` on the machine itself",
    ),
    "CUDA_ERROR_JIT_COMPILER_NOT_FOUND": (
        "the driver's compiler for kernels, libnvidia-ptxjitcompiler.so.1, is missing",
        "install all libraries of the driver; a container gets them with NVIDIA_DRIVER_CAPABILITIES=compute,utility",
    ),
}

# Texts for users. A distributor of the library can replace them with a JSON file that LXMLS_ADVICE names.
ADVICE = {
    "variable": "LXMLS_DEVICE",
    "no driver": "this machine has no NVIDIA driver; if it has a GPU, install the driver (for WSL, on Windows)",
    "a card without driver": "there is an NVIDIA card but no driver; install NVIDIA's driver and restart",
    "no GPU": "see whether `nvidia-smi` works on the machine itself",
    "no fabric manager": "`sudo systemctl start nvidia-fabricmanager` on the machine itself",
    "no unified memory": "`sudo modprobe nvidia-uvm` on the machine itself; for a container also"
    " `sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml`, then restart the container",
    "to use a GPU": "To use a GPU: an NVIDIA card and its driver. The Docker image brings NVRTC, cuBLAS and pygpu;"
    " outside Docker, `make pygpu` builds pygpu, see docs/gpu.md.",
    "no toolkit": "use the Docker image",
    "older toolkit": "install an older CUDA toolkit",
    # what installs a framework, by its group, in which there is the package of this name
    "framework": "`make setup WITH={}`" if paths.in_checkout() else "`pip install {}`",
    "no pygpu": "build it with `make pygpu SOURCE=...`, see docs/gpu.md; on Debian 12 and Ubuntu 22.04 you can install"
    " python3-pygpu instead",
}


@dataclass(frozen=True)
class Finding:
    """A finding about a part of this machine or of the installation; a line of the doctor's screen."""

    name: str  # the part: GPU, libcuda.so, NVRTC, BLAS, C++ compiler, ...
    value: str  # what is there, or why it cannot be used
    ok: bool | None = True  # False: a fault; None: missing, but not needed here
    packages: tuple[str, ...] = ()  # Debian and Ubuntu packages that contain what is missing
    remedy: str = ""  # what to do


def advice(about: str) -> str:
    """Return the advice for a problem, as text for users; `about` is a key of `ADVICE`."""
    file = os.environ.get("LXMLS_ADVICE")
    return (json.loads(Path(file).read_text(encoding="utf-8")) if file else ADVICE)[about]


def variable() -> str:
    """Return the name of the environment variable with which a user chooses the device."""
    return advice("variable")


class GpuLost(RuntimeError):
    """The GPU of this process has stopped working: the card failed, or the driver or the container lost it.

    `name` is the driver's name of the error, such as CUDA_ERROR_UNKNOWN; `detail` is a sentence about what was running.
    """

    def __init__(self, name: str, detail: str = "") -> None:
        self.name = name
        restart = "restart this program, or the notebook's kernel"
        remedy = f"{restart}; if the GPU is still missing then, {advice('no GPU')}"
        super().__init__(f"the GPU has stopped working ({name}): {remedy}. {detail}".strip())


def index(device: str) -> int:
    """Return the number of a CUDA device, 1 for "cuda1", 0 for "cuda"; RuntimeError for another name."""
    if not is_cuda(device):
        finding = unknown(device)
        raise RuntimeError(f"{finding.value}: {finding.remedy}")
    return int(device.removeprefix("cuda") or 0)


def is_cuda(device: str) -> bool:
    """Whether a name is that of an NVIDIA GPU: "cuda", "cuda0", "cuda1", ..."""
    return device == "cuda" or (device.startswith("cuda") and device.removeprefix("cuda").isdecimal())


def problem(device: str) -> Finding | None:
    """Return the first problem of `problems_of`, or None."""
    return next(problems_of(device), None)


def problems_of(device: str) -> Iterator[Finding]:
    """Yield the problems that keep Theano from a device: "cpu", "cuda", "cuda1".

    The device itself is not used. The problems come in the order in which to solve them. Without a driver or GPU, only
    that problem is reported, because the later checks need them.
    """
    if device == "cpu":
        return
    if finding := _driver_problem(index(device)) if is_cuda(device) else unknown(device):
        yield finding
        return
    if libraries.load_as_libgpuarray("libcuda.so") is None:
        why = "libgpuarray looks for libcuda.so and finds libcuda.so.1 only"
        yield Finding("libcuda.so", why, False, remedy="link one to the other")
    if finding := _toolkit_problem(index(device)):
        yield finding
    try:
        libraries.import_pygpu()
    except Exception as error:
        # the distributions have pygpu for these versions of Python only
        packages = ("python3-pygpu", "libgpuarray-dev") if sys.version_info < (3, 12) else ()
        why = f"pygpu cannot be loaded ({type(error).__name__}: {error})"
        if isinstance(error, ModuleNotFoundError) and error.name == "pygpu":
            why = f"pygpu, which Theano needs for a GPU, is not installed for Python {dotted(sys.version_info[:2])}"
        yield Finding("pygpu", why, False, packages, advice("no pygpu"))
    if fault := os.environ.get("LXMLS_GPU_FAULT"):  # the container's start has found it: no process tries again
        yield Finding("kernel", fault, False, remedy=DETAILS)


def unknown(device: str) -> Finding:
    """Return the problem that `device` is not the name of a device."""
    remedy = f"set {variable()} to auto, cpu, cuda or a numbered GPU, such as cuda1"
    return Finding("GPU", f"{device} is not the name of a device", False, remedy=remedy)


def visible() -> str:
    """Return the value of CUDA_VISIBLE_DEVICES, as the end of a sentence about what is seen; empty if it is unset."""
    value = os.environ.get("CUDA_VISIBLE_DEVICES")
    return "" if value is None else f" with CUDA_VISIBLE_DEVICES={value}"


def _driver_problem(index: int) -> Finding | None:
    """Return the problem if the driver does not show GPU number `index`."""
    library = libraries.cuda()
    if library is None and libraries.has_wsl_driver():
        why = f"the driver is in {libraries.WSL}, where the linker does not look"
        return Finding("GPU", why, False, remedy=f"set LD_LIBRARY_PATH={libraries.WSL}")
    if library is None:
        known = "a card without driver" if libraries.has_nvidia_card() else "no driver"
        why, remedy = advice(known).split("; ")
        return Finding("GPU", why, False, remedy=remedy)
    status = library.cuInit(0)
    if status == 0 and not libraries.cards():
        status = 100
    if status == 100 and visible():
        remedy = "remove that variable, or name a GPU or MIG device in it that `nvidia-smi -L` lists"
        why = f"the driver sees no GPU{visible()} (CUDA error 100)"
        return Finding("GPU", why, False, remedy=remedy)
    if status != 0:
        why, known = CUDA_ERRORS.get(status, "the driver does not start"), "no GPU"
        if status == 802:
            known = "no fabric manager"
        elif status == 999 and (fault := libraries.unified_memory_fault()):
            why, known = fault, "no unified memory"
        return Finding("GPU", f"{why} (CUDA error {status})", False, remedy=advice(known))
    count = len(libraries.cards())
    if index >= count:
        names = "cuda0" if count == 1 else f"cuda0 to cuda{count - 1}"
        is_part = " MIG " in libraries.cards()[0][0]
        remedy = f"the driver shows {names}{visible()}" + f". {MIG}" * is_part
        return Finding("GPU", f"cuda{index} does not exist", False, remedy=remedy)
    return None


def _toolkit_problem(index: int) -> Finding | None:
    """Return the problem if NVRTC or cuBLAS is missing, or does not support GPU number `index` or its driver."""
    version, supported = libraries.nvrtc_version(), libraries.driver_cuda_version()
    missing = [name for name, found in (("NVRTC", version), ("cuBLAS", libraries.cublas_version())) if not found]
    if version is None or missing:
        return Finding(missing[0], f"there is no {' and no '.join(missing)}", False, remedy=advice("no toolkit"))
    if supported and supported < version:
        why = f"the driver supports CUDA {dotted(supported)}, older than the CUDA {dotted(version)} here"
        return Finding("NVRTC", why, False, remedy=f"update the driver, or {advice('older toolkit')}")
    (name, capability), oldest = libraries.cards()[index], libraries.nvrtc_min_capability()
    if oldest and capability < oldest:
        why = f"{name} has compute capability {dotted(capability)}, and CUDA {dotted(version)} supports"
        return Finding("NVRTC", f"{why} {dotted(oldest)} and newer", False, remedy=advice("older toolkit"))
    return None


def kernel_problem(device: str) -> Finding | None:
    """Compile a kernel for `device` and run it through pygpu; return the problem, or None."""
    try:
        numpy, pygpu = import_module("numpy"), libraries.import_pygpu()
        elemwise = import_module("pygpu.elemwise").elemwise2
        context = pygpu.init(device if device != "cuda" else "cuda0")
        ones = pygpu.array(numpy.ones(3, "float32"), context=context)
        total = elemwise(ones, "+", ones, ones)
        result = numpy.asarray(total)
        total.sync()  # the distributions' pygpu may copy late, see theano_runtime/contexts.py
    except Exception as error:
        text = error.args[0] if error.args and isinstance(error.args[0], str | bytes) else str(error)
        if isinstance(text, bytes):
            text = text.decode(errors="replace")
        first = text.strip().splitlines()[0] if text.strip() else type(error).__name__
        known = (explained for name, explained in KERNEL_ERRORS.items() if name in text)
        why, remedy = next(known, (f"a test kernel failed on it ({first})", DETAILS))
        return Finding("kernel", why, False, remedy=remedy)
    if result.tolist() != [2, 2, 2]:
        why = f"1 + 1 gave {result.tolist()} on it"
        return Finding("kernel", why, False, remedy="the device or its driver is broken")
    return None


def gpu_parts() -> Iterator[Finding]:
    """Yield each part that Theano needs for a GPU, with the remedy of its problem.

    On a machine without a GPU the missing parts are no faults, and one line says how to get all of them.
    """
    cards, problems = libraries.cards(), {problem.name: problem for problem in problems_of("cuda")}
    for number, (name, capability) in enumerate(cards):
        yield Finding("GPU", f"{name}, compute {dotted(capability)} (cuda{number})")
    if not cards:
        finding, is_fault = problems.pop("GPU"), libraries.has_nvidia_card()
        remedy = f"GPU: {finding.remedy}." if is_fault else advice("to use a GPU")
        yield Finding("GPU", f"none: {finding.value}", False if is_fault else None, remedy=remedy)

    def part(name: str, value: str, missing: str) -> Finding:
        ok = bool(value) or (False if cards else None)
        if (finding := problems.get(name)) is None:
            return Finding(name, value or missing, ok)
        return Finding(name, value or missing, False, finding.packages, f"{name}: {finding.value}; {finding.remedy}.")

    yield part("NVIDIA driver", libraries.driver(), "none")
    if "libcuda.so" in problems:
        yield part("libcuda.so", "", "not under this name")
    for name, version in (("NVRTC", libraries.nvrtc_version()), ("cuBLAS", libraries.cublas_version())):
        library = f"lib{name.lower()}.so"
        yield part(name, f"{dotted(version)}, {library}" if version else "", f"no {library}")
    try:
        pygpu = libraries.import_pygpu()
        yield part("pygpu", f"{pygpu.__version__}, libgpuarray API {pygpu.gpuarray.api_version()[0]}", "")
    except Exception as error:
        yield part("pygpu", "", f"{type(error).__name__}: {error}")
