"""Machines that the doctor looks over: with the answers of a GPU's libraries that are not here."""

import sys
from importlib.machinery import ModuleSpec
from types import SimpleNamespace

import pytest

from lxmls_rnn.device import libraries

CARDS = (("NVIDIA A10", (8, 6)), ("NVIDIA T4", (7, 5)))
PYGPU = SimpleNamespace(
    __version__="0.7.6", __spec__=ModuleSpec("pygpu", None), gpuarray=SimpleNamespace(api_version=lambda: (2, 1))
)


@pytest.fixture
def machine(monkeypatch):
    """Set what the driver and NVIDIA's libraries answer; what is not named is missing."""
    for name in ("LXMLS_ADVICE", "LXMLS_GPU_FAULT"):
        monkeypatch.delenv(name, raising=False)

    def answer(cards=(), on_the_bus=False, serves=None, version="", nvrtc=None, cublas=None, libcuda=None, pygpu=None):
        answers = {
            "cuda": SimpleNamespace(cuInit=lambda flags: 0) if cards else None,
            "cards": cards,
            "has_nvidia_card": on_the_bus,
            "driver_cuda_version": serves,
            "driver_version": version,
            "nvrtc_version": nvrtc,
            "nvrtc_min_capability": None,
            "cublas_version": cublas,
        }
        for name, value in answers.items():
            monkeypatch.setattr(libraries, name, lambda value=value: value)
        monkeypatch.setattr(libraries, "load", {"libcuda.so": libcuda}.get)
        monkeypatch.setitem(sys.modules, "pygpu", pygpu)

    return answer


@pytest.fixture
def healthy(machine):
    """A machine with two GPUs and all that they need."""
    machine(CARDS, True, (12, 8), "570.86.15", (12, 8), (12, 8, 4), SimpleNamespace(), PYGPU)
