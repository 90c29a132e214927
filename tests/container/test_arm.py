"""The lab on an ARM processor with 64 bits, as in most laptops of Apple: this machine's, or one that QEMU emulates.

Emulated, the image takes an hour to build although its cache is warmed for one model, and a module a minute to compile.
"""

import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from container.conftest import built_lab
from container.machine import ROOT, call, image

pytestmark = pytest.mark.nightly("the same as on x86-64, on another processor, emulated unless this machine's is one")
NATIVE = platform.machine() == "aarch64"
# An epoch of the sample, of 1,000 updates.
TRAININGS = {
    "NumpyRNN": ["--model", "NumpyRNN"],
    "FastRNN": ["--model", "FastRNN"],
    "RNN": ["--model", "RNN"],
    "FastLSTM": ["--model", "FastLSTM", "--max-nr-sent", "100"],
}
# Projections of the parameters, computed on x86-64.
PROJECTIONS = {
    "NumpyRNN": 5.152469139116,
    "RNN": 5.152469139116,
    "FastRNN": 5.152469139116,
    "FastLSTM": -21.443680937206,
}
BLAS = "from lxmls_rnn.device.blas_proof import require_numpy; print(require_numpy())"
ANSWERS = """
import numpy as np
from lab import check

def my_clip(gradients, max_norm):
    norm = np.sqrt(sum((gradient**2).sum() for gradient in gradients))
    return [gradient * min(1, max_norm / norm) for gradient in gradients]

def clips_each(gradients, max_norm):
    return [np.clip(gradient, -max_norm, max_norm) for gradient in gradients]

print(check.clip(clips_each))
print(check.clip(my_clip))
"""


@pytest.fixture(scope="module")
def arm(engine, figures, tmp_path_factory):
    """The lab for ARM, warmed for FastRNN alone, and healthy."""
    if NATIVE:
        base, environ = image("debian:12", "lxmls-rnn-base:debian12", "bookworm"), {}
    else:
        base, environ = "lxmls-rnn-base:debian12-arm64", {"DOCKER_DEFAULT_PLATFORM": "linux/arm64"}
        call(ROOT / "docker" / "offline-base.sh", base, "bookworm", env=os.environ | {"DEBIAN_ARCH": "arm64"})
    machine = call("docker", "run", "--rm", base, "uname", "-m", check=False, env=os.environ | environ).stdout
    assert machine == "aarch64\n", f"{machine}: apt-get install qemu-user-static"
    folder, arguments = tmp_path_factory.mktemp("arm"), {"WARM": "FastRNN"}
    with built_lab(folder, "lxmls-rnn-lab:test-arm64", {"BASE_IMAGE": base}, figures, arguments, **environ) as it:
        yield it


def test_it_says_what_it_runs_on(arm):
    """No variable chooses OpenBLAS's kernel."""
    assert call("docker", "image", "inspect", "--format", "{{.Architecture}}", arm.image).stdout == "arm64\n"
    assert arm.compose("exec", "-T", "lab", "uname", "-m").stdout == "aarch64\n"
    proof = arm.compose("exec", "-T", "lab", "sh", "-c", f"echo \"[$OPENBLAS_CORETYPE]\"; python -c '{BLAS}'").stdout
    assert proof.startswith("[]\nits products with the kernel ")
    arm.figures["NumPy's BLAS"] = proof.splitlines()[1]


def train(name, root):
    return ["lxmls-rnn", "train", "sample", *TRAININGS[name], "--epochs", "1", "--root", str(root), "--name", name]


def parameters(folder):
    with np.load(folder / "model.npz") as arrays:
        return {name: arrays[name] for name in arrays.files if arrays[name].dtype == np.float64}


@pytest.mark.parametrize("name", TRAININGS)
def test_a_training_reaches_the_parameters_of_x86_64(arm, name, tmp_path):
    """Those of this machine, and in any case those that x86-64 once had."""
    here = train(name, tmp_path)
    subprocess.run([Path(sys.executable).with_name(here[0]), *here[1:]], check=True)
    arm.compose("exec", "-T", "lab", *train(name, "runs"))
    expected, found = parameters(tmp_path / name), parameters(arm.folder / "runs" / name)
    assert {key: W.shape for key, W in found.items()} == {key: W.shape for key, W in expected.items()}
    difference = max(np.abs(found[key] - W).max() for key, W in expected.items())
    arm.figures[f"{name}: largest difference of a parameter"] = f"{difference:.1e}"
    assert difference < 1e-10
    projection = sum(np.cos(np.arange(W.size)) @ W.ravel() for W in found.values())
    assert projection == pytest.approx(PROJECTIONS[name], abs=1e-9)


def test_its_page_opens(arm):
    _, token = arm.address()
    status, page = arm.get("/lab", token)
    assert (status, "JupyterLab" in page) == (200, True)
    assert "Theano uses the CPU" in arm.log()


def test_it_checks_an_answer(arm):
    said = arm.compose("exec", "-T", "lab", "python", "-", input=ANSWERS).stdout
    assert "clip: not right. First difference: with max_norm = 1.5" in said
    assert "clip: right. Long gradients are scaled" in said


def test_a_sweep_has_two_workers(arm):
    sweep = ["sweep", "sample", "--vary", "model=NumpyRNN,FastRNN", "--epochs", "1", "--workers", "2", "--name", "arm"]
    said = arm.compose("exec", "-T", "lab", "lxmls-rnn", *sweep).stdout
    assert said.count("done   epoch 1") == 2
