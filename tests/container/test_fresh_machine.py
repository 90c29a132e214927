"""The README's commands as written, on a machine that was just installed: Debian with make, git and Python alone.

What the set-up says is missing is then installed, by the line that it prints. The tests go through one machine in turn.
"""

import os
import re

import pytest
from container.machine import Machine, call, copy_of_the_project, make_base, pip_configuration
from documentation import EVERYWHERE, pages

DOCKERFILE = """
ARG BASE
FROM ${BASE}
RUN echo 'Acquire::Check-Valid-Until "false";' >/etc/apt/apt.conf.d/old-mirror
RUN apt-get update && apt-get install -y --no-install-recommends git make python3 && useradd --create-home student
USER student
WORKDIR /home/student
"""
pytestmark = pytest.mark.nightly(
    "the same as .ci/run, which sets the machine up, on a bare Debian 12, and on that with Python 3.14"
)
IDENTITY = ["-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "safe.directory=*"]


@pytest.fixture(scope="module", params=["bookworm", "forky"])
def machine(base, tmp_path_factory, request):
    """A fresh machine with a clone of the project in /home/student/lab."""
    if "cuda" in base:
        pytest.skip("a fresh machine is made of Debian 12")
    if request.param == "forky":
        base = make_base("forky")
    folder = tmp_path_factory.mktemp("fresh")
    folder.chmod(0o755)  # a stranger in the container reads it
    (folder / "project").mkdir()
    project = copy_of_the_project(folder / "project")
    for command in ("init -q", "add -A", "commit -qm project", "bundle create ../project.bundle HEAD"):
        call("git", *IDENTITY, *command.split(), cwd=project)
    (folder / "Dockerfile").write_text(DOCKERFILE)
    call("docker", "build", "--build-arg", f"BASE={base}", "-t", "lxmls-rnn-fresh:test", "-",
         stdin=(folder / "Dockerfile").open())  # fmt: skip
    name = call(
        *("docker", "run", "--detach", "--init", "--rm", *index(folder)),
        *("--volume", f"{folder}:/media:ro", "lxmls-rnn-fresh:test", "sleep", "infinity"),
    ).stdout.strip()
    machine = Machine(name)
    try:
        machine.run("git clone -q /media/project.bundle lab", folder="/home/student")
        yield machine
    finally:
        call("docker", "rm", "--force", name)


def index(folder):
    """Options with which a container reaches the package index as this machine does."""
    options = ["--volume", f"{pip_configuration(folder)}:/etc/pip.conf:ro"]
    bundle = os.environ.get("EXTRA_CA") or os.environ.get("SSL_CERT_FILE")
    if bundle:
        options += ["--volume", f"{bundle}:/etc/test-ca.crt:ro", "--env", "SSL_CERT_FILE=/etc/test-ca.crt"]
        options += ["--env", "PIP_CERT=/etc/test-ca.crt"]
    if os.environ.get("UV_CONFIG_FILE"):
        options += ["--volume", f"{os.environ['UV_CONFIG_FILE']}:/etc/uv/uv.toml:ro"]
    # the processors of some machines need OpenBLAS to take them for another one
    return [*options, "--env", "OPENBLAS_CORETYPE", "--env", "OPENBLAS_L2_SIZE"]


@pytest.fixture(scope="module")
def set_up(machine):
    """The machine after make setup, without pip, venv, root and a compiler; and what make setup said."""
    return machine.run("make setup").stdout


def test_without_a_compiler_the_set_up_says_what_to_install(set_up):
    assert re.search("C\\+\\+ compiler: .*none", set_up)
    assert "g++" in re.search("apt-get install -y (.*)", set_up)[1].split()


def test_without_a_compiler_the_numpy_taggers_train(machine, set_up):
    train = "source .venv/bin/activate; lxmls-rnn train sample --model NumpyLSTM --epochs 1 --name numpy"
    assert "epoch   1" in machine.run(train).stdout


def test_without_a_compiler_make_test_says_so_in_a_sentence(machine, set_up):
    result = machine.run("make test", check=False)
    assert result.returncode != 0
    assert "The tests compile C code and need C++ compiler" in result.stdout
    assert "NumpyRNN and NumpyLSTM work as usual" in result.stdout
    assert "passed" not in result.stdout


@pytest.fixture(scope="module")
def complete(machine, set_up):
    """The machine after the line that make setup printed."""
    machine.install(re.search("apt-get install -y .*", set_up)[0])
    return machine


def test_with_a_compiler_the_set_up_is_content(complete):
    assert "Ready: " in complete.run("make setup").stdout


def test_with_a_compiler_the_tests_pass(complete):
    complete.run("make test ARGS=-q")


def test_with_a_compiler_the_readme_s_first_training_works(complete):
    """The rest of its commands run in the lab: tests/container/test_documentation.py."""
    tour = next(block for block in pages()["README.md"] if block.place == EVERYWHERE)
    output = complete.run(f"source .venv/bin/activate\n{tour.text.splitlines()[0]}").stdout
    assert "epoch   5" in output
