"""Place where `make bench` and its like run, with a Docker that notes each call and answers as the real one would."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "scripts" / "where-the-gpu-is.sh"
DOCKER = """#!/bin/sh
echo "$@" >>"$ASKED"
case "$*" in
info*) [ -z "$DOWN" ] || { echo "Cannot connect to the Docker daemon" >&2; exit 1; } ;;
"compose ps"*) echo "$RUNNING" ;;
"inspect"*working_dir*) echo "${FOLDER:-$PWD}" ;;
"compose exec"*"python -m lxmls_rnn.device") [ "$GPU" ] ;;
"compose run"*) exit 7 ;;
esac
"""
PROBE = '#!/bin/sh\necho "$0" "$@"\nexit 5\n'
HERE = "In .venv of this checkout:"


@pytest.fixture
def checkout(tmp_path):
    """Call the script in a checkout: return its status, the lines that it prints, and what Docker was asked."""
    for name, text in (("bin/docker", DOCKER), (".venv/bin/probe", PROBE), (".venv/.ready", "")):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o755)
    (tmp_path / "scripts").mkdir()
    shutil.copy(SCRIPT, tmp_path / "scripts")
    asked = tmp_path / "asked"

    def call(env_file="", **environ):
        asked.write_text("")
        (tmp_path / ".env").write_text(env_file)
        path = f"{tmp_path}/bin:/usr/bin:/bin"
        names = dict.fromkeys(("DOWN", "RUNNING", "GPU"), "") | {"PATH": path, "ASKED": str(asked)} | environ
        command = [tmp_path / "scripts" / SCRIPT.name, "probe", "--out", "a b"]
        done = subprocess.run(command, env=names, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        return done.returncode, (done.stdout + done.stderr).splitlines(), asked.read_text().splitlines()

    call.probe = f"{tmp_path}/.venv/bin/probe --out a b"
    return call


NVIDIA = "LAB_TAG=x\nLAB_RUNTIME=nvidia\n"
RUN = "compose run --rm --no-TTY lab probe --out a b"


def test_without_a_gpu_it_is_the_checkouts_own_environment(checkout):
    assert checkout()[:2] == (5, [HERE, checkout.probe])
    assert checkout(RUNNING="abc")[:2] == (5, [HERE, checkout.probe])  # the lab runs, without a GPU
    assert checkout(GPU="yes")[:2] == (5, [HERE, checkout.probe])  # it does not run
    another = {"RUNNING": "abc", "GPU": "yes", "FOLDER": "/home/anna/lxmls-rnn"}  # a folder of the same name
    assert checkout(**another)[:2] == (5, [HERE, checkout.probe])


@pytest.mark.parametrize("how", [{"env_file": NVIDIA}, {"LAB_RUNTIME": "nvidia"}, {"RUNNING": "abc", "GPU": "yes"}])
def test_where_the_lab_has_the_gpu_it_is_a_container_of_the_lab(checkout, how):
    status, (first, *_), asked = checkout(**how)
    assert (status, asked[-1]) == (7, RUN)
    assert first == "In a container of the lab, which has the GPU (HERE=yes: in .venv):"


def test_here_keeps_it_in_the_checkout_and_the_container_itself_asks_no_docker(checkout):
    assert checkout(NVIDIA, HERE="yes") == (5, [HERE, checkout.probe], [])
    path = f"{Path(checkout.probe.split()[0]).parent}:/usr/bin:/bin"
    assert checkout(NVIDIA, LXMLS_IMAGE="/opt/lab", PATH=path)[:2] == (5, [checkout.probe])


def test_a_runtime_without_docker_is_a_sentence(checkout):
    status, lines, asked = checkout(NVIDIA, DOWN="yes")
    assert status == 1
    assert lines == [
        "LAB_RUNTIME=nvidia: the lab has the GPU, and Docker does not answer: Cannot connect to the Docker daemon",
        "Start Docker, or add HERE=yes to run in this checkout's .venv.",
    ]
    assert asked == ["info"]


def test_the_targets_of_make_use_it():
    dry = subprocess.run(
        ["make", "-n", "bench", "bench-full", "doctor", "test-gpu", "HERE=yes", "ARGS=--work step"],
        cwd=SCRIPT.parents[1],
        env=os.environ | {"MAKEFLAGS": ""},
        capture_output=True,
        text=True,
    ).stdout
    calls = [line for line in dry.splitlines() if SCRIPT.name in line]
    assert len(calls) == 4
    assert all("HERE=yes" in line for line in calls)
    assert "lxmls-rnn bench --work step" in calls[0]
