"""Let the tests import the helper module beside them, and build the libraries that they load."""

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.append(str(HERE))

import nvrtc  # noqa: E402


@pytest.fixture(scope="session")
def stand_ins(tmp_path_factory):
    """A folder with libnvrtc.so, the shim, and a libcuda.so and libcublas.so that pretend to be a GPU."""
    folder = tmp_path_factory.mktemp("stand_ins")
    flags = ["gcc", "-shared", "-fPIC", "-O2", "-Wall", "-Wextra"]
    shim = HERE.parents[1] / "docker" / "nvrtc_shim.c"
    subprocess.run([*flags, "-o", folder / "libnvrtc.so", shim, "-ldl"], check=True)
    subprocess.run([*flags, "-o", folder / "libcuda.so", HERE / "pretend_gpu.c"], check=True)
    (folder / "libcublas.so").symlink_to("libcuda.so")
    return folder


@pytest.fixture(scope="session")
def real_nvrtc():
    """NVIDIA's own NVRTC; its `path` says where it is."""
    if nvrtc.library() is None:
        pytest.skip("no NVRTC: neither the wheel nvidia-cuda-nvrtc-cu12 nor a CUDA toolkit is installed")
    return nvrtc.default()
