"""A read-only root, a user whom the image does not know, a home of their own: what some clusters give."""

import shutil

import pytest
from container.machine import started

UID = "54321"
FOLDERS = ("work", "data", "runs", "results")

# Its modules are counted before and after a training; tests/container/test_documentation.py trains every model.
TRAIN = """
count() { find ~/.cache -name key.pkl | wc -l; }
python -c 'import theano'
before=$(count)
lxmls-rnn train sample --model RNN --epochs 1 --root /tmp/runs >/dev/null
echo "$(find cache -name key.pkl | wc -l) $before $(count)"
"""

NOTEBOOK = "jupyter nbconvert --to notebook --execute --stdout --log-level ERROR work/00-welcome.ipynb"


def run(lab, *command, tmp="/tmp:exec", home="/tmp/home", mounts=(), options=(), check=True):
    """Run a command in a container whose root nobody can write."""
    arguments = ["--read-only", "--user", f"{UID}:{UID}", "--env", f"HOME={home}", "--tmpfs", tmp, *options]
    arguments += [f"--volume={mount}" for mount in mounts]
    return lab.call("docker", "run", "--rm", *arguments, lab.image, *command, check=check)


@pytest.fixture
def mounts(lab, tmp_path):
    """Folders for what a student makes."""
    for folder in FOLDERS:
        shutil.copytree(lab.folder / folder, tmp_path / folder)
    lab.call("chmod", "-R", "a+rwX", tmp_path)
    return [f"{tmp_path / folder}:/opt/lab/{folder}" for folder in FOLDERS]


def test_it_trains_and_compiles_nothing(lab):
    brought, before, after = map(int, run(lab, "bash", "-ec", TRAIN).stdout.splitlines()[-1].split())
    assert brought == before == after > 100


def test_the_lab_starts_and_a_notebook_trains(lab, mounts):
    output = run(lab, "bash", "-ec", started("docker/entrypoint.sh lab", NOTEBOOK), mounts=mounts).stdout
    assert "The lab is at" in output
    assert "cannot be written" not in output
    assert "zebra*" in output


def test_without_folders_for_what_a_student_makes_the_lab_stops_with_a_sentence(lab):
    result = run(lab, check=False)
    assert result.returncode == 1
    assert "The folder runs cannot be written: the root is read-only; mount a folder there." in result.stdout


def test_a_home_that_cannot_be_written_stops_the_lab_with_a_sentence(lab, mounts):
    result = run(lab, home="/home/lab", mounts=mounts, check=False)
    assert result.returncode == 1
    assert "the home folder /home/lab cannot be written; set HOME to one that can" in result.stdout


def test_where_code_cannot_be_loaded_from_the_cache_theano_says_so(lab):
    """Docker mounts a tmpfs without leave to execute, unless told otherwise."""
    command = ["lxmls-rnn", "train", "sample", "--model", "FastRNN", "--epochs", "1", "--root", "/tmp/runs"]
    result = run(lab, *command, tmp="/tmp", check=False)
    assert result.returncode == 1
    assert "mounted noexec (as Docker's --tmpfs without :exec does)" in result.stdout
    assert "Traceback" not in result.stdout


def test_a_command_works_in_another_folder(lab):
    command = ["lxmls-rnn", "train", "sample", "--model", "NumpyRNN", "--epochs", "1", "--name", "here"]
    arguments = ["--read-only", "--user", UID, "--env", "HOME=/tmp", "--tmpfs", "/tmp", "--workdir", "/tmp"]
    arguments += ["--env", "LXMLS_RUNS=runs"]
    output = lab.call("docker", "run", "--rm", *arguments, lab.image, *command).stdout
    assert "The run is in /tmp/runs/here." in output
    assert "cannot be written" not in output
