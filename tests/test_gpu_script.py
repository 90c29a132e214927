"""What scripts/gpu.sh says and writes, with a docker and an nvidia-smi that answer as on the machine in question."""

import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.process

ROOT = Path(__file__).parent.parent
WITH, WITHOUT = '{"nvidia":{},"runc":{}}', '{"runc":{}}'


@pytest.fixture
def machine(tmp_path):
    """Make a machine of a docker's answer and an nvidia-smi's, call the script there."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "gpu.sh", tmp_path / "scripts")
    (tmp_path / "bin").mkdir()

    def call(docker, smi, env=None):
        for name, answer in (("docker", docker), ("nvidia-smi", smi)):
            script = "exit 1" if answer is None else f"cat <<'END'\n{answer}\nEND"
            (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{script}\n")
            (tmp_path / "bin" / name).chmod(0o755)
        if env is not None:
            (tmp_path / ".env").write_text(env)
        path = f"{tmp_path / 'bin'}:/usr/bin:/bin"
        result = subprocess.run(
            [tmp_path / "scripts" / "gpu.sh"], env={"PATH": path}, capture_output=True, text=True, timeout=60
        )
        written = (tmp_path / ".env").read_text() if (tmp_path / ".env").exists() else None
        return result.returncode, result.stdout + result.stderr, written

    return call


def test_a_gpu_and_the_runtime(machine):
    status, text, env = machine(WITH, "NVIDIA H100, 580.95.05, 9.0")
    assert (status, env) == (0, "LAB_RUNTIME=nvidia\n")
    assert "NVIDIA H100" in text


def test_other_lines_of_env_stay_and_a_second_call_changes_nothing(machine):
    before = "LAB_PORT=9999\nLAB_TOKEN=mine\n"
    _, _, env = machine(WITH, "NVIDIA H100, 580.95.05, 9.0", before)
    assert env == before + "LAB_RUNTIME=nvidia\n"
    assert machine(WITH, "NVIDIA H100, 580.95.05, 9.0")[2] == env


def test_without_a_gpu_the_runtime_is_taken_out(machine):
    status, text, env = machine(WITH, None, "LAB_RUNTIME=nvidia\nLAB_PORT=1\n")
    assert (status, env) == (0, "LAB_PORT=1\n")
    assert "No NVIDIA GPU here" in text


def test_without_a_gpu_no_file_is_made(machine):
    assert machine(WITHOUT, None)[2] is None


def test_a_gpu_without_the_runtime_says_what_to_install(machine):
    status, text, env = machine(WITHOUT, "NVIDIA H100, 580.95.05, 9.0", "LAB_RUNTIME=nvidia\n")
    assert (status, env) == (1, "")
    assert "nvidia-ctk runtime configure" in text


def test_without_docker_it_stops(machine):
    status, text, env = machine(None, "NVIDIA H100, 580.95.05, 9.0", "LAB_PORT=1\n")
    assert (status, env) == (1, "LAB_PORT=1\n")
    assert "Docker does not answer" in text


@pytest.mark.parametrize(
    ("cards", "cuda"),
    [
        ("NVIDIA RTX 5090, 570.86.10, 12.0", "12.8.1"),
        ("NVIDIA GTX 1080 Ti, 580.65.06, 6.1", "12.9.1"),
        ("NVIDIA H100, 580.65.06, 9.0\nTesla V100, 580.65.06, 7.0", "12.9.1"),
        ("NVIDIA A100, 550.54.15, 8.0", "12.4.1"),
        ("NVIDIA A100, 535.161.08, 8.0", "12.2.2"),
    ],
)
def test_an_older_driver_or_card_gets_an_older_cuda(machine, cards, cuda):
    _, _, env = machine(WITH, cards)
    assert f"BASE_IMAGE=nvidia/cuda:{cuda}-base-ubuntu22.04\n" in env


def test_a_base_image_of_the_users_own_stays(machine):
    _, _, env = machine(WITH, "NVIDIA A100, 535.161.08, 8.0", "BASE_IMAGE=mine\n")
    assert env == "BASE_IMAGE=mine\nLAB_RUNTIME=nvidia\n"


def test_a_driver_too_old_for_all_of_them(machine):
    status, text, _ = machine(WITH, "Tesla K80, 470.82.01, 3.7")
    assert status == 1
    assert "update it to 535 or newer" in text
