"""The kit on two bare machines with Debian 13, without network, root and driver.

One has its own Python 3.13 and g++, the other has neither, but xz.
NVRTC is real, from its wheel, and lies where a CUDA toolkit has it. The driver is the emulated one.
"""

import json
import re
import sysconfig
from pathlib import Path

import pytest
from container.machine import ROOT, Machine, call, copy_of_the_project, image

DOCKERFILE = """
ARG BASE
FROM ${BASE}
ARG PACKAGES
RUN apt-get update && apt-get install -y --no-install-recommends $PACKAGES && useradd --create-home student
USER student
"""
USES_LIBGPUARRAY = """
#include <gpuarray/array.h>
extern "C" int wait(GpuArray *a) { return GpuArray_sync(a); }
"""
ON_EMULATOR = "EMULATED_CC=120 LD_LIBRARY_PATH=/tmp/cuda THEANO_FLAGS=gpuarray.cache_path="
EMULATOR = """
mkdir /tmp/driver /tmp/cuda
tests/gpu/emulator/build.sh /tmp/driver/libcuda.so.1
ln -s ../driver/libcuda.so.1 /tmp/cuda/libnvrtc.so.12
ln -s ../driver/libcuda.so.1 /tmp/cuda/libcublas.so.12
mkdir /tmp/newer
echo 'int nvrtcVersion(int *major, int *minor) { *major = 13, *minor = 2; return 0; }' >/tmp/newer.c
gcc -shared -fPIC -o /tmp/newer/libnvrtc.so.13 /tmp/newer.c
cp /tmp/newer/libnvrtc.so.13 /tmp/newer/libcublas.so.14
"""


pytestmark = pytest.mark.nightly("packs the kit, makes a bare Debian 13 and compiles kernels with g++, minutes")


@pytest.fixture(scope="module")
def start(engine, tmp_path_factory):
    """Start a bare machine with some packages, and the checkout and the kit in /home/student/lab."""
    folder = tmp_path_factory.mktemp("kit")
    folder.chmod(0o755)  # a stranger in the container reads it
    (folder / "project").mkdir()
    project = copy_of_the_project(folder / "project")
    quick = 'PATH=$PATH:"$0"/.uv/bin XZ_OPT=-0 scripts/gpu-kit.sh pack'
    call("sh", "-c", quick, ROOT, cwd=project, timeout=900)
    base = image("debian:13", "lxmls-rnn-base:debian13", "trixie")
    nvrtc = Path(sysconfig.get_paths()["purelib"], "nvidia", "cuda_nvrtc", "lib")
    assert nvrtc.is_dir(), "the wheel nvidia-cuda-nvrtc-cu12 is missing: uv sync"
    names = []

    def start(packages):
        tag = f"lxmls-rnn-bare:test-{len(names)}"
        arguments = ["--build-arg", f"BASE={base}", "--build-arg", f"PACKAGES={packages}"]
        call("docker", "build", *arguments, "-t", tag, "-", input=DOCKERFILE, timeout=600)
        name = call(
            *("docker", "run", "--detach", "--init", "--rm", "--network", "none"),
            *("--volume", f"{folder}:/media:ro", "--volume", f"{nvrtc}:/usr/local/cuda/lib64:ro"),
            *(tag, "sleep", "infinity"),
        ).stdout.strip()
        names.append(name)
        machine = Machine(name)
        machine.run("cp -r /media/project lab", folder="/home/student")
        return machine

    yield start
    for name in names:
        call("docker", "rm", "--force", name)


@pytest.fixture(scope="module")
def machine(start):
    """A machine with a compiler."""
    return start("g++ make python3")


@pytest.fixture(scope="module")
def emulator(machine):
    """The machine with an emulated driver, in a folder for LD_LIBRARY_PATH and, as a system's, known to the linker."""
    machine.run(EMULATOR)
    machine.run("echo /tmp/driver >/etc/ld.so.conf.d/driver.conf; ldconfig", user="root")
    return machine


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
    """Also with Debian's libgpuarray, which does not wait for copies. The other tests of tests/gpu run in the image."""
    command = "pytest -n 2 tests/gpu/test_gpu_on_device.py -k '(layers or models or rows) and not PTX'"
    output = machine.run(f"scripts/gpu-kit.sh on {command}", timeout=1800).stdout
    assert re.search(r"^=+ 4 passed(?!.*skipped)", output, re.MULTILINE)


def test_a_gpu_is_chosen_among_those_that_are_visible(machine):
    show = "scripts/gpu-kit.sh on printenv CUDA_VISIBLE_DEVICES LXMLS_DEVICE"
    assert machine.run(f"LXMLS_DEVICE=cuda1 {show}").stdout == "1\ncuda\n"
    assert machine.run(f"CUDA_VISIBLE_DEVICES=3,MIG-7 LXMLS_DEVICE=cuda1 {show}").stdout == "MIG-7\ncuda\n"
    result = machine.run(f"CUDA_VISIBLE_DEVICES=3 LXMLS_DEVICE=cuda1 {show}", check=False)
    assert (result.returncode, result.stdout) == (
        1,
        "gpu-kit: LXMLS_DEVICE=cuda1 does not exist: CUDA_VISIBLE_DEVICES=3 shows 1 GPUs\n",
    )


def test_a_driver_that_is_there_is_found_and_computes(emulator):
    """The linker knows the driver; LD_LIBRARY_PATH names a CUDA newer than the driver, and one before the machine's."""
    newer = ON_EMULATOR.replace("/tmp/cuda", "/tmp/newer:/tmp/cuda")
    output = emulator.run(f"{newer} scripts/gpu-kit.sh look").stdout
    chosen = "driver +/tmp/driver/libcuda.so.1\nNVRTC +/tmp/cuda/libnvrtc.so.12\ncuBLAS +/tmp/cuda/libcublas.so.12\n"
    assert re.search(chosen, output)
    assert "Theano uses the GPU: " in output


def test_the_report_is_one_file_and_a_page(emulator):
    """All steps run, except compute-sanitizer, which needs a real driver; the limits suit a busy machine."""
    command = "scripts/gpu-kit.sh report --small --total 3h --out /tmp/report.json"
    result = emulator.run(f"{ON_EMULATOR} {command}", check=False, timeout=3700)
    report = json.loads(emulator.run("cat /tmp/report.json").stdout)
    assert "\n".join(report["text"]) in result.stdout
    statuses = {step["name"]: step["status"] for step in report["steps"]}
    checks = dict.fromkeys(("memcheck", "racecheck", "synccheck"), "skipped")
    assert statuses == dict.fromkeys(statuses, "ok") | checks, result.stdout
    assert result.returncode == 0
    page = emulator.run("cat /tmp/report.md").stdout
    assert page.startswith("## emulated GPU, compute 12.0\n")
    titles = re.findall("^### ([^:,\n]*)", page, re.MULTILINE)
    assert titles == [
        *("A training step", "A training", "Compiling", "The two plans", "Two trainings on one card", "Copies"),
        *("Weights on the chip", "CUDA graphs", "Several sentences a block"),
    ]


@pytest.mark.nightly("zig compiles its C++ library, five minutes and more")
def test_without_a_compiler_zig_compiles(start):
    machine = start("xz-utils")
    assert machine.run("! command -v g++ gcc cc python3 make").stdout == ""
    output = machine.run("scripts/gpu-kit.sh look", check=False, timeout=1800).stdout
    assert re.search(r"^zig +\d", output, re.MULTILINE)
    output = machine.run("scripts/gpu-kit.sh on lxmls-rnn doctor", timeout=1800).stdout
    assert "compiled to C, ran, and gave the right result" in output
    compiling = ".venv/zig/g++ -shared -fPIC -x c++ -o /tmp/a.so - -lgpuarray"
    machine.run(f"echo '{USES_LIBGPUARRAY}' | scripts/gpu-kit.sh on {compiling}", timeout=600)
    machine.run("scripts/gpu-kit.sh on python -c 'import ctypes; ctypes.CDLL(\"/tmp/a.so\")'")
