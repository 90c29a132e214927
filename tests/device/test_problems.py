"""What keeps a device from being used, and what is said to do."""

import json
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
    found = problems.problem("cuda")
    assert (found.name, found.ok) == ("GPU", False)
    return found.value, found.remedy


@pytest.mark.parametrize(
    ("environ", "why", "remedy"),
    [
        ({"CUINIT": "34"}, "the driver's library is a stub (CUDA error 34)", "no GPU"),
        ({"CUINIT": "804"}, "the GPU does not take a library newer than its driver (CUDA error 804)", "no GPU"),
        ({"CUINIT": "803"}, "the driver and its library differ in version (CUDA error 803)", "no GPU"),
        (
            {"CUINIT": "802"},
            "the fabric manager, which connects the GPUs of this machine, is not running (CUDA error 802)",
            "no fabric manager",
        ),
        ({"CUINIT": "7"}, "the driver does not start (CUDA error 7)", "no GPU"),
        ({"COUNT": "0"}, "the driver sees no GPU (CUDA error 100)", "no GPU"),
        (
            {"COUNT": "0", "CUDA_VISIBLE_DEVICES": "MIG-1"},
            "the driver sees no GPU with CUDA_VISIBLE_DEVICES=MIG-1 (CUDA error 100)",
            "remove that variable, or name a GPU or MIG device in it that `nvidia-smi -L` lists",
        ),
        ({"NO_CUBLAS": "1"}, "there is no cuBLAS", "no toolkit"),
        ({"NVRTC": "0"}, "there is no NVRTC", "no toolkit"),
        ({"NVRTC": "0", "NO_CUBLAS": "1"}, "there is no NVRTC and no cuBLAS", "no toolkit"),
        (
            {"SERVES": "12080"},
            "the driver supports CUDA 12.8, older than the CUDA 13.0 here",
            "update the driver, or {older toolkit}",
        ),
        ({"CC": "61"}, "Pretend has compute capability 6.1, and CUDA 13.0 supports 7.5 and newer", "older toolkit"),
        ({"LXMLS_GPU_FAULT": "it hung"}, "it hung", problems.DETAILS),
    ],
)
@pytest.mark.parametrize("file", [None, IMAGES_ADVICE])
def test_why_a_gpu_cannot_be_had_and_what_to_do(driver, monkeypatch, environ, why, remedy, file):
    """In the words of the library, and of the image."""
    driver(**environ)
    words = problems.ADVICE
    if file:
        monkeypatch.setenv("LXMLS_ADVICE", str(file))
        words = json.loads(file.read_text(encoding="utf-8"))
    remedy = words.get(remedy) or remedy.format_map(words)
    found = problems.problem("cuda")
    assert (found.value, found.remedy, found.ok) == (why, remedy, False)
    expected = f"Theano uses the CPU, because {why}; {remedy}."
    assert device.choose("auto") == device.Choice("cpu", expected, found)
    expected = f"{words['variable']}=cuda is unavailable, because {why}; {remedy}, or set {words['variable']}=cpu."
    assert device.choose("cuda") == device.Choice(None, expected, found)
    if found.name not in ("GPU", "kernel"):  # nothing has these without a GPU, and the doctor has a kernel of its own
        assert parts()[found.name][1:] == (False, f"{found.name}: {why}; {remedy}.")


def parts():
    """The parts that the doctor shows, by name: the value, whether it is all right, and the remedy."""
    return {part.name: (part.value, part.ok, part.remedy) for part in device.gpu_parts()}


def test_the_parts_of_two_gpus_are_shown_with_their_versions(driver, linux):
    linux("/proc/driver/nvidia/version", "NVRM version: NVIDIA UNIX x86_64 Kernel Module  570.86.15  Sun May 12\n")
    driver(SERVES="12080", NVRTC="128")
    assert list(device.gpu_parts()) == [
        device.Finding("GPU", "Pretend, compute 8.9 (cuda0)"),
        device.Finding("GPU", "Second, compute 7.5 (cuda1)"),
        device.Finding("NVIDIA driver", "570.86.15, supports CUDA 12.8"),
        device.Finding("NVRTC", "12.8, libnvrtc.so"),
        device.Finding("cuBLAS", "11.12.13, libcublas.so"),
        device.Finding("pygpu", "0.7.6, libgpuarray API 2"),
    ]


def test_without_a_gpu_no_part_is_a_fault_and_one_line_says_how_to_get_one(driver, linux, monkeypatch):
    driver(absent=["libcuda.so", "libnvrtc.so", "libcublas.so"])
    monkeypatch.setattr(libraries, "import_pygpu", lambda: import_module("no_pygpu"))
    assert parts() == {
        "GPU": ("none: this machine has no NVIDIA driver", None, problems.ADVICE["to use a GPU"]),
        "NVIDIA driver": ("none", None, ""),
        "NVRTC": ("no libnvrtc.so", None, ""),
        "cuBLAS": ("no libcublas.so", None, ""),
        "pygpu": ("ModuleNotFoundError: No module named 'no_pygpu'", None, ""),
    }
    linux("/sys/bus/pci/devices/0/vendor", "0x10de")
    linux("/sys/bus/pci/devices/0/class", "0x0300")
    remedy = "GPU: install NVIDIA's driver and restart."
    assert parts()["GPU"] == ("none: there is an NVIDIA card but no driver", False, remedy)
    assert parts()["NVRTC"][1] is None


def test_what_a_gpu_lacks_is_a_fault_with_its_remedy(driver, monkeypatch):
    driver(SERVES="0", NVRTC="0", NO_CUBLAS="1")
    loaded = libraries.load_library
    monkeypatch.setattr(libraries, "load_library", lambda name: loaded({"libcuda.so.1": "libcuda.so"}.get(name, "")))
    shown = parts()
    assert shown["NVIDIA driver"] == ("none", False, "")
    why = "libcuda.so: libgpuarray looks for libcuda.so and finds libcuda.so.1 only; link one to the other."
    assert shown["libcuda.so"] == ("not under this name", False, why)
    why = f"NVRTC: there is no NVRTC and no cuBLAS; {problems.ADVICE['no toolkit']}."
    assert shown["NVRTC"] == ("no libnvrtc.so", False, why)
    assert shown["cuBLAS"] == ("no libcublas.so", False, "")


@pytest.mark.parametrize("environ", [{"SERVES": "13000"}, {"CC": "75"}, {"CC": "61", "ARCHS": "0"}, {"SERVES": "0"}])
def test_what_is_just_new_enough_or_not_known_keeps_nobody(driver, environ):
    driver(**environ)
    assert problems.problem("cuda") is None


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
    found = problems.problem("cuda")
    assert (found.name, found.ok) == ("pygpu", False)
    assert found.value == "pygpu cannot be loaded (ImportError: pygpu wants libgpuarray)"
    assert found.remedy == problems.ADVICE["no pygpu"]


@pytest.mark.parametrize(("version", "packages"), [((3, 11, 9), True), ((3, 13, 5), False)])
def test_a_python_without_pygpu_is_told_how_to_build_it(driver, monkeypatch, version, packages):
    driver()
    monkeypatch.setattr(libraries, "import_pygpu", lambda: import_module("pygpu"))
    monkeypatch.setitem(sys.modules, "pygpu", None)
    monkeypatch.setattr(problems, "sys", SimpleNamespace(version_info=version))
    found = problems.problem("cuda")
    assert found.value == f"pygpu, which Theano needs for a GPU, is not installed for Python 3.{version[1]}"
    assert found.remedy.startswith("build it with `make pygpu SOURCE=...`, see docs/gpu.md")
    assert found.packages == (("python3-pygpu", "libgpuarray-dev") if packages else ())
    shown = list(device.gpu_parts())[-1]
    assert (shown.ok, shown.packages) == (False, found.packages)
    assert shown.remedy == f"pygpu: {found.value}; {found.remedy}."


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
    found = problems.kernel_problem("cuda")
    assert (found.value, found.remedy) == (f"a test kernel failed on it ({said})", problems.DETAILS)
    assert device.choose("auto", prove=True).problem == found


@pytest.mark.parametrize("name", problems.KERNEL_ERRORS)
def test_known_errors_of_a_kernel_are_explained(pygpu, name):
    pygpu.error = RuntimeError(f"cuCtxCreate: {name}: in the driver's words".encode(), 1)
    found = problems.kernel_problem("cuda")
    assert (found.value, found.remedy) == problems.KERNEL_ERRORS[name]


def test_a_device_that_cannot_add_is_broken(pygpu):
    pygpu.wrong = 1
    assert problems.kernel_problem("cuda").value == "1 + 1 gave [3.0, 3.0, 3.0] on it"


def test_the_image_has_its_own_words_for_all_advice():
    assert list(json.loads(IMAGES_ADVICE.read_text(encoding="utf-8"))) == list(problems.ADVICE)


def test_all_problems_are_listed_in_the_order_in_which_one_would_solve_them(driver, monkeypatch):
    driver(NVRTC="0", LXMLS_GPU_FAULT="it hung")
    assert [problem.value for problem in problems.problems_of("cuda")] == ["there is no NVRTC", "it hung"]
    loaded = problems.libraries.load_library
    monkeypatch.setattr(
        problems.libraries, "load_library", lambda name: loaded({"libcuda.so.1": "libcuda.so"}.get(name, ""))
    )
    assert [problem.name for problem in problems.problems_of("cuda")] == ["libcuda.so", "NVRTC", "kernel"]
    assert problems.problem("cuda").remedy == "link one to the other"
    monkeypatch.setattr(libraries, "has_own_pygpu", lambda: True)
    assert [problem.name for problem in problems.problems_of("cuda")] == ["NVRTC", "kernel"]


def test_pip_adds_what_is_missing_to_what_pip_installed(monkeypatch, tmp_path):
    monkeypatch.setattr(paths, "PACKAGED", tmp_path)  # as in a wheel
    assert runpy.run_path(problems.__file__)["ADVICE"]["framework"].format("torch") == "`pip install torch`"
