"""The shim in docker/: which architecture it chooses, and what NVIDIA's compiler then makes of a kernel.

That a kernel compiles for a device says nothing about how it runs there.
"""

import ctypes
import os
import re
import subprocess
import sys
from pathlib import Path

import nvrtc
import pytest

pytestmark = pytest.mark.daily("uses the emulated GPU, which takes fifteen seconds to build")
# What nvrtcGetSupportedArchs of each toolkit's NVRTC answers.
SUPPORTED = {
    "11.8": [35, 37, 50, 52, 53, 60, 61, 62, 70, 72, 75, 80, 86, 87, 89, 90],
    "12.4": [50, 52, 53, 60, 61, 62, 70, 72, 75, 80, 86, 87, 89, 90],
    "12.9": [50, 52, 53, 60, 61, 62, 70, 72, 75, 80, 86, 87, 89, 90, 100, 101, 103, 120, 121],
    "13.0": [75, 80, 86, 87, 88, 89, 90, 100, 103, 110, 120, 121],
}
# device: the architecture chosen with 11.8, 12.4, 12.9, 13.0; 0 is none
CHOSEN = {
    50: (50, 50, 50, 0),
    61: (61, 61, 61, 0),
    70: (70, 70, 70, 0),
    75: (75, 75, 75, 75),
    80: (80, 80, 80, 80),
    86: (86, 86, 86, 86),
    88: (87, 87, 87, 88),
    89: (89, 89, 89, 89),
    90: (90, 90, 90, 90),
    100: (90, 90, 100, 100),
    103: (90, 90, 103, 103),
    120: (90, 90, 120, 120),
    121: (90, 90, 121, 121),
    150: (90, 90, 121, 121),  # a GPU newer than every toolkit here
}

KERNEL = """
#include "cluda.h"
KERNEL void softplus(GLOBAL_MEM ga_float *y, GLOBAL_MEM const ga_float *x, ga_size n) {
    GA_DECL_SHARED_BODY(ga_float, tile)
    ga_size i = GID_0 * LDIM_0 + LID_0;
    tile[LID_0] = i < n ? x[i] : 0;
    local_barrier();
    if (i < n) y[i] = log(1 + exp(tile[LDIM_0 - 1 - LID_0]));
}
"""


@pytest.mark.parametrize("toolkit", SUPPORTED)
@pytest.mark.parametrize("device", CHOSEN)
def test_chooses_the_highest_architecture_not_above_the_device(stand_ins, device, toolkit):
    supported = SUPPORTED[toolkit]
    choose = ctypes.CDLL(stand_ins / "libnvrtc.so").lxmls_choose_arch

    chosen = choose(device, (ctypes.c_int * len(supported))(*supported), len(supported))

    assert chosen == CHOSEN[device][list(SUPPORTED).index(toolkit)]


def test_choice_does_not_depend_on_the_order_of_the_list(stand_ins):
    choose = ctypes.CDLL(stand_ins / "libnvrtc.so").lxmls_choose_arch
    assert choose(89, (ctypes.c_int * 4)(90, 75, 86, 80), 4) == 86
    assert choose(89, None, 0) == 0


def compile_through_shim(folder, real, *options, device=None, **env):
    """Run NVRTC behind the shim in a process of its own, since it loads its libraries once a process."""
    env = {"LXMLS_NVRTC": str(real), **nvrtc.search_path(folder), **env}
    if device is not None:
        env["EMULATED_CC"] = str(device)
    command = [sys.executable, nvrtc.__file__, folder / "libnvrtc.so", *options]
    return subprocess.run(command, input=KERNEL, env={**os.environ, **env}, capture_output=True, text=True)


def target(ptx):
    """The architecture that PTX is for, 86 for sm_86."""
    return int(re.search(r"^\.target sm_(\d+)", ptx, re.MULTILINE)[1])


# options; the device, None if none can be asked; the architecture that the PTX is for
OPTIONS = [(["-arch", f"compute_{str(number)[:2]}"], number, number) for number in CHOSEN if number >= 75]
OPTIONS += [(["-arch", f"compute_{cut}"], None, number) for cut, number in ((75, 75), (10, 100), (12, 120))]
OPTIONS += [(["-arch", "compute_99"], 990, 990), (["-lineinfo", "--gpu-architecture=compute_12"], 120, 120)]


@pytest.mark.parametrize(("options", "device", "capability"), OPTIONS)
def test_compiles_for_each_device_from_the_option_that_libgpuarray_gives(
    stand_ins, real_nvrtc, options, device, capability
):
    """Change only an impossible option if no device can be asked."""
    done = compile_through_shim(stand_ins, real_nvrtc.path, *options, device=device)
    assert done.returncode == 0, done.stderr
    assert target(done.stdout) == real_nvrtc.best_arch(capability)


def test_an_architecture_with_features_of_its_own_is_left_alone(stand_ins, real_nvrtc):
    done = compile_through_shim(stand_ins, real_nvrtc.path, "-arch", "compute_90a", device=100)
    assert ".target sm_90a" in done.stdout


def test_a_device_too_old_is_refused_and_one_line_says_what_to_do(stand_ins, real_nvrtc):
    done = compile_through_shim(stand_ins, real_nvrtc.path, "-arch", "compute_30", device=30)

    assert done.returncode == 1
    assert "CompileError" in done.stderr
    [line] = [line for line in done.stderr.splitlines() if line.startswith("lxmls:")]
    major, minor = divmod(real_nvrtc.supported[0], 10)
    assert "this GPU has compute capability 3.0 and the compiler of CUDA" in line
    assert f"starts at {major}.{minor}: " in line


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/nowhere/libnvrtc.so", "LXMLS_NVRTC=/nowhere/libnvrtc.so cannot be loaded"),
        ("libnvrtc.so", "is the shim itself"),
    ],
)
def test_a_path_to_no_compiler_is_named(stand_ins, path, error):
    done = compile_through_shim(stand_ins, stand_ins / path, "-arch", "compute_75", device=75)
    assert done.returncode == 1
    assert error in done.stderr


def test_the_newest_nvrtc_on_the_search_path_is_taken(stand_ins, real_nvrtc, tmp_path):
    if not Path(real_nvrtc.path).is_file():
        pytest.skip(f"{real_nvrtc.path} is not known by its path")
    for file in Path(real_nvrtc.path).parent.glob("libnvrtc*"):
        (tmp_path / file.name).symlink_to(file)
    (tmp_path / "libnvrtc.so.12").unlink(missing_ok=True)
    (tmp_path / "libnvrtc.so.12").symlink_to(stand_ins / "libcuda.so")  # no compiler: to take it would fail
    (tmp_path / "libnvrtc.so.13").unlink(missing_ok=True)
    (tmp_path / "libnvrtc.so.13").symlink_to(real_nvrtc.path)
    env = nvrtc.search_path(stand_ins, tmp_path)

    done = compile_through_shim(stand_ins, "", "-arch", "compute_75", device=75, **env)

    assert done.returncode == 0, done.stderr
    assert target(done.stdout) == 75


VERSIONS = """
#include <stdlib.h>
int nvrtcVersion(int *major, int *minor) { *major = MAJOR, *minor = MINOR; return 0; }
int nvrtcCompileProgram(void) { return 1; }
const char *nvrtcGetErrorString(int status) { return "a compiler that compiles nothing"; }
int cuDriverGetVersion(int *version) { *version = atoi(getenv("DRIVER")); return *version == 0; }
"""


@pytest.mark.parametrize(
    ("driver", "order", "taken"),
    [
        (13000, ["13.2", "12.9", "12.2"], "12.9"),
        (13010, ["13.2", "12.9"], "12.9"),
        (13020, ["13.2", "12.9"], "13.2"),
        (13020, ["12.2", "13.2"], "12.2"),
        (12020, ["13.2", "12.9", "12.2"], "12.2"),
        (12000, ["12.9", "12.2"], "12.9"),  # the doctor names it
        (0, ["13.2", "12.9"], "13.2"),
        (12020, ["nowhere", "", "12.2"], "12.2"),
    ],
)
def test_the_first_nvrtc_that_is_not_newer_than_the_driver_is_taken(stand_ins, tmp_path, driver, order, taken):
    for version in filter(None, {*order, "0.0"} - {"nowhere"}):
        major, minor = version.split(".")
        name = tmp_path / ("libcuda.so" if major == "0" else version)
        options = ["-shared", "-fPIC", f"-DMAJOR={major}", f"-DMINOR={minor}", "-o", name, "-x", "c", "-"]
        subprocess.run(["gcc", *options], input=VERSIONS, text=True, check=True)
    code = f"""
import ctypes
shim = ctypes.CDLL({str(stand_ins / "libnvrtc.so")!r})
major, minor = ctypes.c_int(), ctypes.c_int()
shim.nvrtcVersion(ctypes.byref(major), ctypes.byref(minor))
print(f"{{major.value}}.{{minor.value}}")"""
    paths = ":".join(str(tmp_path / name) if name else "" for name in order)
    env = {**os.environ, **nvrtc.search_path(tmp_path), "LXMLS_NVRTC": paths, "DRIVER": str(driver)}

    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)

    assert done.stdout.strip() == taken, done.stderr


def test_the_compilers_builtins_are_found_beside_it(stand_ins, real_nvrtc, tmp_path):
    """CUDA 13.0's compiler has no RUNPATH; here a copy of any compiler's is made to lead nowhere."""
    path = Path(real_nvrtc.path)
    builtins = f"libnvrtc-builtins.so.{'.'.join(map(str, real_nvrtc.version))}"
    if not (path.parent / builtins).is_file():
        pytest.skip(f"{real_nvrtc.path} and its builtins are not known by their path")
    (tmp_path / builtins).symlink_to(path.parent / builtins)
    (tmp_path / path.name).write_bytes(path.read_bytes().replace(b"\0$ORIGIN", b"\0/nowhere"[: len(b"\0$ORIGIN")]))

    done = compile_through_shim(stand_ins, tmp_path / path.name, "-arch", "compute_75", device=75)

    assert done.returncode == 0, done.stderr
    assert target(done.stdout) == 75


def test_several_threads_may_compile_at_once(stand_ins, real_nvrtc):
    code = f"""if True:
        import sys
        from concurrent.futures import ThreadPoolExecutor
        sys.path.append({str(Path(nvrtc.__file__).parent)!r})
        import driver, nvrtc
        def compile(i):  # each thread's first call may be the one that loads
            driver.Driver("libcuda.so").make_current()
            shim = nvrtc.Nvrtc({str(stand_ins / "libnvrtc.so")!r})
            return shim.compile(f'extern "C" __global__ void k(int *p) {{{{ *p = {{i}}; }}}}', ["-arch", "compute_10"])
        with ThreadPoolExecutor(8) as pool:
            print(*pool.map(compile, range(32)))"""
    env = {**os.environ, **nvrtc.search_path(stand_ins), "LXMLS_NVRTC": real_nvrtc.path, "EMULATED_CC": "100"}

    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)

    assert done.stdout.count(f".target sm_{real_nvrtc.best_arch(100)}") == 32, done.stderr
