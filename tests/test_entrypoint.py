"""Start of the lab by docker/entrypoint.sh: its checks and settings, with a python and a jupyter that only answer."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ENTRYPOINT = Path(__file__).parents[1] / "docker/entrypoint.sh"
PYTHON = f"""#!/bin/sh
case $2 in
lxmls_rnn.device) printf 'Theano uses the CPU.\\n\\n' ;;
lxmls_rnn.*) ;;
*) exec {sys.executable} "$@" ;;
esac
"""
JUPYTER = """#!/bin/sh
echo "jupyter $*"
env
"""
# root may write everywhere but without this right
AS_ANYBODY = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []


@pytest.fixture
def start(tmp_path):
    for folder in ("bin", "home", "work", "data", "runs", "results"):
        (tmp_path / folder).mkdir(parents=True)
    for name, script in {"python": PYTHON, "jupyter": JUPYTER}.items():
        (tmp_path / "bin" / name).write_text(script)
        (tmp_path / "bin" / name).chmod(0o755)
    if AS_ANYBODY and subprocess.run([*AS_ANYBODY, "true"], check=False).returncode:
        pytest.skip("this root cannot give up its rights")

    def start(*command, **environ):
        plain = {"PATH": f"{tmp_path}/bin:{os.environ['PATH']}", "HOME": f"{tmp_path}/home", "LD_LIBRARY_PATH": ""}
        call = [*AS_ANYBODY, "sh", ENTRYPOINT, *command]
        return subprocess.run(call, cwd=tmp_path, env=plain | environ, capture_output=True, text=True, check=False)

    yield start
    for folder in ("data", "runs"):
        (tmp_path / folder).chmod(0o755)


@pytest.mark.skipif(not Path("/sbin/ldconfig").exists(), reason="the container has Linux")
def test_the_lab_starts_with_its_token(start):
    started = start("lab")
    assert started.returncode == 0
    variables = dict(line.split("=", 1) for line in started.stdout.splitlines() if "=" in line and "http" not in line)
    token = variables["JUPYTER_TOKEN"]
    assert f"/lab/tree/00-welcome.ipynb?token={token}\n\n  Theano uses the CPU." in started.stdout
    assert "jupyter lab --config=docker/jupyter_server_config.py\n" in started.stdout  # no process shows the token
    assert start("lab").stdout.count(token) == 0
    assert "JUPYTER_TOKEN=mine\n" in start("lab", LAB_TOKEN="mine").stdout


def test_a_folder_that_cannot_be_written_stops_the_lab_unless_it_is_the_data(start, tmp_path):
    (tmp_path / "data").chmod(0o555)
    started = start("lab")
    assert "The folder data cannot be written: " in started.stderr
    assert (started.returncode, "jupyter lab" in started.stdout) == (0, True)
    (tmp_path / "runs").chmod(0o555)
    stopped = start("lab")
    assert "The folder runs cannot be written: " in stopped.stderr
    assert "Stopped: notebooks, runs and results would be lost." in stopped.stderr
    assert (stopped.returncode, stopped.stdout) == (1, "")
    other = start("true")  # a command that writes nothing may run
    assert "The folder runs cannot be written: " in other.stderr
    assert other.returncode == 0
    shutil.rmtree(tmp_path / "home")
    (tmp_path / "home").touch()
    (tmp_path / "runs").chmod(0o755)
    assert "Stopped: the home folder" in start("lab").stderr
