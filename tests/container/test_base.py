"""The base that `make up` builds on, with a real Docker; tests/test_gpu_script.py has all cases."""

import shutil

import pytest
from container.machine import ROOT, call

DEFAULT, PLAIN = "nvidia/cuda:13.0.3-base-ubuntu22.04", "debian:12"
NOWHERE = "localhost:1"  # no registry answers there
SMI = "#!/bin/sh\ncase $1 in *compute_cap) echo 9.0 ;; *) echo 'NVIDIA H100, 580.95.05' ;; esac\n"


@pytest.fixture
def make_up(engine, tmp_path):
    """Call the script of `make up` in a checkout on a machine with a GPU; its output, its status, .env."""
    (tmp_path / "scripts").mkdir()
    script = tmp_path / "scripts" / "gpu.sh"
    shutil.copy(ROOT / "scripts" / "gpu.sh", script)
    text = script.read_text()
    for name, image in (("default", DEFAULT), ("plain", PLAIN)):
        assert f"{name}={image}" in text
        text = text.replace(f"{name}={image}", f"{name}={NOWHERE}/{image}")
    script.write_text(text)
    smi = tmp_path / "bin" / "nvidia-smi"
    smi.parent.mkdir()
    smi.write_text(SMI)
    smi.chmod(0o755)

    def call_it(**environ):
        path = f"{smi.parent}:/usr/sbin:/usr/bin:/sbin:/bin"
        done = call(script, "base", check=False, env={"PATH": path, **environ})
        env = tmp_path / ".env"
        return done.returncode, done.stdout, env.read_text() if env.exists() else ""

    return call_it


def test_without_the_cuda_base_a_gpu_gets_cuda_from_packages(make_up, base):
    plain = f"{NOWHERE}/{PLAIN}"
    call("docker", "tag", base, plain)  # as if it had been pulled
    try:
        status, output, env = make_up()
    finally:
        call("docker", "rmi", plain)
    assert (status, env) == (0, f"BASE_IMAGE={plain}\nCUDA=wheels\n"), output
    assert f"The base is {plain}, with CUDA from packages" in output


def test_an_image_that_is_named_and_cannot_be_pulled_is_one_sentence(make_up):
    for name in ("LAB_IMAGE", "BASE_IMAGE"):
        status, output, env = make_up(**{name: f"{NOWHERE}/other:1"})
        assert (status, env) == (1, "")
        assert f"{name}={NOWHERE}/other:1 cannot be pulled: check its name, or remove {name}" in output
