"""Report of the settings that Theano really uses, and an error if its device is not the requested one."""

from dataclasses import dataclass

from lxmls_rnn.device import problem, variable
from lxmls_rnn.theano_env.flags import is_gpu


@dataclass(frozen=True)
class Report:
    """The settings that Theano really uses."""

    theano_version: str
    device_asked: str  # "cpu", "cuda0", ...
    device_used: str  # the same, proved by a shared variable
    floatX: str  # "float32" or "float64"
    blas_ldflags: str  # what C code is linked with for BLAS; empty: NumPy's functions are called instead
    cxx: str  # the C++ compiler; empty: none
    compiledir: str  # the folder of the compile cache
    c_code: bool  # whether graphs run as compiled C; if not, each Op runs in Python


def report() -> Report:
    """Import Theano and return the settings that it really uses."""
    import theano
    from theano.compile.mode import get_default_mode

    config = theano.config
    linker = get_default_mode().linker
    return Report(
        theano_version=theano.__version__,
        device_asked=config.device,
        device_used=device_used(),
        floatX=config.floatX,
        blas_ldflags=config.blas.ldflags,
        cxx=config.cxx,
        compiledir=config.compiledir,
        c_code=bool(config.cxx) and getattr(linker, "c_thunks", True),
    )


def device_used() -> str:
    """Return the device that a new shared variable really lives on."""
    import numpy
    import theano

    variable = theano.shared(numpy.zeros(1, dtype="float32"))
    return str(theano.config.device) if type(variable).__name__.startswith("GpuArray") else "cpu"


def require_device(device: str, reasons: list[str] | None = None) -> None:
    """Raise RuntimeError unless Theano uses the device, "cpu", "cuda0", ...; `reasons` are what it said went wrong."""
    used = device_used()
    if used != device:
        why = f" ({reasons[-1].splitlines()[0]})" if reasons else ""
        hint = f"set {variable()}=cpu to work without it" if is_gpu(device) else f"set {variable()}={device}"
        found = problem(device)
        if found is not None:
            why, hint = f", because {found.why}", f"{found.remedy}; {hint}"
        raise RuntimeError(f"Theano was to use the device {device} but uses {used}{why}: {hint}")
