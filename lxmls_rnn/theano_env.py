"""The one door to Theano: settings before its import, mends and a check of the device after.

Importing this module does not import Theano. It sees to it that the next ``import theano``, here or in a
student's notebook, finds what it needs:

- a BLAS to link with, a compile cache that survives the process, flags for this processor, a device;
- what the user has set, untouched: THEANO_FLAGS come first, then LXMLS_DEVICE and LXMLS_FLOATX, then
  ``.theanorc`` (or the files of THEANORC), then the defaults here;
- a ``RuntimeError`` where a GPU was asked for and Theano would silently go on without it.

``python -m lxmls_rnn.theano_env --install`` makes a plain ``import theano`` do so in the running Python's
environment, ``lxmls_rnn`` imported or not.
"""

import logging
import os
import shlex
import sys
import sysconfig
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from lxmls_rnn import _theano_hook, _theano_lock, _theano_mends, _theano_opencl
from lxmls_rnn._theano_flags import is_gpu, settings
from lxmls_rnn.device import problem, variable

PTH_NAME = "lxmls_rnn_theano.pth"
# One line, because Python runs a .pth file line by line; and nothing it does may stop the interpreter.
PTH_LINE = (
    'import sys; exec("try:\\n from lxmls_rnn import _theano_hook; _theano_hook.install()\\nexcept Exception: pass")\n'
)


@dataclass(frozen=True)
class Report:
    """What Theano really uses.

    Attributes
    ----------
    theano_version : str
    device_asked, device_used : str
        "cpu", "cuda0", ...; the second one proved by a shared variable.
    floatX : str
        "float32" or "float64".
    blas_ldflags : str
        What C code is linked with for BLAS; empty: NumPy's functions are called instead.
    cxx : str
        The C++ compiler; empty: none.
    compiledir : str
        The folder of the compile cache.
    c_code : bool
        Whether graphs run as compiled C; if not, each Op runs in Python.
    """

    theano_version: str
    device_asked: str
    device_used: str
    floatX: str
    blas_ldflags: str
    cxx: str
    compiledir: str
    c_code: bool


@contextmanager
def _flags_set() -> Iterator[None]:
    """Set THEANO_FLAGS while Theano reads them.

    Child processes get the user's own value: what suits this process's device may not suit theirs.
    """
    before = os.environ.get("THEANO_FLAGS")
    ours = "".join(f"{key}={shlex.quote(value) if value else ''}," for key, value in settings().items())
    os.environ["THEANO_FLAGS"] = ours + (before or "")  # of two values for a flag Theano takes the later
    try:
        yield
    finally:
        if before is None:
            del os.environ["THEANO_FLAGS"]
        else:
            os.environ["THEANO_FLAGS"] = before


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
    """Run the import of Theano, or of a part of it, for the import hook.

    Raises
    ------
    RuntimeError
        If a GPU was asked for and is not the device that Theano uses.
    """
    if module.__name__ == "theano":
        _load_theano(module, execute)
        return
    execute(module)
    _theano_lock.mend(module)


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
        _theano_mends.mend()
        require_device(module.config.device, reasons.found)
        if module.config.device.startswith("opencl"):
            _theano_opencl.refuse_scan(module.config.device)
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
    """Stop if Theano does not use `device`.

    Parameters
    ----------
    device : str
        "cpu", "cuda0", ...
    reasons : list of str, optional
        What Theano said went wrong.

    Raises
    ------
    RuntimeError
        If another device is used.
    """
    used = device_used()
    if used != device:
        why = f" ({reasons[-1].splitlines()[0]})" if reasons else ""
        hint = f"set {variable()}=cpu to work without it" if is_gpu(device) else f"set {variable()}={device}"
        found = problem(device)
        if found is not None:
            why, hint = f", because {found.why}", f"{found.remedy}; {hint}"
        raise RuntimeError(f"Theano was to use the device {device} but uses {used}{why}: {hint}")


def report() -> Report:
    """Import Theano and tell what it really uses."""
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


def write_pth(folder: Path | None = None) -> Path:
    """Make every Python of this environment prepare ``import theano``; return the file written.

    Parameters
    ----------
    folder : Path, optional
        Default: the running interpreter's ``site-packages``.
    """
    folder = folder or Path(sysconfig.get_paths()["purelib"])
    with tempfile.NamedTemporaryFile("w", dir=folder, prefix=".", suffix=".tmp", delete=False) as file:
        file.write(PTH_LINE)
    os.chmod(file.name, 0o644)
    os.replace(file.name, folder / PTH_NAME)
    return folder / PTH_NAME


_theano_hook.install()

if __name__ == "__main__":
    if sys.argv[1:] != ["--install"]:
        sys.exit("usage: python -m lxmls_rnn.theano_env --install")
    print(f"wrote {write_pth()}")
