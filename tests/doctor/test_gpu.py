"""What the doctor says about GPUs and the libraries that they need."""

from types import SimpleNamespace

import pytest

from lxmls_rnn.doctor import gpu

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
        ("NVIDIA driver", "570.86.15, serves CUDA 12.8"),
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
    assert (value, ok) == ("a card, but no driver: everything runs on the CPU", False)
    assert "install NVIDIA's driver and restart" in remedy
    assert findings()["NVRTC"][1] is None


@pytest.mark.parametrize(
    ("python", "packages"), [((3, 11), ("python3-pygpu", "libgpuarray-dev")), ((3, 12), ()), ((3, 13), ())]
)
def test_what_a_gpu_lacks_is_a_fault_with_its_remedy(machine, monkeypatch, python, packages):
    monkeypatch.setattr(gpu, "sys", SimpleNamespace(version_info=python))
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
        "NVRTC comes with NVIDIA's CUDA toolkit and with the lab's Docker image.",
    )
    assert found["cuBLAS"][3].startswith("cuBLAS comes with")
    assert found["pygpu"][1:3] == (False, packages)
    assert "or take the Docker image" in found["pygpu"][3]


def test_a_pygpu_that_breaks_is_shown_with_its_error(machine):
    def api_version():
        raise OSError("libgpuarray.so.3: no such file")

    machine(pygpu=SimpleNamespace(__version__="0.7.6", gpuarray=SimpleNamespace(api_version=api_version)))
    assert findings()["pygpu"][0] == "OSError: libgpuarray.so.3: no such file"


def test_a_driver_without_a_version_of_its_own_is_shown_with_that_of_cuda(machine):
    machine(CARD, serves=(12, 8))
    assert findings()["NVIDIA driver"][:2] == ("serves CUDA 12.8", True)
