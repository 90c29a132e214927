"""What scripts/gpu-kit.sh refuses; tests/container/test_gpu_kit.py packs a kit and runs it on a bare machine."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.process

ROOT = Path(__file__).parent.parent


@pytest.fixture
def kit(tmp_path):
    """Call the script in a checkout of its own; return its status and what it says."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "gpu-kit.sh", tmp_path / "scripts")

    def call(*arguments, **environ):
        command = [shutil.which("bash"), tmp_path / "scripts" / "gpu-kit.sh", *arguments]
        done = subprocess.run(command, env={**os.environ, **environ}, capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    return call


def test_without_the_file_it_says_that_it_has_to_travel(kit, tmp_path):
    status, text = kit("look")
    assert status == 1
    assert f"{tmp_path}/.kit/kit.tar.xz not found: copy it with the checkout" in text


def test_an_environment_that_is_not_the_kits_is_left_alone(kit, tmp_path):
    for file in (".venv/mine", ".kit/kit.tar.xz"):
        (tmp_path / file).parent.mkdir()
        (tmp_path / file).touch()
    status, text = kit("on", "true")
    assert status == 1
    assert ".venv is not the kit's" in text
    assert (tmp_path / ".venv" / "mine").exists()


@pytest.mark.parametrize("word", ["pack", "look", "on", "report"])
def test_an_arm_processor_is_refused_by_its_name(kit, tmp_path, word):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "uname").write_text("#!/bin/sh\necho aarch64\n")
    (tmp_path / "bin" / "uname").chmod(0o755)
    says = "gpu-kit: the kit is for x86-64, and this machine is aarch64: use the Docker image there\n"
    assert kit(word, PATH=f"{tmp_path / 'bin'}:{os.environ['PATH']}") == (1, says)


def test_without_a_word_it_says_how_it_is_called(kit):
    status, text = kit()
    assert status == 2
    assert "scripts/gpu-kit.sh look " in text
    assert "set -euo" not in text


def test_before_packing_it_looks_for_what_it_packs_with(kit, tmp_path):
    (tmp_path / "bin").mkdir()
    for tool in ("dirname", "mktemp", "rm", "uname"):
        (tmp_path / "bin" / tool).symlink_to(shutil.which(tool))
    assert kit("pack", PATH=str(tmp_path / "bin")) == (1, "gpu-kit: uv not found: run make setup first\n")
    (tmp_path / "bin" / "uv").symlink_to(shutil.which("true"))
    assert kit("pack", PATH=str(tmp_path / "bin")) == (1, "gpu-kit: xz not found: apt-get install -y xz-utils\n")


def test_before_unpacking_it_looks_for_what_it_unpacks_with(kit, tmp_path):
    (tmp_path / "bin").mkdir()
    for tool in ("cat", "cksum", "dirname", "grep", "mkdir", "rm", "sed", "tr", "uname"):
        (tmp_path / "bin" / tool).symlink_to(shutil.which(tool))
    (tmp_path / ".kit").mkdir()
    (tmp_path / ".kit" / "kit.tar.xz").touch()
    status, text = kit("on", "true", PATH=str(tmp_path / "bin"))
    assert status == 1
    assert text.endswith("needs xz (apt-get install -y xz-utils) or a Python 3 with lzma\n")
    assert not (tmp_path / ".venv").exists()
    (tmp_path / "bin" / "tar").symlink_to(shutil.which("tar"))
    (tmp_path / "bin" / "xz").symlink_to(shutil.which("false"))
    status, text = kit("on", "true", PATH=str(tmp_path / "bin"))
    assert status == 1
    assert "unpacking .kit/kit.tar.xz failed: is it complete" in text
    assert not (tmp_path / ".venv").exists()
