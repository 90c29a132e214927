"""What keeps a device from being used, and what is said to do."""

import runpy
import sys
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest

from lxmls_rnn import device, paths
from lxmls_rnn.device import libraries, problems

IMAGES_ADVICE = Path(__file__).parents[2] / "docker" / "advice.json"


def said():
    """Why the GPU cannot be used, and what to do."""
    found = device.problem("cuda")
    assert (found.name, found.ok) == ("GPU", False)
    return found.value, found.remedy


@pytest.mark.parametrize(
    ("environ", "why", "remedy"),
    [
        ({"CUINIT": "34"}, "the driver's library is a stub (CUDA error 34)", problems.ADVICE["no GPU"]),
        ({"CUINIT": "804"}, "the GPU does not take a library newer than its driver (CUDA error 804)", "see whether"),
        ({"CUINIT": "803"}, "the driver and its library differ in version (CUDA error 803)", "see whether"),
        (
            {"CUINIT": "802"},
            "the fabric manager, which connects the GPUs of this machine, is not running (CUDA error 802)",
            problems.ADVICE["no fabric manager"],
        ),
        ({"CUINIT": "7"}, "the driver does not start (CUDA error 7)", problems.ADVICE["no GPU"]),
        ({"COUNT": "0"}, "the driver sees no GPU (CUDA error 100)", problems.ADVICE["no GPU"]),
        (
            {"COUNT": "0", "CUDA_VISIBLE_DEVICES": "MIG-1"},
            "the driver sees no GPU with CUDA_VISIBLE_DEVICES=MIG-1 (CUDA error 100)",
            "remove that variable, or name a GPU or MIG device in it that `nvidia-smi -L` lists",
        ),
        ({"NO_CUBLAS": "1"}, "there is no cuBLAS", problems.ADVICE["no toolkit"]),
        ({"NVRTC": "0"}, "there is no NVRTC", problems.ADVICE["no toolkit"]),
        ({"NVRTC": "0", "NO_CUBLAS": "1"}, "there is no NVRTC and no cuBLAS", problems.ADVICE["no toolkit"]),
        (
            {"SERVES": "12080"},
            "the driver supports CUDA 12.8, older than the CUDA 13.0 here",
            f"update the driver, or {problems.ADVICE['older toolkit']}",
        ),
        (
            {"CC": "61"},
            "Pretend has compute capability 6.1, and CUDA 13.0 supports 7.5 and newer",
            problems.ADVICE["older toolkit"],
        ),
        ({"LXMLS_GPU_FAULT": "it hung"}, "it hung", "`lxmls-rnn doctor` shows details"),
    ],
)
def test_why_a_gpu_cannot_be_had_and_what_to_do(driver, environ, why, remedy):
    driver(**environ)
    found = device.problem("cuda")
    assert (found.value, found.ok) == (why, False)
    assert found.remedy.startswith(remedy)
    auto = device.choose("auto")
    expected = f"Theano uses the CPU, because {why}; {found.remedy}."
    assert auto == device.Choice("cpu", expected, found)
    assert device.resolve("auto") == "cpu"
    named = device.choose("cuda")
    assert (named.device, named.problem) == (None, found)
    remedy = f"{found.remedy}, or set LXMLS_DEVICE=cpu"
    assert named.sentence == f"LXMLS_DEVICE=cuda is unavailable, because {why}; {remedy}."


@pytest.mark.parametrize("environ", [{"SERVES": "13000"}, {"CC": "75"}, {"CC": "61", "ARCHS": "0"}, {"SERVES": "0"}])
def test_what_is_just_new_enough_or_not_known_keeps_nobody(driver, environ):
    driver(**environ)
    assert device.problem("cuda") is None


def test_without_a_driver_a_card_on_the_bus_makes_the_difference(driver, linux):
    driver(absent=["libcuda.so"])
    assert said() == tuple(problems.ADVICE["no driver"].split("; "))
    linux("/sys/bus/pci/devices/0/vendor", "0x10de")
    linux("/sys/bus/pci/devices/0/class", "0x0300")
    assert said() == tuple(problems.ADVICE["a card without driver"].split("; "))
    linux("/usr/lib/wsl/lib/libcuda.so.1", "")  # WSL's, without its entry in the linker's cache
    assert said() == (
        "the driver is in /usr/lib/wsl/lib, where the linker does not look",
        "set LD_LIBRARY_PATH=/usr/lib/wsl/lib",
    )


@pytest.mark.parametrize(
    ("devices", "file", "why"),
    [
        ("Block devices:\n  8 sd\n", None, "the kernel module nvidia-uvm is not loaded"),
        ("Character devices:\n195 nvidia\n509 nvidia-uvm\n", None, "there is no /dev/nvidia-uvm"),
        ("509 nvidia-uvm\n", "", "/dev/nvidia-uvm is device 0, but the kernel's module is 509"),  # an ordinary file
        ("  0 nvidia-uvm\n", "", "the driver does not start"),
        (None, None, "the driver does not start"),
    ],
)
def test_a_driver_that_does_not_start_is_traced_to_unified_memory(driver, linux, devices, file, why):
    driver(CUINIT="999")
    for path, text in (("/proc/devices", devices), ("/dev/nvidia-uvm", file)):
        if text is not None:
            linux(path, text)
    known = "no GPU" if why == "the driver does not start" else "no unified memory"
    assert said() == (f"{why} (CUDA error 999)", problems.ADVICE[known])


@pytest.mark.parametrize("file", ["/dev/dxg", "/dev/nvmap"])
def test_wsl_and_a_jetson_have_no_module_for_unified_memory(driver, linux, file):
    driver(CUINIT="999")
    linux("/proc/devices", "Character devices:\n195 nvidia\n")
    linux(file, "")
    assert said() == ("the driver does not start (CUDA error 999)", problems.ADVICE["no GPU"])


def test_a_pygpu_that_does_not_load_is_named(driver, monkeypatch):
    driver()

    def fail():
        raise ImportError("pygpu wants libgpuarray")

    monkeypatch.setattr(libraries, "import_pygpu", fail)
    found = device.problem("cuda")
    assert (found.name, found.ok) == ("pygpu", False)
    assert found.value == "pygpu cannot be loaded (ImportError: pygpu wants libgpuarray)"
    assert found.remedy == problems.ADVICE["no pygpu"]


@pytest.mark.parametrize(("version", "packages"), [((3, 11, 9), True), ((3, 13, 5), False)])
def test_a_python_without_pygpu_is_told_how_to_build_it(driver, monkeypatch, version, packages):
    driver()
    monkeypatch.setattr(libraries, "import_pygpu", lambda: import_module("pygpu"))
    monkeypatch.setitem(sys.modules, "pygpu", None)
    monkeypatch.setattr(problems, "sys", SimpleNamespace(version_info=version))
    found = device.problem("cuda")
    assert found.value == f"pygpu, which Theano needs for a GPU, is not installed for Python 3.{version[1]}"
    assert found.remedy.startswith("build it with `make pygpu SOURCE=...`, see docs/gpu.md")
    assert bool(found.packages) == packages


def test_a_lost_gpu_is_told_in_the_words_of_who_brought_it(driver, monkeypatch):
    driver()
    lost = device.GpuLost("CUDA_ERROR_UNKNOWN", "The run goes on.")
    assert lost.name == "CUDA_ERROR_UNKNOWN"
    assert str(lost) == (
        "the GPU has stopped working (CUDA_ERROR_UNKNOWN): restart this program, or the notebook's kernel; "
        f"if the GPU is still missing then, {problems.ADVICE['no GPU']}. The run goes on."
    )
    assert str(device.GpuLost("X")).endswith(f"{problems.ADVICE['no GPU']}.")
    monkeypatch.setenv("LXMLS_ADVICE", str(IMAGES_ADVICE))
    assert "restart the container" in str(device.GpuLost("X"))
    assert device.variable() == "LAB_DEVICE"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RuntimeError("no kernel\nmore"), "no kernel"),
        (RuntimeError(b"bytes \xff of the driver\nmore", 7), "bytes � of the driver"),
        (RuntimeError(7, "seven"), "(7, 'seven')"),
        (KeyError("name"), "name"),
        (RuntimeError(), "RuntimeError"),
        (RuntimeError(" \n"), "RuntimeError"),
    ],
)
def test_a_kernel_that_fails_is_told_by_the_first_line_of_its_error(pygpu, error, said):
    pygpu.error = error
    found = device.trial("cuda")
    assert (found.value, found.remedy) == (f"a test kernel failed on it ({said})", problems.DETAILS)
    assert device.choose("auto", prove=True).problem == found


@pytest.mark.parametrize("name", problems.KERNEL_ERRORS)
def test_known_errors_of_a_kernel_are_explained(pygpu, name):
    pygpu.error = RuntimeError(f"cuCtxCreate: {name}: in the driver's words".encode(), 1)
    found = device.trial("cuda")
    assert (found.value, found.remedy) == problems.KERNEL_ERRORS[name]


def test_a_device_that_cannot_add_is_broken(pygpu):
    pygpu.wrong = 1
    assert device.trial("cuda").value == "1 + 1 gave [3.0, 3.0, 3.0] on it"


def test_all_problems_are_listed_in_the_order_in_which_one_would_solve_them(driver, monkeypatch):
    driver(NVRTC="0", LXMLS_GPU_FAULT="it hung")
    assert [problem.value for problem in device.problems_of("cuda")] == ["there is no NVRTC", "it hung"]
    loaded = problems.libraries.load
    monkeypatch.setattr(problems.libraries, "load", lambda name: loaded({"libcuda.so.1": "libcuda.so"}.get(name, "")))
    assert [problem.name for problem in device.problems_of("cuda")] == ["libcuda.so", "NVRTC", "kernel"]
    assert device.problem("cuda").remedy == "link one to the other"
    monkeypatch.setattr(libraries, "has_own_pygpu", lambda: True)
    assert [problem.name for problem in device.problems_of("cuda")] == ["NVRTC", "kernel"]


def test_pip_adds_what_is_missing_to_what_pip_installed(monkeypatch, tmp_path):
    monkeypatch.setattr(paths, "PACKAGED", tmp_path)  # as in a wheel
    assert runpy.run_path(problems.__file__)["ADVICE"]["framework"].format("jax") == "`pip install jax`"
