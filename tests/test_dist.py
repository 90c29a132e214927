"""The wheels that `make dist` writes, of the library and of its Theano, without a checkout."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.process

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """A folder with what the two wheels hold."""
    uv = shutil.which("uv", path=f"{os.environ['PATH']}:{ROOT / '.uv' / 'bin'}")
    if uv is None or shutil.which("make") is None:
        pytest.skip("no uv, or no make: the image has none")
    folder = tmp_path_factory.mktemp("dist")
    left_out = {".git", ".venv", ".uv", "dist", "runs", "results", "tests"}
    shutil.copytree(ROOT, folder / "checkout", ignore=lambda where, names: left_out if Path(where) == ROOT else set())
    (folder / "checkout" / ".venv").symlink_to(ROOT / ".venv")
    (folder / "checkout" / ".uv").symlink_to(ROOT / ".uv")
    subprocess.run(["make", "--assume-old=.venv/.ready", "dist"], cwd=folder / "checkout", check=True)
    wheels = sorted((folder / "checkout" / "dist").iterdir())
    assert [wheel.name.split("-")[0] for wheel in wheels] == ["lxmls_rnn", "theano"]
    install = [uv, "pip", "install", "-q", "--no-deps", "--python", sys.executable, "--target", folder / "packages"]
    subprocess.run([*install, *wheels], check=True)
    shutil.rmtree(folder / "checkout")
    return folder / "packages"


@pytest.mark.slow("builds two wheels and trains with what is in them, twenty seconds")
def test_what_is_in_the_wheels_trains(packages, tmp_path):
    code = (
        "import theano, lxmls_rnn.__main__ as main, sys; print(theano.__file__, main.__file__);"
        "sys.argv[1:] = ['train', '--model', 'FastRNN', '--epochs', '1', '--name', 'one']; main.main()"
    )
    environ = {**os.environ, "PYTHONPATH": str(packages), "LXMLS_DATA": str(ROOT / "data"), "LXMLS_RUNS": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    files, *_ = done.stdout.splitlines()
    assert all(file.startswith(str(packages)) for file in files.split())
    assert (tmp_path / "one" / "model.npz").exists()
    assert not list(packages.glob("*.pth"))
