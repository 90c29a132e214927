"""What is said about a GPU, with a driver, NVRTC and cuBLAS that pretend: each answers what the environment says."""

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from environment import within

from lxmls_rnn import device
from lxmls_rnn.device import problems
from lxmls_rnn.theano_env.flags import settings

IMAGES_ADVICE = Path(__file__).parents[2] / "docker" / "advice.json"


def choose(asked, folder=None, prove=False, **environ):
    """Choose a device in a Python that finds the libraries of `folder`."""
    code = "import sys, json; from lxmls_rnn import device; c = device.choose(sys.argv[1], sys.argv[2] == 'True')"
    path = {"LD_LIBRARY_PATH": str(folder), "PYTHONPATH": str(folder)} if folder else {}
    base = {key: value for key, value in os.environ.items() if key not in ("LXMLS_ADVICE", "LXMLS_DEVICE")}
    command = [sys.executable, "-c", code + "; print(json.dumps([c.device, c.sentence]))", asked, str(prove)]
    result = subprocess.run(command, env={**base, **path, **environ}, capture_output=True, text=True, check=True)
    return json.loads(result.stdout)


def test_a_gpu_that_serves_is_taken(healthy, pretend):
    found, sentence = choose("auto", pretend, **healthy)
    assert found == "cuda"
    assert sentence == "Theano uses the GPU: Pretend, compute capability 8.9 (cuda)."


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ({"CUINIT": "803"}, "the driver and its library differ in version (CUDA error 803)"),
        ({"CC": "61"}, "Pretend has compute capability 6.1, and CUDA 13.0 supports 7.5 and newer"),
    ],
)
def test_why_there_is_no_gpu(healthy, pretend, fault, why):
    """test_problems has the other reasons, and what is said where a GPU is asked for by its name."""
    found, sentence = choose("auto", pretend, **healthy | fault)
    assert found == "cpu"
    assert sentence.startswith(f"Theano uses the CPU, because {why}; ")


def test_what_is_missing_is_named(healthy, pretend, tmp_path):
    shutil.copy(pretend / "libcuda.so", tmp_path)
    shutil.copytree(pretend / "pygpu", tmp_path / "pygpu")
    assert "there is no NVRTC and no cuBLAS" in choose("auto", tmp_path, **healthy)[1]


@pytest.mark.skipif(find_spec("pygpu") is not None, reason="there is a pygpu for this Python")
def test_on_a_python_without_pygpu_the_sentence_says_how_to_build_it(healthy, pretend):
    found, sentence = choose("cuda", pretend, **healthy | {"PYTHONPATH": ""})
    assert found is None
    assert "pygpu, which Theano needs for a GPU, is not installed for Python 3." in sentence
    assert "build it with `make pygpu SOURCE=...`" in sentence


def test_in_the_image_the_sentence_speaks_of_the_image(healthy, pretend):
    fault = {"SERVES": "12040", "LXMLS_ADVICE": str(IMAGES_ADVICE)}
    found, sentence = choose("cuda", pretend, **healthy | fault)
    assert found is None
    assert sentence.startswith("LAB_DEVICE=cuda is unavailable")
    assert "build the image with CUDA=wheels, for drivers from 535" in sentence


def test_the_image_has_its_own_words_for_all_advice():
    assert list(json.loads(IMAGES_ADVICE.read_text(encoding="utf-8"))) == list(problems.ADVICE)


def test_a_kernel_that_does_not_run_is_found_only_by_the_proof(healthy, pretend):
    found, sentence = choose("cuda", pretend, prove=True, **healthy)
    assert found is None
    assert "a test kernel failed on it (a kernel that does not run)" in sentence


def test_a_name_of_no_device():
    choice = device.choose("gpu0")
    assert choice.device is None
    assert "gpu0 is not the name of a device" in choice.sentence


def test_the_cpu_needs_no_reason():
    assert device.choose("cpu").sentence == f"Theano uses the CPU, as {device.variable()}=cpu asks."


def test_auto_gives_way_to_a_device_in_theanos_own_flags():
    flags = within({"LXMLS_DEVICE": "auto", "THEANO_FLAGS": "device=cpu"}, settings)
    assert "device" not in flags
