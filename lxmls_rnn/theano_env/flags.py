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

CACHE_AGE_SECONDS = 10 * 365 * 24 * 3600  # Theano deletes older entries of the compile cache
# It contains no host or kernel name, so that the cache of an image works on every host.
COMPILEDIR_FORMAT = "py%(python_version)s-np%(numpy_version)s-th%(theano_version)s-gxx%(gxx_version)s"
# Requirements of the x86-64 psABI for level v3, in Linux's spelling (abm is lzcnt).
X86_64_V3_FEATURES = {"avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"}
# Zig's C++ compiler under the name that Theano looks for; `make setup CXX=zig` creates it. It has priority over g++.
ZIG = Path(sys.prefix, "zig", "g++")


def is_gpu(name: str) -> bool:
    """Whether `name` is Theano's name of a GPU: cuda, cuda0, opencl0:0, ..."""
    return name.startswith(("cuda", "opencl"))


def user_flags(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Read THEANO_FLAGS as Theano does."""
    splitter = shlex.shlex(environ.get("THEANO_FLAGS", ""), posix=True)
    splitter.whitespace = ","
    splitter.whitespace_split = True
    pairs = (part.strip().partition("=") for part in splitter)
    return {key: value for key, equals, value in pairs if equals}


def rc_flags(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Read the user's Theano files; names are ``section.option``, or ``option`` for the section ``global``."""
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

    Flags in THEANO_FLAGS are omitted, and so are flags in ``.theanorc``, except a device or floatX that LXMLS_DEVICE or
    LXMLS_FLOATX overrides. RuntimeError if LXMLS_DEVICE and THEANO_FLAGS request different devices.
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
        defaults["dnn.enabled"] = "False"  # Theano 1.0.5 supports cuDNN only up to version 7
    if user.get("device", "cpu").startswith("opencl"):
        defaults["optimizer_excluding"] = opencl.EXCLUDED_OPTIMISERS
    if ZIG.exists():
        defaults["cxx"] = str(ZIG)
    cxx = user.get("cxx", compiler(environ))
    if cxx and not python_headers().exists():
        _warn(f"{python_headers()} is missing, so Theano cannot compile C code and runs slowly, in Python")
        defaults["cxx"] = cxx = ""
    elif not cxx and "cxx" not in user:
        _warn("there is no C++ compiler (g++), so Theano cannot compile C code and runs slowly, in Python")
        defaults["cxx"] = ""
    # Theano identifies compiled code by the versions of its Ops, which do not depend on the edits
    defaults["compiledir_format"] = f"{COMPILEDIR_FORMAT}-{build.stamp()}"
    if cxx and _supports_v3(cxx):
        # Theano's default, -march=native, creates a cache that other processors cannot use.
        defaults["gcc.cxxflags"] = "-march=x86-64-v3"
        defaults["compiledir_format"] += "-v3"
    defaults["blas.ldflags"] = _blas(cxx) if cxx else ""
    defaults["cmodule.age_thresh_use"] = str(CACHE_AGE_SECONDS)
    if not {"base_compiledir", "compiledir"} & user.keys():
        cache = _cache_folder(environ)
        defaults["base_compiledir"] = str(cache)
        if is_cuda(user.get("device", "cpu")):
            defaults["gpuarray.cache_path"] = str(_kernel_folder(user["device"], cache, environ))
    return {key: value for key, value in defaults.items() if key.lower() not in user} | {
        key: value for key, value in asked.items() if key not in flags
    }


def in_effect() -> dict[str, str]:
    """Return all flags that Theano would use, without importing it or warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {**settings(), **rc_flags(), **user_flags()}


def _warn(message: str) -> None:
    warnings.warn(message + "; `lxmls-rnn doctor` shows what to install", RuntimeWarning, stacklevel=2)


def compiler(environ: Mapping[str, str] = os.environ) -> str:
    """Return Theano's C++ compiler if the user names none; an empty string if there is none."""
    return str(ZIG) if ZIG.exists() else shutil.which("g++", path=environ.get("PATH")) or ""


def python_headers() -> Path:
    """Return the path of this Python's C header, which may be missing."""
    return Path(sysconfig.get_paths()["include"], "Python.h")


@functools.cache
def ask(cxx: str, option: str) -> str:
    """Return the compiler's output for `option`; an empty string if it cannot be started."""
    try:
        return programs.run([*shlex.split(cxx), option]).output.decode(errors="backslashreplace").strip()
    except OSError:
        return ""


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


def _cache_folder(environ: Mapping[str, str]) -> Path:
    """Return a folder for compiled code: the image's, the user's copy of it (image read-only), or the user's own."""
    if not environ.get("LXMLS_IMAGE"):
        return _own_cache_folder(environ)
    image_cache = Path(environ["LXMLS_IMAGE"], "cache", "theano")
    if os.access(image_cache, os.W_OK):
        return image_cache
    # Each build of the image gets its own copy, which is made atomically.
    copy = _own_cache_folder(environ) / f"image-{image_cache.stat().st_mtime:.0f}"
    if not copy.exists():
        part = tempfile.mkdtemp(dir=copy.parent, prefix="part-")
        shutil.copytree(image_cache, part, dirs_exist_ok=True)
        os.chmod(part, 0o700)  # the image's is readable for all
        try:
            os.rename(part, copy)
        except OSError:  # another process was first
            shutil.rmtree(part)
    return copy


def _kernel_folder(name: str, other: Path, environ: Mapping[str, str]) -> Path:
    """Return libgpuarray's folder for compiled kernels of the GPU `name`: in the image's volume, or in `other`.

    libgpuarray identifies a kernel by its source, the driver's CUDA version and the first two digits of the compute
    capability, so it confuses 10.0 and 10.3. The folder's name has the other properties on which a kernel depends.
    """
    volume = Path(environ.get("LXMLS_IMAGE", os.devnull), "cache", "gpu")
    # each user of the image has a folder, because libgpuarray's files are readable for their owner only
    base = volume / str(os.getuid()) if os.access(volume, os.W_OK) else other / "gpu"
    return base / libraries.kernel_folder_name(index(name))


def _own_cache_folder(environ: Mapping[str, str]) -> Path:
    """Return a folder for compiled code that only this user can write to."""
    base = environ.get("XDG_CACHE_HOME", "")
    wanted = Path(base if os.path.isabs(base) else os.path.expanduser("~/.cache"), "lxmls-rnn", "theano")
    try:
        if not wanted.is_absolute():  # a user without a name and without HOME
            raise FileNotFoundError
        wanted.mkdir(parents=True, exist_ok=True)
        if _is_usable(wanted):
            return wanted
    except OSError:
        pass
    other = Path(tempfile.gettempdir(), f"lxmls-rnn-{os.getuid()}")
    try:
        other.mkdir(mode=0o700, exist_ok=True)
        safe = other.stat().st_uid == os.getuid() and not other.is_symlink()
    except OSError:
        safe = False
    if not safe:  # another user's folder, whose code must not be run
        other = Path(tempfile.mkdtemp(prefix="lxmls-rnn-"))
    if not _is_usable(other):
        raise RuntimeError(
            f"compiled code can be kept neither in {wanted} nor in {other}, which cannot be written or are mounted"
            " noexec (as Docker's --tmpfs without :exec does): set XDG_CACHE_HOME to another folder"
        )
    warnings.warn(f"{wanted} cannot be written: compiled code goes to {other}", RuntimeWarning, stacklevel=2)
    return other


def _is_usable(folder: Path) -> bool:
    """Whether compiled code can be written to a folder and loaded from it."""
    return os.access(folder, os.R_OK | os.W_OK | os.X_OK) and not os.statvfs(folder).f_flag & os.ST_NOEXEC
