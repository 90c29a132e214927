"""Defaults of Theano's flags for this machine; flags that the user has set are kept."""

import configparser
import functools
import os
import re
import shlex
import shutil
import sys
import sysconfig
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path

from lxmls_rnn import device
from lxmls_rnn.device import libraries
from lxmls_rnn.device.problems import index, is_cuda
from lxmls_rnn.theano_env import blas, build, opencl, programs
from lxmls_rnn.theano_env.failures import no_compiler

TEN_YEARS = 10 * 365 * 24 * 3600
# No host or kernel name in it, so that a cache baked into an image serves every host.
COMPILEDIR_FORMAT = "py%(python_version)s-np%(numpy_version)s-th%(theano_version)s-gxx%(gxx_version)s"
# What the x86-64 psABI asks of level v3, as Linux spells it (abm is lzcnt).
X86_64_V3 = {"avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"}
# Zig's C++ compiler, by the name that Theano looks for: `make setup CXX=zig` makes it, and it goes before g++.
ZIG = Path(sys.prefix, "zig", "g++")


def is_gpu(name: str) -> bool:
    """Whether `name` is a GPU's as Theano spells them: cuda, cuda0, opencl0:0, ..."""
    return name.startswith(("cuda", "opencl"))


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
    """Return the flags for Theano in addition to those that the user has set.

    Flags in THEANO_FLAGS are left out. Of the flags in ``.theanorc`` only device and floatX can be included, if
    LXMLS_DEVICE or LXMLS_FLOATX overrides them. RuntimeError if LXMLS_DEVICE and THEANO_FLAGS request different
    devices.
    """
    flags, rc = user_flags(environ), rc_flags(environ)
    asked = {}
    if environ.get("LXMLS_DEVICE") and not (environ["LXMLS_DEVICE"] == "auto" and "device" in flags):
        asked["device"] = device.resolve(environ["LXMLS_DEVICE"])
    if environ.get("LXMLS_FLOATX"):
        asked["floatX"] = environ["LXMLS_FLOATX"]
    if "device" in asked and flags.get("device", asked["device"]) != asked["device"]:
        raise RuntimeError(f"LXMLS_DEVICE asks for {asked['device']} but THEANO_FLAGS for {flags['device']}: unset one")
    user = {**rc, **{key.lower(): value for key, value in (asked | flags).items()}}

    defaults = {"device": "cpu"}
    gpu = is_gpu(user.get("device", "cpu"))
    defaults["floatX"] = "float32" if gpu else "float64"
    if gpu:
        defaults["dnn.enabled"] = "False"  # Theano 1.0.5 knows cuDNN up to 7 only
    if user.get("device", "cpu").startswith("opencl"):
        defaults["optimizer_excluding"] = opencl.LIFTERS
    if ZIG.exists():
        defaults["cxx"] = str(ZIG)
    cxx = user.get("cxx", compiler(environ))
    if cxx and not python_headers().exists():
        _warn(f"{python_headers()} is missing, so Theano cannot compile C code and runs slowly, in Python")
        defaults["cxx"] = cxx = ""
    elif not cxx and "cxx" not in user:
        _warn("there is no C++ compiler (g++), so Theano cannot compile C code and runs slowly, in Python")
        defaults["cxx"] = ""
    # Theano finds compiled code by the versions of its Ops, which do not depend on the edits
    defaults["compiledir_format"] = f"{COMPILEDIR_FORMAT}-{build.stamp()}"
    if cxx and _serves_v3(cxx):
        # -march=native, Theano's default, makes a cache that other processors cannot use.
        defaults["gcc.cxxflags"] = "-march=x86-64-v3"
        defaults["compiledir_format"] += "-v3"
    defaults["blas.ldflags"] = _blas(cxx) if cxx else ""
    defaults["cmodule.age_thresh_use"] = str(TEN_YEARS)
    if not {"base_compiledir", "compiledir"} & user.keys():
        cache = _cache_folder(environ)
        defaults["base_compiledir"] = str(cache)
        if is_cuda(user.get("device", "cpu")):
            defaults["gpuarray.cache_path"] = str(_kernel_folder(user["device"], cache, environ))
    return {key: value for key, value in defaults.items() if key.lower() not in user} | {
        key: value for key, value in asked.items() if key not in flags
    }


def in_effect() -> dict[str, str]:
    """Return all flags that Theano would use, without importing it and without warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {**settings(), **rc_flags(), **user_flags()}


def _warn(message: str) -> None:
    warnings.warn(message + "; `lxmls-rnn doctor` shows what to install", RuntimeWarning, stacklevel=2)


def compiler(environ: Mapping[str, str] = os.environ) -> str:
    """Return the C++ compiler that Theano uses where the user names none; nothing if there is none."""
    return str(ZIG) if ZIG.exists() else shutil.which("g++", path=environ.get("PATH")) or ""


def python_headers() -> Path:
    """Return where the C header of this Python belongs."""
    return Path(sysconfig.get_paths()["include"], "Python.h")


@functools.cache
def ask(cxx: str, option: str) -> str:
    """Return the compiler's output for `option`; an empty text if it cannot be started."""
    try:
        return programs.run([*shlex.split(cxx), option]).output.decode(errors="backslashreplace").strip()
    except OSError:
        return ""


def require_version(cxx: str) -> None:
    """Raise CompileError if the compiler does not tell its version, of which the compile cache's name is made."""
    answer = ask(cxx, "-dumpversion")
    if not re.fullmatch(r"[\w.+-]{1,40}", answer, re.ASCII):
        raise no_compiler(cxx, answer)


def _blas(cxx: str) -> str:
    """Return what to link with for BLAS: our package's, else the system's, else none."""
    if blas.ldflags():
        return blas.ldflags()
    # Where it finds the file the compiler prints the whole path, else the name as it got it.
    return "-lopenblas" if os.path.isabs(ask(cxx, "-print-file-name=libopenblas.so")) else ""


def _serves_v3(cxx: str) -> bool:
    """Whether the compiler knows x86-64-v3 and the processor is one."""
    major = ask(cxx, "-dumpversion").partition(".")[0]
    if not major.isdigit() or int(major) < 11:
        return False
    try:
        with open("/proc/cpuinfo") as lines:
            flags = next((line for line in lines if line.startswith("flags")), "")
    except OSError:
        return False
    return X86_64_V3.issubset(flags.split())


def _cache_folder(environ: Mapping[str, str]) -> Path:
    """Return a folder for compiled code: in the image its own, or on a read-only root the user's copy of it."""
    if not environ.get("LXMLS_IMAGE"):
        return _own_cache_folder(environ)
    brought = Path(environ["LXMLS_IMAGE"], "cache", "theano")
    if os.access(brought, os.W_OK):
        return brought
    # Every build of the image has its own; a copy appears whole or not at all.
    copy = _own_cache_folder(environ) / f"image-{brought.stat().st_mtime:.0f}"
    if not copy.exists():
        part = tempfile.mkdtemp(dir=copy.parent, prefix="part-")
        shutil.copytree(brought, part, dirs_exist_ok=True)
        os.chmod(part, 0o700)  # the image's is open to all
        try:
            os.rename(part, copy)
        except OSError:  # another process was first
            shutil.rmtree(part)
    return copy


def _kernel_folder(name: str, other: Path, environ: Mapping[str, str]) -> Path:
    """Return where libgpuarray is to keep the kernels it compiles for `name`: in the image's volume, or in `other`.

    It finds a kernel by the source, the CUDA version that the driver serves, and the first two digits of the compute
    capability: 10.0 and 10.3 are one to it. What else decides whether a kernel runs, the folder's name says.
    """
    kept = Path(environ.get("LXMLS_IMAGE", os.devnull), "cache", "gpu")
    # libgpuarray lets nobody else read its files, so each user of the image has a folder
    base = kept / str(os.getuid()) if os.access(kept, os.W_OK) else other / "gpu"
    return base / libraries.kernel_folder_name(index(name))


def _own_cache_folder(environ: Mapping[str, str]) -> Path:
    """Return a folder for compiled code that this user can write, and nobody else."""
    base = environ.get("XDG_CACHE_HOME", "")
    wanted = Path(base if os.path.isabs(base) else os.path.expanduser("~/.cache"), "lxmls-rnn", "theano")
    try:
        if not wanted.is_absolute():  # a user without a name and without HOME
            raise FileNotFoundError
        wanted.mkdir(parents=True, exist_ok=True)
        if _serves(wanted):
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
    if not _serves(other):
        raise RuntimeError(
            f"compiled code can be kept neither in {wanted} nor in {other}, which cannot be written or are mounted"
            " noexec (as Docker's --tmpfs without :exec does): XDG_CACHE_HOME names another folder"
        )
    warnings.warn(f"{wanted} cannot be written: compiled code goes to {other}", RuntimeWarning, stacklevel=2)
    return other


def _serves(folder: Path) -> bool:
    """Whether compiled code can be written to a folder, and loaded from it."""
    return os.access(folder, os.R_OK | os.W_OK | os.X_OK) and not os.statvfs(folder).f_flag & os.ST_NOEXEC
