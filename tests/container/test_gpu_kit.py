"""The kit on a bare machine: Debian 13 with its own Python 3.13 and g++, no network, no root, no driver.

NVRTC is real, from its wheel, and lies where a CUDA toolkit has it. The driver is the emulated one.
"""

import re
import sysconfig
from pathlib import Path

import pytest
from container.machine import ROOT, Machine, call, copy_of_the_project, image

DOCKERFILE = """
ARG BASE
FROM ${BASE}
RUN apt-get update && apt-get install -y --no-install-recommends g++ make python3 && useradd --create-home student
USER student
"""
EMULATOR = """
mkdir /tmp/driver /tmp/cuda
tests=/home/student/lab/tests/gpu/emulator
g++ -std=c++17 -shared -fPIC -O2 -DKERNEL_H="\\"$tests/kernel.h\\"" -o /tmp/driver/libcuda.so.1 $tests/*.cpp -ldl
ln -s ../driver/libcuda.so.1 /tmp/cuda/libnvrtc.so.12
ln -s ../driver/libcuda.so.1 /tmp/cuda/libcublas.so.12
"""


pytestmark = pytest.mark.slow("packs the kit, makes a bare Debian 13 and compiles kernels with g++, minutes")


@pytest.fixture(scope="module")
def machine(engine, tmp_path_factory):
    """A bare machine with the checkout and the kit in /home/student/lab."""
    folder = tmp_path_factory.mktemp("kit")
    folder.chmod(0o755)  # a stranger in the container reads it
    (folder / "project").mkdir()
    project = copy_of_the_project(folder / "project")
    quick = 'PATH=$PATH:"$0"/.uv/bin XZ_OPT=-0 scripts/gpu-kit.sh pack'
    call("sh", "-c", quick, ROOT, cwd=project, timeout=900)
    call("docker", "build", "--build-arg", f"BASE={image('debian:13', 'lxmls-rnn-base:debian13', 'trixie')}",
         "-t", "lxmls-rnn-bare:test", "-", input=DOCKERFILE, timeout=600)  # fmt: skip
    nvrtc = Path(sysconfig.get_paths()["purelib"], "nvidia", "cuda_nvrtc", "lib")
    assert nvrtc.is_dir(), "the wheel nvidia-cuda-nvrtc-cu12 is missing: uv sync"
    name = call(
        *("docker", "run", "--detach", "--init", "--rm", "--network", "none"),
        *("--volume", f"{folder}:/media:ro", "--volume", f"{nvrtc}:/usr/local/cuda/lib64:ro"),
        *("lxmls-rnn-bare:test", "sleep", "infinity"),
    ).stdout.strip()
    machine = Machine(name)
    try:
        machine.run("cp -r /media/project lab", folder="/home/student")
        yield machine
    finally:
        call("docker", "rm", "--force", name)


def test_look_says_what_is_there_and_fails_without_a_gpu(machine):
    result = machine.run("scripts/gpu-kit.sh look", check=False)
    assert result.returncode == 1
    assert re.search("driver +none\nNVRTC +/usr/local/cuda/lib64/libnvrtc.so.12\ncuBLAS +none\n", result.stdout)
    assert "LXMLS_DEVICE=cuda is unavailable, because this machine has no NVIDIA driver" in result.stdout


def test_the_doctor_works_and_says_that_there_is_no_driver(machine):
    output = machine.run("scripts/gpu-kit.sh on make doctor").stdout
    assert "none: this machine has no NVIDIA driver" in output
    assert re.search("Python +3.11", output)
    assert "compiled to C, ran, and gave the right result" in output
    assert re.search("pygpu +0.7.6", output)


def test_layers_and_models_are_right_on_the_emulated_device(machine):
    """The other tests of tests/gpu run in the image."""
    command = "pytest -n 2 tests/gpu/test_gpu_on_device.py -k 'layers or models'"
    output = machine.run(f"scripts/gpu-kit.sh on {command}", timeout=1800).stdout
    assert re.search(r"^=+ 2 passed, 2 skipped", output, re.MULTILINE)  # without PoCL
    skipped = [line for line in output.splitlines() if line.startswith("SKIPPED")]
    assert [line for line in skipped if "opencl0:0" not in line] == []


def test_a_driver_that_is_there_is_found_and_computes(machine):
    """The linker knows the driver; LD_LIBRARY_PATH names a CUDA that goes before the machine's."""
    machine.run(EMULATOR)
    machine.run("echo /tmp/driver >/etc/ld.so.conf.d/driver.conf; ldconfig", user="root")
    output = machine.run("EMULATED_CC=120 LD_LIBRARY_PATH=/tmp/cuda scripts/gpu-kit.sh look").stdout
    assert re.search("driver +/tmp/driver/libcuda.so.1\nNVRTC +/tmp/cuda/libnvrtc.so.12\n", output)
    assert "Theano uses the GPU: " in output
