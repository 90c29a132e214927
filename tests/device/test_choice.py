"""The choice of a device, and the sentence about it."""

import os
import runpy
import subprocess
import sys

import pytest
from device.conftest import HEALTHY

from lxmls_rnn import device


@pytest.mark.parametrize("asked", ["cuda", "cuda0", "auto"])
def test_a_gpu_that_nothing_keeps_is_taken(driver, asked):
    driver()
    name = "cuda" if asked == "auto" else asked
    expected = f"Theano uses the GPU: Pretend, compute capability 8.9 ({name})."
    assert device.choose(asked) == device.Choice(name, expected)


def test_the_libraries_are_those_that_the_linker_finds(pretend):
    """In a process of its own, with nothing in the place of ctypes and of the import of pygpu."""
    code = "from lxmls_rnn import device; print(device.choose('auto').sentence)"
    environ = {**os.environ, "LD_LIBRARY_PATH": str(pretend), "PYTHONPATH": str(pretend), **HEALTHY}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout == "Theano uses the GPU: Pretend, compute capability 8.9 (cuda).\n"


def test_the_second_gpu_is_named_by_its_number(driver):
    driver()
    assert device.choose("cuda1").sentence == "Theano uses the GPU: Second, compute capability 7.5 (cuda1)."
    found = device.choose("cuda2")
    assert (found.device, found.problem.value) == (None, "cuda2 does not exist")
    assert found.sentence == (
        "LXMLS_DEVICE=cuda2 is unavailable, because cuda2 does not exist; the driver shows cuda0 to cuda1, "
        "or set LXMLS_DEVICE=cpu."
    )
    driver(COUNT="1")
    assert "the driver shows cuda0, or set" in device.choose("cuda1").sentence
    driver(COUNT="1", CUDA_VISIBLE_DEVICES="1")
    assert "the driver shows cuda0 with CUDA_VISIBLE_DEVICES=1, or set" in device.choose("cuda1").sentence


def test_a_part_of_a_gpu_is_told_with_how_to_choose_another(driver):
    driver(COUNT="1", NAME="NVIDIA A100-SXM4-40GB MIG 1g.5gb", CC="80")
    how = (
        "A process sees only one MIG device, a part of a GPU: CUDA_VISIBLE_DEVICES=MIG-... chooses it by its UUID, "
        "which `nvidia-smi -L` lists"
    )
    sentence = "Theano uses the GPU: NVIDIA A100-SXM4-40GB MIG 1g.5gb, compute capability 8.0 (cuda)."
    assert device.choose("cuda").sentence == f"{sentence} {how}."
    assert f"the driver shows cuda0. {how}, or set" in device.choose("cuda1").sentence


@pytest.mark.parametrize("name", ["gpu0", "cudax", "cuda-1", "CUDA", "opencl0:0"])
def test_what_is_no_name_of_a_device_is_said_with_those_that_are(driver, name):
    driver()
    found = device.choose(name)
    assert (found.device, found.problem.value) == (None, f"{name} is not the name of a device")
    assert found.sentence == (
        f"LXMLS_DEVICE={name} is unavailable, because {name} is not the name of a device; "
        "set LXMLS_DEVICE to auto, cpu, cuda or a numbered GPU, such as cuda1."
    )


def test_the_environment_chooses_where_nobody_does(driver, monkeypatch):
    driver()
    monkeypatch.setenv("LXMLS_DEVICE", "cuda1")
    assert device.choose().device == "cuda1"
    assert device.choose("cpu").device == "cpu"
    for unset in (lambda: monkeypatch.setenv("LXMLS_DEVICE", ""), lambda: monkeypatch.delenv("LXMLS_DEVICE")):
        unset()
        expected = "Theano uses the CPU; LXMLS_DEVICE=auto takes a GPU where there is one."
        assert device.choose() == device.Choice("cpu", expected)
    assert device.choose("cpu") == device.Choice("cpu", "Theano uses the CPU, as LXMLS_DEVICE=cpu asks.")


def test_kernels_under_way_are_told(driver, tmp_path, monkeypatch):
    driver()
    file = tmp_path / "kernels"
    file.write_text("3 of 12")
    told = " Its kernels are still being compiled, 3 of 12: until then a training starts slowly."
    monkeypatch.setenv("LXMLS_KERNELS", str(file))
    assert device.choose("cuda").sentence.endswith(f"(cuda).{told}")
    file.write_text("")
    for path in (file, tmp_path / "none"):
        monkeypatch.setenv("LXMLS_KERNELS", str(path))
        assert device.choose("cuda").sentence.endswith("(cuda).")


@pytest.mark.parametrize(("asked", "started"), [("cuda", "cuda0"), ("cuda1", "cuda1")])
def test_the_proof_runs_a_kernel_on_the_device_that_was_asked_for(pygpu, asked, started):
    assert device.choose(asked).device == asked
    assert pygpu.started == []
    assert device.choose(asked, prove=True).device == asked
    assert pygpu.started == [started]


@pytest.mark.parametrize(("fault", "status"), [(None, 0), (RuntimeError("no"), 1)])
def test_as_a_program_it_proves_the_device_and_says_so(pygpu, monkeypatch, capsys, fault, status):
    monkeypatch.setenv("LXMLS_DEVICE", "cuda")
    pygpu.error = fault
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("lxmls_rnn.device", run_name="__main__")
    assert ended.value.code == status
    expected = device.choose("cuda", prove=True)
    assert capsys.readouterr().out == f"{expected.sentence}\n{expected.problem.value if fault else ''}\n"
    assert pygpu.started == ["cuda0", "cuda0"]


def test_a_gpu_that_a_framework_sees_is_taken_where_one_is_asked_for(monkeypatch):
    for asked, gpu in (("auto", "a"), ("cuda", "a"), ("cuda1", "b"), ("cpu", None), ("", None)):
        monkeypatch.setenv("LXMLS_DEVICE", asked)
        assert device.choose_gpu("PyTorch", ["a", "b"]) == gpu
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    monkeypatch.setenv("LXMLS_DEVICE", "cuda")
    with pytest.raises(RuntimeError, match="PyTorch sees no GPUs with CUDA_VISIBLE_DEVICES=-1; set"):
        device.choose_gpu("PyTorch", [])
    monkeypatch.setenv("LXMLS_DEVICE", "opencl0:0")
    with pytest.raises(RuntimeError, match=r"^opencl0:0 is not the name of a device: set LXMLS_DEVICE to auto, cpu"):
        device.choose_gpu("PyTorch", ["a", "b"])
