"""Let the tests import the helper module beside them, and build the libraries that they load."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.append(str(HERE))

import emulated  # noqa: E402
import nvrtc  # noqa: E402


@pytest.fixture(scope="session")
def stand_ins(tmp_path_factory):
    """A folder with libnvrtc.so, the shim, and a libcuda.so and libcublas.so that emulate a GPU and its compiler."""
    if not (shutil.which("gcc") and shutil.which("g++")):
        pytest.skip("no gcc and g++ to compile them with")
    folder = tmp_path_factory.mktemp("stand_ins")
    flags = ["-shared", "-fPIC", "-O2", "-Wall", "-Wextra"]
    shim = HERE.parents[1] / "docker" / "nvrtc_shim.c"
    subprocess.run(["gcc", *flags, "-o", folder / "libnvrtc.so", shim, "-ldl"], check=True)
    subprocess.run([HERE / "emulator" / "build.sh", folder / "libcuda.so"], check=True)
    (folder / "libcublas.so").symlink_to("libcuda.so")
    return folder


@pytest.fixture(scope="session")
def emulated_gpu(stand_ins, tmp_path_factory):
    """Environment of a process in which libgpuarray finds an emulated GPU of compute capability 12.0."""
    workers = "PYTEST_XDIST_WORKER" in os.environ
    kernels = (tmp_path_factory.getbasetemp().parent if workers else stand_ins) / "kernels"
    kernels.mkdir(exist_ok=True)
    # No cache of kernels: what this compiler makes must never be found by a real GPU. No pool of memory: it would hide
    # what is touched outside an array.
    flags = "gpuarray.cache_path=,gpuarray.preallocate=-1"
    return {
        **nvrtc.search_path(stand_ins),
        "LXMLS_NVRTC": str(stand_ins / "libcuda.so"),
        "EMULATED_CC": "120",
        "EMULATED_KERNELS": str(kernels),  # compiled once for all tests, of all workers
        "EMULATED_SEED": os.environ.get("EMULATED_SEED", "1"),  # a GPU runs the blocks of a kernel in any order
        "THEANO_FLAGS": ",".join(filter(None, [os.environ.get("THEANO_FLAGS"), flags])),
    }


@pytest.fixture(scope="session")
def real_nvrtc():
    """NVIDIA's own NVRTC; its `path` says where it is."""
    if nvrtc.library() is None:
        pytest.skip("no NVRTC: neither the wheel nvidia-cuda-nvrtc-cu12 nor a CUDA toolkit is installed")
    return nvrtc.default()


@pytest.fixture(scope="session")
def as_ptx(real_nvrtc):
    """Environment of a process in which the emulated GPU executes the PTX that NVRTC writes."""
    return {"EMULATED_PTX": shlex.join([sys.executable, str(HERE / "ptx.py"), real_nvrtc.path])}


@pytest.fixture
def device(stand_ins, tmp_path):
    """The emulated device, whose driver no other test has had: what goes wrong in a kernel stays wrong."""
    return emulated.EmulatedDevice(shutil.copy(stand_ins / "libcuda.so", tmp_path))
