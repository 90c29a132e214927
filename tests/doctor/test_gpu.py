"""What the doctor says about GPUs and the libraries that they need."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from doctor.conftest import PYGPU

from lxmls_rnn import device
from lxmls_rnn.device import problems
from lxmls_rnn.doctor import gpu

IMAGES_ADVICE = Path(__file__).parents[2] / "docker" / "advice.json"
CARD = (("NVIDIA T4", (7, 5)),)


def findings():
    """What is found, by name: the value, whether it is all right, and what brings what is missing."""
    found = list(gpu.findings())
    assert len({finding.name for finding in found}) >= len(found) - 1  # two GPUs have one name
    return {f.name: (f.value, f.ok, f.packages, f.remedy) for f in found}


def test_all_that_two_gpus_need_is_shown_with_its_version(healthy):
    lines = [(finding.name, finding.value) for finding in gpu.findings()]
    assert lines == [
        ("GPU", "NVIDIA A10, compute 8.6 (cuda0)"),
        ("GPU", "NVIDIA T4, compute 7.5 (cuda1)"),
        ("NVIDIA driver", "570.86.15, supports CUDA 12.8"),
        ("NVRTC", "12.8, libnvrtc.so"),
        ("cuBLAS", "12.8.4, libcublas.so"),
        ("pygpu", "0.7.6, libgpuarray API 2"),
    ]
    assert all(finding.ok and not finding.remedy and not finding.packages for finding in gpu.findings())


def test_without_a_gpu_nothing_is_a_fault_and_one_line_says_how_to_get_one(machine):
    machine()
    found = findings()
    assert {ok for _, ok, *_ in found.values()} == {None}
    assert [name for name, (*_, remedy) in found.items() if remedy] == ["GPU"]
    assert found["GPU"][0] == "none: this machine has no NVIDIA driver"
    assert found["GPU"][3].startswith("To use a GPU: ")
    assert found["NVIDIA driver"][0] == "none"
    assert found["NVRTC"][0] == "no libnvrtc.so"
    assert found["cuBLAS"][0] == "no libcublas.so"
    assert found["pygpu"][0].startswith("ModuleNotFoundError: ")
    assert not any(packages for _, _, packages, _ in found.values())


def test_a_card_without_a_driver_is_a_fault(machine):
    machine(on_the_bus=True)
    value, ok, _, remedy = findings()["GPU"]
    assert (value, ok) == ("none: there is an NVIDIA card but no driver", False)
    assert remedy == "GPU: install NVIDIA's driver and restart."
    assert findings()["NVRTC"][1] is None


@pytest.mark.parametrize("python", [(3, 11), (3, 12)])
def test_what_a_gpu_lacks_is_a_fault_with_its_remedy(machine, monkeypatch, python):
    monkeypatch.setattr(problems, "sys", SimpleNamespace(version_info=python))
    machine(CARD)
    found = findings()
    assert found.pop("GPU") == ("NVIDIA T4, compute 7.5 (cuda0)", True, (), "")
    assert found["NVIDIA driver"][:2] == ("none", False)
    assert found["libcuda.so"][:2] == ("not under this name", False)
    assert "libcuda.so.1" in found["libcuda.so"][3]
    assert found["NVRTC"] == (
        "no libnvrtc.so",
        False,
        (),
        "NVRTC: there is no NVRTC and no cuBLAS; use the Docker image.",
    )
    assert found["cuBLAS"] == ("no libcublas.so", False, (), "")
    assert found["pygpu"][1] is False
    assert found["pygpu"][2] == (("python3-pygpu", "libgpuarray-dev") if python < (3, 12) else ())
    why = f"pygpu: pygpu, which Theano needs for a GPU, is not installed for Python 3.{python[1]}; build it with"
    assert found["pygpu"][3].startswith(why)


def test_all_that_keeps_theano_from_a_gpu_is_in_the_one_list_and_the_screen_has_its_words(machine):
    machine(CARD, True, (12, 8), "570.86.15", nvrtc=(13, 0), cublas=(13, 0, 1), libcuda=SimpleNamespace())
    listed = list(device.problems_of("cuda"))
    assert [problem.name for problem in listed] == ["NVRTC", "pygpu"]
    for problem in listed:
        _, ok, _, remedy = findings()[problem.name]
        assert not ok
        assert remedy == f"{problem.name}: {problem.value}; {problem.remedy}."
    assert findings()["NVRTC"][0] == "13.0, libnvrtc.so"


def test_in_a_container_a_remedy_is_the_images(machine, monkeypatch):
    monkeypatch.setenv("LXMLS_ADVICE", str(IMAGES_ADVICE))
    machine(CARD, serves=(12, 8), libcuda=SimpleNamespace(), pygpu=PYGPU)
    assert (
        findings()["NVRTC"][3]
        == "NVRTC: there is no NVRTC and no cuBLAS; build the image with CUDA, see docs/image.md."
    )


def test_a_pygpu_that_breaks_is_shown_with_its_error(machine):
    def api_version():
        raise OSError("libgpuarray.so.3: no such file")

    machine(pygpu=SimpleNamespace(__version__="0.7.6", gpuarray=SimpleNamespace(api_version=api_version)))
    assert findings()["pygpu"][0] == "OSError: libgpuarray.so.3: no such file"


def test_a_driver_without_a_version_of_its_own_is_shown_with_that_of_cuda(machine):
    machine(CARD, serves=(12, 8))
    assert findings()["NVIDIA driver"][:2] == ("supports CUDA 12.8", True)
