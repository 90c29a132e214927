"""Findings about the GPU: versions of the libraries that libgpuarray loads, and problems of the device."""

from collections.abc import Iterator

from lxmls_rnn import device
from lxmls_rnn.device import Finding, libraries
from lxmls_rnn.device.libraries import dotted


def findings() -> Iterator[Finding]:
    """Yield the findings about the GPU and what Theano needs to use it; faults and remedies are from `device`.

    On a machine without a GPU the missing parts are no faults, and one line says how to get all of them.
    """
    found, problems = cards(), list(device.problems_of("cuda"))
    if not found:
        is_fault = libraries.has_nvidia_card()
        remedy = f"GPU: {problems[0].remedy}." if is_fault else device.advice("to use a GPU")
        yield Finding("GPU", f"none: {problems[0].value}", False if is_fault else None, remedy=remedy)
    for card in found:
        yield Finding("GPU", card)

    def part(name: str, value: str, is_there: bool) -> Finding:
        problem = next((problem for problem in problems if found and problem.name == name), None)
        ok = (is_there and problem is None) or (False if found else None)
        packages, remedy = (problem.packages, f"{name}: {problem.value}; {problem.remedy}.") if problem else ((), "")
        return Finding(name, value, ok, packages, remedy)

    yield part("NVIDIA driver", driver() or "none", bool(driver()))
    if any(problem.name == "libcuda.so" for problem in problems):
        yield part("libcuda.so", "not under this name", False)
    for name, version in (("NVRTC", libraries.nvrtc_version()), ("cuBLAS", libraries.cublas_version())):
        library = f"lib{name.lower()}.so"
        yield part(name, f"{dotted(version)}, {library}" if version else f"no {library}", bool(version))
    try:
        pygpu = libraries.import_pygpu()
        yield part("pygpu", f"{pygpu.__version__}, libgpuarray API {pygpu.gpuarray.api_version()[0]}", True)
    except Exception as error:
        yield part("pygpu", f"{type(error).__name__}: {error}", False)


def cards() -> tuple[str, ...]:
    """Return name and compute capability of each GPU that the driver shows."""
    return tuple(
        f"{name}, compute {major}.{minor} (cuda{number})"
        for number, (name, (major, minor)) in enumerate(libraries.cards())
    )


def driver() -> str:
    """Return the driver's version and the newest CUDA version that it supports; an empty text without a driver."""
    supported, version = dotted(libraries.driver_cuda_version()), libraries.driver_version()
    return f"{version}, supports CUDA {supported}".removeprefix(", ") if supported else ""
