"""Packages of `make dist`: wheels of the library and of its Theano, which work without a checkout, and an sdist."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import urllib.request
from pathlib import Path

import pytest
from environment import wait_until

import lxmls_rnn
from lxmls_rnn.theano_env.build import STAMP, stamp

ROOT = Path(__file__).parent.parent
VERSION = lxmls_rnn.__version__
SOURCES = {".gitignore", "LICENSE", "PKG-INFO", "README.md", "build", "data", "lab", "lxmls_rnn", "pyproject.toml"}
TOP_LEVEL = [".lock", "bin", "lab", "lxmls_rnn", "theano", "theano_runtime"]  # no .pth file, no folder data


@pytest.fixture(scope="module")
def uv():
    found = shutil.which("uv", path=f"{os.environ['PATH']}:{ROOT / '.uv' / 'bin'}")
    if found is None or shutil.which("make") is None:
        pytest.skip("no uv, or no make: the image has none")
    return found


@pytest.fixture(scope="module")
def dist(uv, tmp_path_factory):
    """The folder with what `make dist` writes."""
    checkout = tmp_path_factory.mktemp("dist") / "checkout"
    left_out = {".git", ".venv", ".uv", "dist", "runs", "results", "tests", "build", ".hypothesis", ".pytest_cache"}
    ignored = {ROOT: left_out | {"__pycache__"}}  # other tests write in the last three while this one copies
    shutil.copytree(ROOT, checkout, ignore=lambda where, names: ignored.get(Path(where), {"__pycache__"}))
    (checkout / ".venv").symlink_to(ROOT / ".venv")
    (checkout / ".uv").symlink_to(ROOT / ".uv")
    (checkout / "build/site").mkdir(parents=True)
    (checkout / "build/site/index.html").write_text("what make docs builds")
    subprocess.run(["make", "--assume-old=docs", "dist"], cwd=checkout, check=True)
    written = (checkout / "dist").rename(checkout.parent / "dist")
    shutil.rmtree(checkout)
    names = {f"lxmls_rnn-{VERSION}.tar.gz", f"lxmls_rnn-{VERSION}-py3-none-any.whl", "theano-1.0.5-py3-none-any.whl"}
    assert {file.name for file in written.iterdir()} == names  # the library's wheel is built from its sdist
    return written


def run(command, folder, **environ):
    """Run a command in an empty folder, without the settings of this process, and return what it prints."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("LXMLS_")} | environ
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.daily("builds two wheels and trains with what is in them, twenty seconds")
def test_what_is_in_the_wheels_trains_on_the_sample_that_is_in_there_too(uv, dist, tmp_path):
    packages = tmp_path / "packages"
    install = [uv, "pip", "install", "-q", "--no-deps", "--python", sys.executable, "--target", packages]
    run([*install, *dist.glob("*.whl")], tmp_path)
    with tarfile.open(*dist.glob("*.tar.gz")) as sdist:
        assert {name.split("/")[1] for name in sdist.getnames()} == SOURCES  # nothing of a student's
    code = (
        "import theano, lxmls_rnn.__main__ as main, sys; print(theano.__file__, main.__file__);"
        "sys.argv[1:] = ['train', 'sample', '--model', 'FastRNN', '--epochs', '1', '--name', 'one']; main.main()"
    )
    files, *_ = run([sys.executable, "-c", code], tmp_path, PYTHONPATH=str(packages)).splitlines()
    assert all(file.startswith(str(packages)) for file in files.split())
    assert (tmp_path / "runs" / "one" / "model.npz").exists()
    assert sorted(path.name for path in packages.iterdir() if path.suffix != ".dist-info") == TOP_LEVEL
    assert (packages / "theano" / STAMP).read_text() == stamp()  # not a wheel of earlier edits, from a cache
    assert all((packages / package / "py.typed").exists() for package in ("lxmls_rnn", "lab"))
    assert (packages / "lab/site/index.html").read_text() == "what make docs builds"


@pytest.mark.nightly("the same wheels, found by uvx")
def test_uvx_finds_our_theano_and_not_the_indexs_and_the_doctor_is_content(uv, dist, tmp_path):
    uvx = [uv, "tool", "run", "--python", sys.executable, "--find-links", dist, "--from", "lxmls-rnn[theano]"]
    screen = run([*uvx, "lxmls-rnn", "doctor"], tmp_path)
    assert "compiled to C, ran, and gave the right result" in " ".join(screen.split())


@pytest.mark.nightly("the same wheel of Theano, without the library; test_host has no host either")
def test_theano_works_in_an_environment_without_the_library(uv, dist, tmp_path):
    code = """if True:
        import sys, theano, theano.tensor as T
        x, w = T.vector(), theano.shared(0.5)
        h, _ = theano.scan(lambda z, before: z * w + before, sequences=x, outputs_info=T.zeros(()))
        print(theano.function([x], T.grad(h.sum(), w))([1.0, 2.0]), theano.config.cxx != "", "lxmls_rnn" in sys.modules)
    """
    command = [uv, "run", "-q", "--no-project", "--isolated", "--python", sys.executable]
    command += ["--with", dist / "theano-1.0.5-py3-none-any.whl", "python", "-c", code]
    assert run(command, tmp_path, THEANO_FLAGS=f"base_compiledir={tmp_path}").splitlines() == ["4.0 True False"]


def is_open(port):
    """Whether a server listens."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.nightly("the same command as in a checkout, from the wheels; installs JupyterLab")
def test_the_lab_starts_from_the_wheels(uv, dist, tmp_path):
    run([uv, "venv", "-q", "--python", sys.executable, "own"], tmp_path)
    python = tmp_path / "own" / "bin" / "python"
    run([uv, "pip", "install", "-q", "--python", python, "--find-links", dist, "lxmls-rnn[lab]"], tmp_path)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--no-browser", f"--ServerApp.port={port}", "--IdentityProvider.token=t"]
    with open(tmp_path / "log", "wb") as log:
        server = subprocess.Popen(
            [python.with_name("lxmls-rnn"), "lab", *options], cwd=tmp_path, stdout=log, stderr=log
        )
    try:
        wait_until(lambda: server.poll() is not None or is_open(port))
        assert server.poll() is None, (tmp_path / "log").read_text()
        answer = urllib.request.urlopen(f"http://127.0.0.1:{port}/api/contents/00-welcome.ipynb?token=t")
        assert json.load(answer)["path"] == "00-welcome.ipynb"
        answer = urllib.request.urlopen(f"http://127.0.0.1:{port}/site/index.html?token=t")
        assert answer.read() == b"what make docs builds"
    finally:
        server.terminate()
        server.wait()
    assert (tmp_path / "work" / "01-exercises.ipynb").exists()
