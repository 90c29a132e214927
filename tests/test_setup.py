import hashlib
import platform
import runpy
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FAILS = "echo 'command not found' >&2; exit 127"  # as pyenv's do for a version that is not chosen
TOOLS = ("sh", "dirname", "grep", "head", "sed", "rm", "touch", "mkdir", "ln")


@pytest.fixture
def project(tmp_path):
    """A folder with the set-up script, and a bin/ with the few tools it needs and no Python."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "setup.sh", tmp_path / "scripts")
    (tmp_path / "bin").mkdir()
    for tool in TOOLS:
        (tmp_path / "bin" / tool).symlink_to(shutil.which(tool))
    return tmp_path


def setup(project, **environ):
    script = project / "scripts" / "setup.sh"
    result = subprocess.run(
        [script], env={"PATH": str(project / "bin"), "HOME": str(project), **environ}, capture_output=True, text=True
    )
    return result.returncode, result.stderr


def test_without_any_python_one_sentence_says_what_to_install(project):
    status, errors = setup(project)
    assert status != 0
    assert "setup: no uv and no Python 3 found." in errors
    assert "apt-get install" in errors


def test_a_python_that_fails_when_run_is_no_python(project):
    for name in ("python3.11", "python3", "uv"):
        command(project / "bin" / name, FAILS)
    status, errors = setup(project)
    assert status != 0
    assert "setup: no uv and no Python 3 found." in errors
    assert "command not found" not in errors


def test_a_python_asked_for_that_does_not_fit_is_refused_by_name(project):
    command(project / "bin" / "python3.9", FAILS)
    status, errors = setup(project, PYTHON="python3.9")
    assert status != 0
    assert "PYTHON=python3.9 is not a working Python 3.10 to 3.14" in errors


def test_an_environment_is_left_alone_where_nothing_better_can_be_made(project):
    (project / ".venv").mkdir()
    (project / ".venv" / "mine").touch()
    setup(project)
    assert (project / ".venv" / "mine").exists()


def command(path, line):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)


def lock_of(wheel, sha256):
    """A lock whose uv is the file `wheel`, for this machine."""
    return (
        '[[package]]\nname = "other"\n\n[[package]]\nname = "uv"\nversion = "1.2.3"\nwheels = [\n'
        f'    {{ url = "{wheel.as_uri()}", hash = "sha256:{sha256}", size = 1 }},\n]\n'
    )


@pytest.fixture
def wheel(project):
    """A wheel of uv for this machine, which is locked."""
    shutil.copy(ROOT / "scripts" / "fetch_uv.py", project / "scripts")
    (project / "bin" / "python3").symlink_to(sys.executable)
    path = project / f"uv-1.2.3-py3-none-manylinux_2_17_{platform.machine()}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("uv-1.2.3.data/scripts/uv", '#!/bin/sh\necho uv "$@"\n')
    (project / "uv.lock").write_text(lock_of(path, hashlib.sha256(path.read_bytes()).hexdigest()))
    return path


@pytest.mark.skipif(sys.platform != "linux", reason="the wheel is one for Linux")
def test_uv_is_the_locked_one_and_needs_neither_pip_nor_venv(project, wheel):
    _status, errors = setup(project)
    assert errors.startswith("No uv found: downloading it into .uv/\n")
    uv = project / ".uv" / "bin" / "uv"
    assert subprocess.run([uv, "sync"], capture_output=True, text=True).stdout == "uv sync\n"
    assert not (project / ".uv" / "bin" / "python").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="the wheel is one for Linux")
def test_a_uv_that_is_not_the_locked_one_is_refused_in_one_sentence(project, wheel):
    command(
        project / "bin" / "python3.13", f'case $* in *venv*) echo "a paragraph"; exit 1 ;; esac; {sys.executable} "$@"'
    )
    wheel.write_bytes(b"another")
    status, errors = setup(project)
    assert status == 1
    assert "a paragraph" not in errors
    assert f"has sha256 {hashlib.sha256(b'another').hexdigest()}, expected " in errors
    assert "Nor can pip of" in errors
    assert "install uv 1.2.3" in errors
    assert not (project / ".uv").exists()


def test_the_lock_has_a_uv_for_this_machine():
    wheel = runpy.run_path(str(ROOT / "scripts" / "fetch_uv.py"))["wheel"]
    url, *_ = wheel((ROOT / "uv.lock").read_text(), "Linux", "x86_64")
    assert "/uv-" in url
    assert url.endswith("x86_64.manylinux2014_x86_64.whl")


def test_uv_s_own_python_on_request(project):
    command(project / "bin" / "python3", "exit 0")
    command(project / "bin" / "uv", f'echo "$@" >>{project}/uv.log; [ "$2" != find ] || echo {project}/managed')
    command(project / "managed", "exit 1")
    setup(project, PYTHON="uv")
    lines = (project / "uv.log").read_text().splitlines()
    assert lines[1:4] == [
        "python install -q 3.13",
        "python find --managed-python 3.13",
        f"venv -q --python {project}/managed .venv",
    ]


def test_pytorch_once_asked_for_stays_until_none_is_named(project):
    for name in ("bin/python3", ".venv/bin/python"):
        command(project / name, "exit 0")
    (project / ".venv" / "pyvenv.cfg").write_text("include-system-site-packages = true\n")
    command(project / "bin" / "uv", f'echo "$@" >>{project}/uv.log')
    for environ, groups in (
        ({}, ""),
        ({"WITH": "torch"}, "--group torch"),
        ({}, "--group torch"),
        ({"WITH": ""}, ""),
        ({}, ""),
    ):
        assert setup(project, **environ) == (0, "")
        extras = "--extra theano --extra cluster --extra lab"
        call = f"sync --locked {extras} {groups} --python .venv/bin/python".replace("  ", " ")
        assert (project / "uv.log").read_text().splitlines()[-1] == call
    assert setup(project, WITH="keras") == (
        1,
        "setup: WITH=keras is unknown: expected WITH=torch, or WITH= for none.\n",
    )


def test_pygpu_is_installed_after_each_sync_from_dist_or_from_where_it_was_last_named(project):
    command(project / "bin" / "python3", "exit 0")
    command(project / ".venv" / "bin" / "python", "case $2 in *cp%d*) echo cp313 ;; esac")
    (project / ".venv" / "pyvenv.cfg").write_text("include-system-site-packages = true\n")
    command(project / "bin" / "uv", f'echo "$@" >>{project}/uv.log')

    def installed(**environ):
        assert setup(project, **environ) == (0, "")
        last = (project / "uv.log").read_text().splitlines()[-1].split()
        return last[-1] if last[0] == "pip" else None

    assert installed() is None
    (project / "dist").mkdir()
    (project / "dist" / "pygpu-0.7.6.tar.gz").touch()
    (project / "dist" / "pygpu-0.7.6-cp312-cp312-linux_x86_64.whl").touch()
    assert installed() == "dist/pygpu-0.7.6.tar.gz"
    (project / "dist" / "pygpu-0.7.6-cp313-cp313-linux_x86_64.whl").touch()
    assert installed() == "dist/pygpu-0.7.6-cp313-cp313-linux_x86_64.whl"
    (project / "other").mkdir()
    wheel = project / "other" / "pygpu-0.7.5-cp313-cp313-linux_x86_64.whl"
    wheel.touch()
    assert installed(PYGPU=str(wheel)) == str(wheel)
    assert installed() == str(wheel)
    assert installed(PYGPU="other") == "other/pygpu-0.7.5-cp313-cp313-linux_x86_64.whl"
    status, errors = setup(project, PYGPU="nowhere")
    assert (status, errors.splitlines()[0]) == (
        1,
        "setup: PYGPU=nowhere has no pygpu for this Python: it names a file of `make pygpu`, or their folder.",
    )
