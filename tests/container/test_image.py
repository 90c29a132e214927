"""What is in the image: a warm cache, the devices, what the tests say of it, and nothing secret."""

import json
import re
import time

import pytest


def test_a_fresh_container_has_matplotlibs_list_of_fonts(lab):
    code = "import logging; logging.basicConfig(level=logging.INFO); import matplotlib.font_manager; print('imported')"
    assert lab.run("python", "-c", code, LAB_UID="54321", LAB_GID="54321").stdout.endswith("imported\n")
    assert "new fontManager" not in lab.run("python", "-c", code, LAB_UID="54321", LAB_GID="54321").stdout


@pytest.mark.nightly("takes the times of docs/speed.md; the trainings are among those of test_documentation.py")
@pytest.mark.parametrize("model", ["RNN", "LSTM"])
def test_the_first_epoch_in_a_fresh_container(lab, model):
    start = time.monotonic()
    lab.run("lxmls-rnn", "train", "sample", "--model", model, "--epochs", "1", "--root", "/tmp/runs")
    lab.figures[f"first epoch of {model}, container's start included"] = f"{time.monotonic() - start:.1f} s"


@pytest.mark.parametrize(
    ("device", "why"),
    [
        ("cuda0", "LAB_DEVICE=cuda0 is unavailable, because the container has no NVIDIA driver"),
        ("opencl0:0", "opencl0:0 is not the name of a device; set LAB_DEVICE to auto, cpu, cuda or a numbered GPU"),
    ],
)
def test_a_device_that_is_not_there_stops_the_lab(lab, device, why):
    result = lab.run(check=False, LAB_DEVICE=device)
    assert result.returncode == 1
    assert why in result.stdout
    assert ("run `make gpu`" in result.stdout) == (device == "cuda0")
    assert "Traceback" not in result.stdout


NUMBERS = pytest.mark.nightly("the same as outside of the image, with its NumPy and compiler")


@pytest.mark.parametrize(
    "folders",
    [
        ["tests/device", "tests/test_doctor.py", "tests/theano_env"],
        pytest.param(["packages/theano/tests", "tests/benchmark", "tests/deep_learning"], marks=NUMBERS),
    ],
    ids=["the machine", "the numbers"],
)
def test_what_the_image_changes_passes_its_tests_there(lab, folders):
    """Devices, compilers and the cache; those of the GPU are in test_gpu.py."""
    result = lab.run("make", "test", f"ARGS=-q -p no:cacheprovider {' '.join(folders)}")
    passed = [line for line in result.stdout.splitlines() if re.match(r"=*\s*\d+ passed", line)]
    lab.figures[f"{', '.join(folders)} in the image"] = passed[-1]


def test_what_the_build_is_given_in_secret_is_not_in_the_image(lab):
    """The pip configuration that it was given holds a word that no layer and no line of the log may hold."""
    assert "docker/install-packages.sh" in lab.build_log
    assert lab.secret not in lab.build_log
    history = lab.call("docker", "history", "--no-trunc", "--format", "{{.CreatedBy}}", lab.image).stdout
    assert lab.secret not in history
    search = f"cd /; ls -A tmp; grep -rlI --exclude-dir=proc --exclude-dir=sys {lab.secret} . || :"
    command = ["docker", "run", "--rm", "--user", "0", "--entrypoint", "sh", lab.image, "-c", search]
    assert lab.call(*command).stdout == ""


def test_the_image_says_what_it_is_and_what_it_was_built_from(lab):
    found = lab.call("docker", "image", "inspect", "--format", "{{json .Config.Labels}}", lab.image).stdout
    labels = {name.removeprefix("org.opencontainers.image."): value for name, value in json.loads(found).items()}
    assert labels["title"] == "LxMLS RNN lab"
    assert labels["base.name"] == lab.figures["base image"]
    assert set(labels) >= {"description", "licenses", "revision"}
