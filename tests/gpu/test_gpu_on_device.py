"""Run the tests in on_device/ on a CUDA device: LXMLS_TEST_DEVICE, or else one that is emulated.

Theano's device is fixed when it is imported, so each file gets a process of its own.
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ASKED = os.environ.get("LXMLS_TEST_DEVICE")
EMULATED = "emulated cuda"
LATE = "emulated cuda, late"  # copies to the host are made when somebody waits for them
CUDA = ASKED or EMULATED
KERNELS = [(CUDA, file) for file in ("layers", "rows", "updates")]
MORE = [(CUDA, file) for file in ("models", "threads", "panels")]
MORE += [(EMULATED, "launches"), (EMULATED, "block_order"), (LATE, "launches"), (LATE, "rows")]
daily = pytest.mark.daily("runs the kernels once more; block_order trains 1,600 times, for half a minute")
HERE = Path(__file__).parent


@pytest.mark.parametrize(("device", "file"), [*KERNELS, *(pytest.param(*each, marks=daily) for each in MORE)])
def test_on_device(device, file, request):
    if device != ASKED and importlib.util.find_spec("pygpu") is None:
        pytest.skip("no pygpu, so Theano uses no GPU (`make pygpu` builds it)")
    if file == "panels" and importlib.util.find_spec("ipywidgets") is None:
        pytest.skip("no ipywidgets, so no panels")
    env = {name: value for name, value in os.environ.items() if name not in ("LXMLS_FLOATX", "LXMLS_GPU_FAULT")}
    env["LXMLS_DEVICE"] = device.removeprefix("emulated ").partition(",")[0]
    if device != ASKED:
        env |= request.getfixturevalue("emulated_gpu")
    if device == LATE:
        env["EMULATED_LATE"] = "1"
    trial = subprocess.run([sys.executable, "-m", "lxmls_rnn.device"], env=env, capture_output=True, text=True)
    assert trial.returncode == 0, trial.stdout
    command = [sys.executable, "-m", "pytest", "-q", "--tb=short", "-o", "addopts=", "--import-mode=importlib"]
    command += ["-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, HERE / "on_device" / f"{file}.py"],
        env=env,
        cwd=HERE.parents[1],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert "skipped" not in done.stdout


@pytest.mark.parametrize(("asked", "bounds"), [("rnn=4096,lstm=4096", {4096}), ("rnn=0,lstm=0", {0}), ("", {192, 512})])
def test_the_variable_sets_the_plan_of_the_layers(asked, bounds):
    if importlib.util.find_spec("pygpu") is None:
        pytest.skip("no pygpu, so Theano uses no GPU (`make pygpu` builds it)")
    code = """
from lxmls_rnn.deep_learning.ops.gpu.lifters import GPU_LAYERS
print(*{layer.fused_up_to for layer in GPU_LAYERS.values()})"""
    env = {**os.environ, "LXMLS_DEVICE": "cpu", "LXMLS_FUSED_UP_TO": asked}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert set(map(int, done.stdout.split())) == bounds, done.stderr
