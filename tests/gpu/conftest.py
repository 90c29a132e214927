"""Let the tests import the helper module beside them, and build the libraries that they load."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.append(str(HERE))

import nvrtc  # noqa: E402

SHIM = HERE.parents[1] / "docker" / "nvrtc_shim.c"
EMULATOR = HERE.parents[1] / "packages" / "cuda_emulator"


def digest():
    """Return a digest of all that decides what the libraries and the kernels that they compile are."""
    sources = [SHIM, *sorted(EMULATOR.iterdir())]
    compiler = subprocess.run(["g++", "--version"], check=True, capture_output=True).stdout
    return hashlib.sha256(b"\0".join([compiler, *(file.read_bytes() for file in sources)])).hexdigest()[:20]


def build(folder):
    """Compile the shim and the emulator into `folder`, and give it a folder for kernels."""
    flags = ["-shared", "-fPIC", "-O2", "-Wall", "-Wextra"]
    subprocess.run(["gcc", *flags, "-o", folder / "libnvrtc.so", SHIM, "-ldl"], check=True)
    subprocess.run([EMULATOR / "build.sh", folder / "libcuda.so"], check=True)
    (folder / "libcublas.so").symlink_to("libcuda.so")
    (folder / "kernels").mkdir()


@pytest.fixture(scope="session")
def stand_ins():
    """A folder with libnvrtc.so, the shim, and a libcuda.so and libcublas.so that emulate a GPU and its compiler.

    It is kept in the user's cache, and the kernels that are compiled in it, for as long as the sources stay the same.
    """
    if not (shutil.which("gcc") and shutil.which("g++")):
        pytest.skip("no gcc and g++ to compile them with")
    # the emulator has the path of a header built in, so each checkout has its own
    of_checkout = hashlib.sha256(os.fsencode(HERE)).hexdigest()[:20]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lxmls-rnn-emulator" / of_checkout
    cache.mkdir(parents=True, exist_ok=True)
    folder = cache / digest()
    with open(cache / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one process builds, the others wait for it
        if not folder.is_dir():
            for outdated in filter(Path.is_dir, cache.iterdir()):
                shutil.rmtree(outdated)
            building = Path(tempfile.mkdtemp(dir=cache))
            build(building)
            building.rename(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMULATED_KERNELS", str(folder / "kernels"))  # compiled once for all tests, of all processes
        yield folder


@pytest.fixture(scope="session")
def emulated_gpu(stand_ins):
    """Environment of a process in which libgpuarray finds an emulated GPU of compute capability 12.0."""
    # No cache of kernels: what this compiler makes must never be found by a real GPU. No pool of memory: it would hide
    # what is touched outside an array.
    flags = "gpuarray.cache_path=,gpuarray.preallocate=-1"
    return {
        **nvrtc.search_path(stand_ins),
        "LXMLS_NVRTC": str(stand_ins / "libcuda.so"),
        "EMULATED_CC": "120",
        "EMULATED_SEED": os.environ.get("EMULATED_SEED", "1"),  # a GPU runs the blocks of a kernel in any order
        "THEANO_FLAGS": ",".join(filter(None, [os.environ.get("THEANO_FLAGS"), flags])),
    }


@pytest.fixture(scope="session")
def real_nvrtc():
    """NVIDIA's own NVRTC; its `path` says where it is."""
    if nvrtc.library() is None:
        pytest.skip("no NVRTC: neither the wheel nvidia-cuda-nvrtc-cu12 nor a CUDA toolkit is installed")
    return nvrtc.default()
