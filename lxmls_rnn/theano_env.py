"""The one door to Theano: settings before its import, mends and a check of the device after.

Importing this module does not import Theano. It sees to it that the next ``import theano``, here or in a
student's notebook, finds what it needs:

- a BLAS to link with, a compile cache that survives the process, flags for this processor, a device;
- nothing that the user has set: THEANO_FLAGS come first, then LXMLS_DEVICE and LXMLS_FLOATX, then
  ``.theanorc`` (or the files of THEANORC), then the defaults here;
- a ``RuntimeError`` where a GPU was asked for and Theano would silently go on without it.

``python -m lxmls_rnn.theano_env --install`` makes a plain ``import theano`` do so in the running Python's
environment, ``lxmls_rnn`` imported or not.
"""

import configparser
import importlib.util
import logging
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from lxmls_rnn import _theano_hook

PTH_NAME = "lxmls_rnn_theano.pth"
# One line, because Python runs a .pth file line by line; and nothing it does may stop the interpreter.
PTH_LINE = (
    'import sys; exec("try:\\n from lxmls_rnn import _theano_hook; _theano_hook.install()\\n'
    'except Exception: pass")\n'
)

TEN_YEARS = 10 * 365 * 24 * 3600
# No host or kernel name in it, so that a cache baked into an image serves every host.
COMPILEDIR_FORMAT = "py%(python_version)s-np%(numpy_version)s-th%(theano_version)s-gxx%(gxx_version)s"
# What the x86-64 psABI asks of level v3, as Linux spells it (abm is lzcnt).
X86_64_V3 = {"avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"}


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


def is_gpu(device: str) -> bool:
    """Whether `device` names a GPU as Theano spells them: cuda, cuda0, opencl0:0, ..."""
    return device.startswith(("cuda", "opencl"))


def user_flags(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Read THEANO_FLAGS as Theano does."""
    splitter = shlex.shlex(environ.get("THEANO_FLAGS", ""), posix=True)
    splitter.whitespace = ","
    splitter.whitespace_split = True
    pairs = (part.strip().partition("=") for part in splitter)
    return {key: value for key, equals, value in pairs if equals}


def rc_flags(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Read the user's Theano files, as ``section.option`` (or ``option`` for the section ``global``)."""
    paths = environ.get("THEANORC", "~/.theanorc").split(os.pathsep)
    rc = configparser.RawConfigParser()
    rc.read([os.path.expanduser(path) for path in paths])
    return {
        option if section == "global" else f"{section}.{option}": value
        for section in rc.sections()
        for option, value in rc.items(section)
    }


def settings(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Find the settings that Theano is to be given besides what the user has set.

    Returns
    -------
    dict of str to str
        Theano flags. None of them is set in THEANO_FLAGS; those that are set in ``.theanorc`` too (device and
        floatX) come from LXMLS_DEVICE and LXMLS_FLOATX.

    Raises
    ------
    RuntimeError
        If LXMLS_DEVICE and THEANO_FLAGS ask for different devices.
    """
    flags, rc = user_flags(environ), rc_flags(environ)
    asked = {}
    if environ.get("LXMLS_DEVICE"):
        asked["device"] = environ["LXMLS_DEVICE"]
    if environ.get("LXMLS_FLOATX"):
        asked["floatX"] = environ["LXMLS_FLOATX"]
    if "device" in asked and flags.get("device", asked["device"]) != asked["device"]:
        raise RuntimeError(
            f"LXMLS_DEVICE asks for {asked['device']} but THEANO_FLAGS for {flags['device']}: unset one"
        )
    user = {**rc, **{key.lower(): value for key, value in (asked | flags).items()}}

    defaults = {"device": "cpu"}
    gpu = is_gpu(user.get("device", "cpu"))
    defaults["floatX"] = "float32" if gpu else "float64"
    if gpu:
        defaults["dnn.enabled"] = "False"  # Theano 1.0.5 knows cuDNN up to 7 only
    cxx = user.get("cxx", shutil.which("g++", path=environ.get("PATH")) or "")
    if cxx and not _python_headers().exists():
        _warn(f"{_python_headers()} is missing, so Theano cannot compile C code and runs slowly, in Python")
        defaults["cxx"] = cxx = ""
    elif not cxx and "cxx" not in user:
        _warn("there is no C++ compiler (g++), so Theano cannot compile C code and runs slowly, in Python")
        defaults["cxx"] = ""
    defaults["compiledir_format"] = COMPILEDIR_FORMAT
    if cxx and _serves_v3(cxx):
        # -march=native, Theano's default, makes a cache that other processors cannot use.
        defaults["gcc.cxxflags"] = "-march=x86-64-v3"
        defaults["compiledir_format"] += "-v3"
    defaults["blas.ldflags"] = "-lopenblas" if cxx and _finds_openblas(cxx) else ""
    defaults["cmodule.age_thresh_use"] = str(TEN_YEARS)
    if not {"base_compiledir", "compiledir"} & user.keys():
        defaults["base_compiledir"] = str(_cache_folder(environ))
    return {key: value for key, value in defaults.items() if key.lower() not in user} | {
        key: value for key, value in asked.items() if key not in flags
    }


def _warn(message: str) -> None:
    warnings.warn(message + "; `lxmls-rnn doctor` tells what to install", RuntimeWarning, stacklevel=2)


def _python_headers() -> Path:
    return Path(sysconfig.get_paths()["include"], "Python.h")


def _ask(cxx: str, option: str) -> str:
    """Return what the compiler answers to `option`, or nothing."""
    try:
        return subprocess.run([*shlex.split(cxx), option], capture_output=True, text=True).stdout.strip()
    except OSError:
        return ""


def _finds_openblas(cxx: str) -> bool:
    # Where it finds the file the compiler prints the whole path, else the name as it got it.
    return os.path.isabs(_ask(cxx, "-print-file-name=libopenblas.so"))


def _serves_v3(cxx: str) -> bool:
    """Whether the compiler knows x86-64-v3 and the processor is one."""
    major = _ask(cxx, "-dumpversion").partition(".")[0]
    if not major.isdigit() or int(major) < 11:
        return False
    try:
        with open("/proc/cpuinfo") as lines:
            flags = next((line for line in lines if line.startswith("flags")), "")
    except OSError:
        return False
    return X86_64_V3.issubset(flags.split())


def _cache_folder(environ: Mapping[str, str]) -> Path:
    """Return a folder for compiled code that this user can write, and nobody else."""
    base = environ.get("XDG_CACHE_HOME", "")
    root = Path(base) if os.path.isabs(base) else Path("~/.cache").expanduser()
    wanted = root / "lxmls-rnn" / "theano"
    try:
        wanted.mkdir(parents=True, exist_ok=True)
        if os.access(wanted, os.R_OK | os.W_OK | os.X_OK):
            return wanted
    except OSError:
        pass
    other = Path(tempfile.gettempdir(), f"lxmls-rnn-{os.getuid()}")
    try:
        other.mkdir(mode=0o700, exist_ok=True)
        safe = other.stat().st_uid == os.getuid() and not other.is_symlink()
    except OSError:
        safe = False
    if not safe:  # someone else's: code from there is not to be run
        other = Path(tempfile.mkdtemp(prefix="lxmls-rnn-"))
    warnings.warn(f"{wanted} cannot be written: compiled code goes to {other}", RuntimeWarning, stacklevel=2)
    return other


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
        error = record.exc_info[1] if record.exc_info else None
        self.found.append(str(error) if error else record.getMessage())


def load(module: ModuleType, execute: Callable[[ModuleType], None]) -> None:
    """Run the import of Theano, or of a part of it, for the import hook.

    Raises
    ------
    RuntimeError
        If a GPU was asked for and is not the device that Theano uses.
    """
    if module.__name__ == "theano":
        _load_theano(module, execute)
    else:
        _load_linalg(module, execute)


def _load_theano(module: ModuleType, execute: Callable[[ModuleType], None]) -> None:
    if sys.version_info >= (3, 11):
        # Its generated C file does not compile here; without it scan takes its Python loop, as fast.
        sys.modules["theano.scan_module.scan_perform_ext"] = None  # type: ignore[assignment]
    for category in (DeprecationWarning, FutureWarning, ResourceWarning):
        warnings.filterwarnings("ignore", category=category, module=r"(.*/)?theano[./]")
    logger, reasons = logging.getLogger("theano.gpuarray"), _Reasons()
    logger.addHandler(reasons)
    logger.propagate = False
    try:
        with _flags_set():
            execute(module)
        from lxmls_rnn import _theano_mends

        _theano_mends.mend()
        require_device(module.config.device, reasons.found)
    except BaseException:
        # Without its parts a second `import theano`, with other settings, starts afresh.
        for name in [name for name in sys.modules if name.startswith("theano.")]:
            del sys.modules[name]
        raise
    finally:
        logger.removeHandler(reasons)
        logger.propagate = True


def _load_linalg(module: ModuleType, execute: Callable[[ModuleType], None]) -> None:
    """Import ``theano.gpuarray.linalg``, which scan does too.

    It needs one exception class of ``pkg_resources``, which newer versions of setuptools have no more.
    """
    if importlib.util.find_spec("pkg_resources") is not None:
        return execute(module)
    stand_in = ModuleType("pkg_resources")
    stand_in.DistributionNotFound = ImportError  # type: ignore[attr-defined]
    sys.modules["pkg_resources"] = stand_in
    try:
        execute(module)
    finally:
        del sys.modules["pkg_resources"]


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
        hint = "set LXMLS_DEVICE=cpu to work without it" if is_gpu(device) else f"set LXMLS_DEVICE={device}"
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
