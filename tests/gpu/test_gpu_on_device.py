"""Run the tests in on_device/ on a device: LXMLS_TEST_DEVICE, or else PoCL's, an OpenCL device made of the CPU.

Theano's device is fixed when it is imported, so each file gets a process of its own.
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ASKED = os.environ.get("LXMLS_TEST_DEVICE")
DEVICE = ASKED or "opencl0:0"
HERE = Path(__file__).parent


def environment():
    env = {name: value for name, value in os.environ.items() if name not in ("LXMLS_FLOATX", "LXMLS_GPU_FAULT")}
    return env | {"LXMLS_DEVICE": DEVICE}


@pytest.fixture(scope="module")
def device():
    """The environment of a process on the device; where there is none by default skip, where it is asked for fail."""
    if not ASKED and importlib.util.find_spec("pygpu") is None:
        pytest.skip("no pygpu, so Theano uses no GPU (Debian 12: python3-pygpu)")
    trial = subprocess.run(
        [sys.executable, "-m", "lxmls_rnn.device"], env=environment(), capture_output=True, text=True
    )
    if trial.returncode != 0:
        (pytest.fail if ASKED else pytest.skip)(f"{trial.stdout.splitlines()[0]}")
    return environment()


@pytest.mark.parametrize("file", ["layers.py", "models.py"])
def test_on_device(device, file):
    command = [sys.executable, "-m", "pytest", "-q", "-o", "addopts=", "--import-mode=importlib"]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", HERE / "on_device" / file],
        env=device,
        cwd=HERE.parents[1],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert "skipped" not in done.stdout
