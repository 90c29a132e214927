"""The settings that Theano really uses, and a check that its device is the requested one."""

from dataclasses import dataclass

from lxmls_rnn.device import problem, variable
from lxmls_rnn.device.problems import is_cuda


@dataclass(frozen=True)
class Report:
    """The settings that Theano really uses."""

    device_used: str  # the device of a new shared variable: "cpu", "cuda0", ...
    floatX: str  # "float32" or "float64"
    blas_ldflags: str  # linker flags for BLAS; if empty, C code calls NumPy's functions
    cxx: str  # the C++ compiler; empty if there is none
    compiledir: str  # the folder of the compile cache


def report() -> Report:
    """Import Theano and return the settings that it really uses."""
    from theano import config

    return Report(
        device_used=device_used(),
        floatX=config.floatX,
        blas_ldflags=config.blas.ldflags,
        cxx=config.cxx,
        compiledir=config.compiledir,
    )


def device_used() -> str:
    """Return the device on which a new shared variable is stored."""
    import numpy
    import theano

    variable = theano.shared(numpy.zeros(1, dtype="float32"))
    return str(theano.config.device) if type(variable).__name__.startswith("GpuArray") else "cpu"


def require_device(device: str, reasons: list[str]) -> None:
    """Raise RuntimeError unless Theano uses the device, "cpu", "cuda0", ...; `reasons` are the errors it logged."""
    used = device_used()
    if used != device:
        why = f" ({reasons[-1].splitlines()[0]})" if reasons else ""
        hint = f"set {variable()}=cpu to work without it" if is_cuda(device) else f"set {variable()}={device}"
        found = problem(device)
        if found is not None:
            why, hint = f", because {found.value}", f"{found.remedy}; {hint}"
        raise RuntimeError(f"Theano should use the device {device} but uses {used}{why}: {hint}")
