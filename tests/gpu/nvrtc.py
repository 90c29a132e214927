"""Compile GPU kernels with NVIDIA's run-time compiler (NVRTC), without a GPU.

>>> ptx = compile_for(source, (8, 6))

That a kernel compiles for a device says that the compiler accepts it, not that it works there.

``python nvrtc.py LIBRARY OPTION... < kernel.cu`` prints the PTX that LIBRARY makes, given these options. The emulated
device is current then, if EMULATED_CC is set.
"""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from driver import Driver

# The capabilities that kernels are compiled for: Turing, Ampere, Ada, Hopper, Blackwell.
CAPABILITIES = [(7, 5), (8, 0), (8, 6), (8, 7), (8, 8), (8, 9), (9, 0), (10, 0), (10, 3), (11, 0), (12, 0), (12, 1)]
CLUDA_H = (Path(__file__).parent / "cluda.h").read_text()


class CompileError(RuntimeError):
    """NVRTC refused; its log is the message."""


class Nvrtc:
    """One loaded NVRTC: its `path`, the `version` of its CUDA toolkit, (12, 9), and the architectures `supported`.

    The path may be a name that the dynamic linker finds. Architectures, 75 for compute capability 7.5, are ascending.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        self._library = ctypes.CDLL(self.path)
        self._library.nvrtcGetErrorString.restype = ctypes.c_char_p
        major, minor, count = ctypes.c_int(), ctypes.c_int(), ctypes.c_int()
        self._call("nvrtcVersion", ctypes.byref(major), ctypes.byref(minor))
        self.version = (major.value, minor.value)
        # CUDA 13.0's does not find them there itself
        builtins = Path(self.path).resolve().with_name(f"libnvrtc-builtins.so.{major.value}.{minor.value}")
        if builtins.is_file():
            ctypes.CDLL(os.fspath(builtins))
        self._call("nvrtcGetNumSupportedArchs", ctypes.byref(count))
        archs = (ctypes.c_int * count.value)()
        self._call("nvrtcGetSupportedArchs", archs)
        self.supported = list(archs)

    def best_arch(self, capability: int) -> int:
        """Return the highest supported architecture that is not above `capability`, 86 for 8.6."""
        return max(arch for arch in self.supported if arch <= capability)

    def compile(self, source: str, options: Sequence[str], headers: Mapping[str, str] | None = None) -> bytes:
        """Return the PTX of CUDA C++ or CLUDA as NVRTC gives it, with a zero byte at its end; or raise CompileError.

        `options` are ``["-arch", "compute_86"]`` from libgpuarray; `headers` what may be included, text by name.
        """
        headers = {"cluda.h": CLUDA_H, **(headers or {})}
        program = ctypes.c_void_p()
        self._call(
            "nvrtcCreateProgram",
            ctypes.byref(program),
            source.encode(),
            None,
            len(headers),
            _strings(headers.values()),
            _strings(headers),
        )
        try:
            result = self._library.nvrtcCompileProgram(program, len(options), _strings(options))
            if result != 0:
                log = _text(self._get("nvrtcGetProgramLog", program))
                raise CompileError(f"{self._error(result)} with {' '.join(options)}:\n{log}")
            return self._get("nvrtcGetPTX", program)
        finally:
            self._call("nvrtcDestroyProgram", ctypes.byref(program))

    def _get(self, function: str, program: ctypes.c_void_p) -> bytes:
        size = ctypes.c_size_t()
        self._call(f"{function}Size", program, ctypes.byref(size))
        content = ctypes.create_string_buffer(size.value)
        self._call(function, program, content)
        return content.raw

    def _call(self, function: str, *args: object) -> None:
        result = getattr(self._library, function)(*args)
        if result != 0:
            raise RuntimeError(f"{function}: {self._error(result)}")

    def _error(self, result: int) -> str:
        return self._library.nvrtcGetErrorString(result).decode()


def _strings(texts: Iterable[str]) -> ctypes.Array[ctypes.c_char_p]:
    encoded = [text.encode() for text in texts]
    return (ctypes.c_char_p * len(encoded))(*encoded)


def _text(content: bytes) -> str:
    return content.rstrip(b"\0").decode()


def for_each_capability():
    """Parametrise a test over `CAPABILITIES`, nightly for those between the oldest and the newest."""
    import pytest

    between = pytest.mark.nightly("the same kernels, for a GPU between the oldest and the newest")
    marks = {capability: between for capability in CAPABILITIES[1:-1]}
    kinds = [pytest.param(c, id="{}.{}".format(*c), marks=marks.get(c, ())) for c in CAPABILITIES]
    return pytest.mark.parametrize("capability", kinds)


def packaged(pattern: str) -> list[Path]:
    """Return the files of this Python's packages of NVIDIA that match `pattern`."""
    nvidia = importlib.util.find_spec("nvidia")
    folders = nvidia.submodule_search_locations or () if nvidia else ()
    return sorted(path for folder in folders for path in Path(folder).glob(pattern))


def library() -> str | None:
    """Return where NVRTC is: LXMLS_NVRTC, else the wheel nvidia-cuda-nvrtc-cu12, else a toolkit on the system; or None.

    PyTorch brings another NVRTC, in nvidia/cu13.
    """
    if os.environ.get("LXMLS_NVRTC"):
        return os.environ["LXMLS_NVRTC"]
    for path in packaged("cuda_nvrtc/lib/libnvrtc.so.*"):
        return str(path)
    for name in ["libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so.11.2"]:
        try:
            ctypes.CDLL(name)
        except OSError:
            continue
        return name
    return None


def search_path(*folders: str | os.PathLike[str]) -> dict[str, str]:
    """Environment for a child process that looks for libraries in `folders` first."""
    return {"LD_LIBRARY_PATH": ":".join([*map(os.fspath, folders), *filter(None, [os.environ.get("LD_LIBRARY_PATH")])])}


@functools.cache
def default() -> Nvrtc:
    """Load the one that `library` finds; FileNotFoundError if there is none."""
    path = library()
    if path is None:
        raise FileNotFoundError("no NVRTC: install the wheel nvidia-cuda-nvrtc-cu12, or set LXMLS_NVRTC to its path")
    return Nvrtc(path)


def compile_for(source: str, capability: tuple[int, int], headers: Mapping[str, str] | None = None) -> str:
    """Return the PTX of a kernel, which may include ``cluda.h``, for a capability that this NVRTC supports, (8, 6).

    CompileError with the compiler's log; FileNotFoundError if there is no NVRTC.
    """
    major, minor = capability
    return _text(default().compile(source, ["-arch", f"compute_{major}{minor}"], headers))


if __name__ == "__main__":
    try:
        if "EMULATED_CC" in os.environ:
            Driver("libcuda.so").make_current()
        print(_text(Nvrtc(sys.argv[1]).compile(sys.stdin.read(), sys.argv[2:])))
    except RuntimeError as error:
        sys.exit(f"{type(error).__name__}: {error}")
