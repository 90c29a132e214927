"""Defaults of Theano's flags for this machine; flags that the user has set are kept."""

import configparser
import os
import platform
import re
import shlex
import shutil
import sysconfig
import tempfile
import warnings
from contextvars import ContextVar
from pathlib import Path

from theano_runtime.failures import no_compiler
from theano_runtime.programs import ask

from lxmls_rnn import device, paths
from lxmls_rnn.device import libraries
from lxmls_rnn.device.problems import index, is_cuda
from lxmls_rnn.storage.files import make_private
from lxmls_rnn.theano_env import blas, build

CACHE_AGE_SECONDS = 10 * 365 * 24 * 3600  # Theano deletes older entries of the compile cache
# It contains no host or kernel name, so that the cache of an image works on every host.
COMPILEDIR_FORMAT = "py%(python_version)s-np%(numpy_version)s-th%(theano_version)s-gxx%(gxx_version)s"
# Requirements of the x86-64 psABI for level v3, in Linux's spelling (abm is lzcnt).
WITHOUT_C_CODE = "so Theano cannot compile C code and runs slowly, in Python; `lxmls-rnn doctor` shows what to install"
X86_64_V3_FEATURES = {"avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"}

# of this thread; `warnings.catch_warnings` would change what the other threads of a notebook's kernel warn of
_is_quiet = ContextVar("_is_quiet", default=False)


def user_flags() -> dict[str, str]:
    """Read THEANO_FLAGS as Theano does."""
    splitter = shlex.shlex(os.environ.get("THEANO_FLAGS", ""), posix=True)
    splitter.whitespace = ","
    splitter.whitespace_split = True
    pairs = (part.strip().partition("=") for part in splitter)
    return {key: value for key, equals, value in pairs if equals}


def rc_flags() -> dict[str, str]:
    """Return the flags in .theanorc by name: ``section.option``, or ``option`` for the section ``global``."""
    paths = os.environ.get("THEANORC", "~/.theanorc").split(os.pathsep)
    rc = configparser.RawConfigParser()
    rc.read([os.path.expanduser(path) for path in paths])
    return {
        option if section == "global" else f"{section}.{option}": value
        for section in rc.sections()
        for option, value in rc.items(section)
    }


def settings() -> dict[str, str]:
    """Return the flags for Theano in addition to those that the user has set.

    Flags in THEANO_FLAGS are omitted, and so are flags in ``.theanorc``, except a device or floatX that LXMLS_DEVICE or
    LXMLS_FLOATX overrides. RuntimeError if LXMLS_DEVICE and THEANO_FLAGS request different devices.
    """
    flags, rc = user_flags(), rc_flags()
    asked = {}
    wanted = os.environ.get("LXMLS_DEVICE")
    if wanted and not (wanted == "auto" and "device" in flags):
        asked["device"] = device.choose(wanted).device or wanted  # one that is unavailable stops the import
    if os.environ.get("LXMLS_FLOATX"):
        asked["floatX"] = os.environ["LXMLS_FLOATX"]
    if "device" in asked and flags.get("device", asked["device"]) != asked["device"]:
        raise RuntimeError(f"LXMLS_DEVICE asks for {asked['device']} but THEANO_FLAGS for {flags['device']}: unset one")
    user = {**rc, **{key.lower(): value for key, value in (asked | flags).items()}}

    used = user.get("device", "cpu")
    defaults = {"device": "cpu", "floatX": "float32" if is_cuda(used) else "float64"}
    if is_cuda(used):
        defaults["dnn.enabled"] = "False"  # Theano 1.0.5 supports cuDNN only up to version 7
    cxx = user.get("cxx", compiler())
    if cxx and not python_headers().exists():
        _warn(f"{python_headers()} is missing, {WITHOUT_C_CODE}")
        defaults["cxx"] = cxx = ""
    elif not cxx and "cxx" not in user:
        _warn(f"there is no C++ compiler (g++), {WITHOUT_C_CODE}")
        defaults["cxx"] = ""
    # Theano identifies compiled code by the versions of its Ops, which do not depend on the edits
    defaults["compiledir_format"] = f"{COMPILEDIR_FORMAT}-{build.stamp()}"
    architecture = _architecture(cxx) if cxx else ""
    if architecture:
        # Theano's default, -march=native, creates a cache that other processors cannot use.
        defaults["gcc.cxxflags"] = f"-march={architecture}"
        defaults["compiledir_format"] += f"-{architecture.removeprefix('x86-64-')}"
    defaults["blas.ldflags"] = _blas(cxx) if cxx else ""
    defaults["cmodule.age_thresh_use"] = str(CACHE_AGE_SECONDS)
    if not {"base_compiledir", "compiledir"} & user.keys():
        cache = _cache_folder()
        defaults["base_compiledir"] = str(cache)
        if is_cuda(used):
            defaults["gpuarray.cache_path"] = str(_kernel_folder(used, cache))
    return {key: value for key, value in defaults.items() if key.lower() not in user} | {
        key: value for key, value in asked.items() if key not in flags
    }


def in_effect() -> dict[str, str]:
    """Return all flags that Theano would use, without importing it or warning."""
    before = _is_quiet.set(True)
    try:
        return {**settings(), **rc_flags(), **user_flags()}
    finally:
        _is_quiet.reset(before)


def _warn(message: str) -> None:
    if not _is_quiet.get():
        warnings.warn(message, RuntimeWarning, stacklevel=2)


def compiler() -> str:
    """Return Theano's C++ compiler if the user names none; an empty string if there is none."""
    return shutil.which("g++") or ""


def python_headers() -> Path:
    """Return the path of this Python's C header, which may be missing."""
    return Path(sysconfig.get_paths()["include"], "Python.h")


def require_version(cxx: str) -> None:
    """Raise CompileError if the compiler does not print its version, which is part of the compile cache's name."""
    answer = ask(cxx, "-dumpversion")
    if not re.fullmatch(r"[\w.+-]{1,40}", answer, re.ASCII):
        raise no_compiler(cxx, answer)


def _blas(cxx: str) -> str:
    """Return the linker flags for BLAS: those of our package, else of the system's OpenBLAS, else none."""
    if blas.ldflags():
        return blas.ldflags()
    # The compiler prints the absolute path if it finds the file, otherwise the name that it was given.
    return "-lopenblas" if os.path.isabs(ask(cxx, "-print-file-name=libopenblas.so")) else ""


def _architecture(cxx: str) -> str:
    """Return the class of processors to compile for; empty if compiler and processor have none in common."""
    if platform.machine() == "aarch64":
        return "armv8-a"  # the first with 64 bits; all that came later run its programs
    return "x86-64-v3" if _supports_v3(cxx) else ""


def _supports_v3(cxx: str) -> bool:
    """Whether the compiler and the processor support x86-64-v3."""
    major = ask(cxx, "-dumpversion").partition(".")[0]
    if not major.isdigit() or int(major) < 11:
        return False
    try:
        with open("/proc/cpuinfo") as lines:
            flags = next((line for line in lines if line.startswith("flags")), "")
    except OSError:
        return False
    return X86_64_V3_FEATURES.issubset(flags.split())


def _cache_folder() -> Path:
    """Return a folder for compiled code: the image's, the user's copy of it (image read-only), or the user's own."""
    if not os.environ.get("LXMLS_IMAGE"):
        return _own_cache_folder()
    image_cache = Path(os.environ["LXMLS_IMAGE"], "cache", "theano")
    if os.access(image_cache, os.W_OK):
        return image_cache
    # Each build of the image gets its own copy, which is made atomically.
    copy = _own_cache_folder() / f"image-{image_cache.stat().st_mtime:.0f}"
    if not copy.exists():
        part = tempfile.mkdtemp(dir=copy.parent, prefix="part-")
        shutil.copytree(image_cache, part, dirs_exist_ok=True)
        os.chmod(part, 0o700)  # the image's is readable for all
        try:
            os.rename(part, copy)
        except OSError:  # another process was first
            shutil.rmtree(part)
    return copy


def _kernel_folder(name: str, other: Path) -> Path:
    """Return libgpuarray's folder for compiled kernels of the GPU `name`: in the image's volume, or in `other`.

    libgpuarray identifies a kernel by its source, the driver's CUDA version and the first two digits of the compute
    capability, so it confuses 10.0 and 10.3. The folder's name has the other properties on which a kernel depends.
    """
    volume = Path(os.environ.get("LXMLS_IMAGE", os.devnull), "cache", "gpu")
    # each user of the image has a folder, because libgpuarray's files are readable for their owner only
    base = volume / str(os.getuid()) if os.access(volume, os.W_OK) else other / "gpu"
    return base / libraries.kernel_folder_name(index(name))


def _own_cache_folder() -> Path:
    """Return a folder for compiled code that only this user can write to, with a warning if it is not the usual one."""
    wanted = paths.cache() / "theano"
    why = _why_unusable(wanted)
    if not why:
        return wanted
    other = Path(tempfile.gettempdir(), f"lxmls-rnn-{os.getuid()}")
    if _why_unusable(other):
        other = Path(tempfile.mkdtemp(prefix="lxmls-rnn-"))
        if why_not := _why_unusable(other):
            raise RuntimeError(f"compiled code has no folder: {why}; {why_not}. Set XDG_CACHE_HOME to another folder")
    _warn(f"{why}: compiled code goes to {other}")
    return other


def _why_unusable(folder: Path) -> str:
    """Return why this user's compiled code cannot be in a folder, which is made if it is missing; empty if it can."""
    why = make_private(folder)
    is_noexec = not why and os.statvfs(folder).f_flag & os.ST_NOEXEC
    return f"{folder} is mounted noexec (as Docker's --tmpfs without :exec does)" if is_noexec else why
