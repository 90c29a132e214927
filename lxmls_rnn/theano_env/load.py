"""The import of Theano, and of the parts of it that are mended: with our settings, and on the device asked for."""

import logging
import os
import shlex
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType

from lxmls_rnn.device import problem, variable
from lxmls_rnn.theano_env import blas, compiler, flags, lock, mends, opencl
from lxmls_rnn.theano_env.flags import is_gpu, settings


@contextmanager
def _flags_set() -> Iterator[None]:
    """Set THEANO_FLAGS, and PATH, while Theano reads them.

    Child processes get the user's own values: what suits this process's device may not suit theirs.
    """
    names = ("THEANO_FLAGS", "PATH")
    before = {name: os.environ.get(name) for name in names}
    defaults = settings()
    cxx = {"cxx": flags.compiler(), **defaults, **flags.rc_flags(), **flags.user_flags()}["cxx"]
    if cxx:
        flags.require_version(cxx)
    ours = "".join(f"{key}={shlex.quote(value) if value else ''}," for key, value in defaults.items())
    # of two values for a flag Theano takes the later
    os.environ["THEANO_FLAGS"] = ours + (before["THEANO_FLAGS"] or "")
    if flags.ZIG.exists():  # without a g++ on PATH Theano runs no C code, whatever `cxx` says
        os.environ["PATH"] = f"{before['PATH'] or os.defpath}{os.pathsep}{flags.ZIG.parent}"
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


class _Reasons(logging.Handler):
    """Keep the errors that Theano's GPU part logs, for a message of our own."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        error: BaseException | None = record.exc_info[1] if record.exc_info else None
        reason = str(error) if error else record.getMessage()
        if error is None:  # Theano could not import pygpu, and does not say why
            try:
                import pygpu  # noqa: F401
            except Exception as why:
                reason = f"pygpu cannot be imported: {why}"
        self.found.append(reason)


def load(module: ModuleType, execute: Callable[[ModuleType], None]) -> None:
    """Run the import of Theano, or of a part of it, for the import hook; errors as `require_device`."""
    if module.__name__ == "theano":
        _load_theano(module, execute)
        return
    execute(module)
    if module.__name__ == "theano.gof.cmodule":
        compiler.mend_compiler(module)
    else:
        lock.mend(module)


def _forget_parts() -> None:
    """Let the next ``import theano`` start afresh: parts that were imported have settings that cannot change."""
    for name in [name for name in sys.modules if name.startswith("theano.")]:
        del sys.modules[name]


def _load_theano(module: ModuleType, execute: Callable[[ModuleType], None]) -> None:
    _forget_parts()  # of an import without the hook, which failed
    if sys.version_info >= (3, 11):
        # Its generated C file does not compile here; without it scan takes its Python loop, as fast.
        sys.modules["theano.scan_module.scan_perform_ext"] = None  # type: ignore[assignment]
    for category in (DeprecationWarning, FutureWarning, ResourceWarning, SyntaxWarning):
        warnings.filterwarnings("ignore", category=category, module=r"(.*/)?theano[./]")
    warnings.filterwarnings("ignore", "DeprecationWarning: there is no c", module=r"theano\.")  # ours says more
    logger, reasons = logging.getLogger("theano.gpuarray"), _Reasons()
    logger.addHandler(reasons)
    logger.propagate = False
    try:
        with _flags_set():
            execute(module)
        blas.load(module.config.blas.ldflags)
        mends.mend()
        require_device(module.config.device, reasons.found)
        if module.config.device.startswith("opencl"):
            opencl.refuse_scan(module.config.device)
    except BaseException:
        _forget_parts()
        raise
    finally:
        logger.removeHandler(reasons)
        logger.propagate = True


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
