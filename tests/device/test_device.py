"""What is said about a GPU, with a driver, NVRTC and cuBLAS that pretend: each answers what the environment says."""

import json
import os
import subprocess
import sys
from pathlib import Path

from lxmls_rnn.device import problems

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
