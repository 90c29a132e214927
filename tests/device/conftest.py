"""Libraries of a driver that pretend, and a pygpu: what they answer, tests set."""

import ctypes
import shutil
import subprocess
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import SimpleNamespace

import numpy as np
import pytest

from lxmls_rnn.device import libraries, problems

PRETEND = r"""
#include <stdlib.h>
#include <string.h>
static int number(const char *name) { const char *text = getenv(name); return text ? atoi(text) : 0; }
int cuInit(unsigned flags) { return flags + number("CUINIT"); }
int cuDeviceGetCount(int *count) { *count = number("COUNT"); return 0; }
int cuDeviceGetName(char *name, int size, int device) {
  strncpy(name, device ? "Second" : getenv("NAME"), size);
  return 0;
}
int cuDeviceGetAttribute(int *value, int attribute, int device) {
  int capability = number(device ? "SECOND_CC" : "CC");
  switch (attribute) {
    case 20: *value = number(device ? "SECOND_MODE" : "MODE"); return 0;
    case 75: *value = capability / 10; return 0;
    case 76: *value = capability % 10; return 0;
  }
  return 1;
}
int cuDriverGetVersion(int *version) { *version = number("SERVES"); return *version == 0; }
int cuGetErrorName(int status, const char **name) { *name = "CUDA_ERROR_UNKNOWN"; return status != 999; }
int nvrtcVersion(int *major, int *minor) {
  *major = number("NVRTC") / 10; *minor = number("NVRTC") % 10; return *major == 0;
}
int nvrtcGetNumSupportedArchs(int *count) { *count = number("ARCHS"); return *count < 0; }
int nvrtcGetSupportedArchs(int *archs) { archs[0] = 120; if (number("ARCHS") > 1) archs[1] = 75; return 0; }
int cublasGetProperty(int which, int *value) { *value = which + 11; return number("NO_CUBLAS"); }
"""
HEALTHY = {"NAME": "Pretend", "COUNT": "1", "CC": "89", "SERVES": "13000", "NVRTC": "130", "ARCHS": "2"}
PYGPU = SimpleNamespace(__version__="0.7.6", gpuarray=SimpleNamespace(api_version=lambda: (2, 1)))


@pytest.fixture(scope="session")
def pretend(tmp_path_factory):
    """A folder with libcuda.so, libnvrtc.so, libcublas.so and a pygpu that is empty."""
    if shutil.which("gcc") is None:
        pytest.skip("there is no gcc")
    folder = tmp_path_factory.mktemp("pretend")
    (folder / "pretend.c").write_text(PRETEND)
    command = ["gcc", "-shared", "-fPIC", "-o", folder / "libcuda.so", folder / "pretend.c"]
    subprocess.run(command, check=True)
    for name in ("libnvrtc.so", "libcublas.so"):
        shutil.copy(folder / "libcuda.so", folder / name)
    (folder / "pygpu.py").touch()
    return folder


@pytest.fixture
def driver(pretend, monkeypatch):
    """Set what the libraries answer, of two GPUs that differ; a name that is None is a library that is not there."""
    for name in ("CUDA_VISIBLE_DEVICES", "LXMLS_ADVICE", "LXMLS_DEVICE", "LXMLS_GPU_FAULT", "LXMLS_KERNELS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(libraries, "find_spec", lambda name: ModuleSpec(name, None))
    monkeypatch.setattr(libraries, "import_pygpu", lambda: PYGPU)

    def answer(absent=(), **environ):
        here = {"SECOND_CC": "75", "SECOND_MODE": "3", **HEALTHY, "COUNT": "2", **environ}
        for name, value in here.items():
            monkeypatch.setenv(name, value)
        names = ("libcuda.so", "libnvrtc.so", "libcublas.so")
        found = {name: ctypes.CDLL(str(pretend / name)) for name in names}
        monkeypatch.setattr(libraries, "load_library", lambda name: None if name in absent else found.get(name))
        libraries.cards.cache_clear()

    yield answer
    libraries.cards.cache_clear()


class Array(np.ndarray):
    """An array of the GPU, as an operation returns it."""

    def sync(self):
        """There is nothing to wait for."""


@pytest.fixture
def pygpu(driver, monkeypatch):
    """A pygpu that adds in NumPy on the devices it has been given, or fails as it is told."""
    driver()
    found = SimpleNamespace(started=[], error=None, wrong=0)

    def init(name):
        found.started.append(name)
        if found.error is not None:
            raise found.error
        return name

    def array(values, context):
        assert context == found.started[-1]
        return np.array(values)

    def add(left, operation, right, like):
        assert (operation, right.dtype, like.dtype) == ("+", "float32", "float32")
        return (left + right + found.wrong).view(Array)

    elemwise = SimpleNamespace(elemwise2=add)
    monkeypatch.setattr(libraries, "import_pygpu", lambda: SimpleNamespace(init=init, array=array))
    monkeypatch.setattr(
        problems, "import_module", lambda name: elemwise if name == "pygpu.elemwise" else import_module(name)
    )
    return found
