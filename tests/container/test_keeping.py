"""Survival of work: restarts, rebuilds, a kill, and files that cannot be written."""

import json
import shutil
import stat

import pytest
from container.machine import give_to, started

SHORT = ["--max-nr-sent", "50", "--epochs", "1"]


def test_notebooks_and_runs_survive_down_and_a_new_image(lab):
    lab.compose("exec", "-T", "lab", "sh", "-c", "echo '{}' >lab/notebooks/mine.ipynb")
    lab.compose("exec", "-T", "lab", "lxmls-rnn", "train", "sample", "--name", "kept", *SHORT)
    image = lab.call("docker", "inspect", "--format", "{{.Image}}", lab.container()).stdout
    lab.compose("down")
    with open(lab.folder / "README.md", "a") as file:
        file.write("\nChanged.\n")
    lab.up("--build")
    assert lab.call("docker", "inspect", "--format", "{{.Image}}", lab.container()).stdout != image
    assert "mine.ipynb" in lab.get("/api/contents", lab.address()[1])[1]
    assert "kept" in lab.compose("exec", "-T", "lab", "lxmls-rnn", "runs").stdout


def test_new_notebooks_of_an_image_stand_beside_ones_own(lab, tmp_path):
    own, newer = tmp_path / "own", tmp_path / "newer"
    for folder in (own, newer):
        shutil.copytree(lab.folder / "lab/notebooks", folder)
    with open(own / "01-exercises.ipynb", "a") as file:
        file.write(" ")
    for name in ("00-welcome", "01-exercises"):
        with open(newer / f"{name}.ipynb", "a") as file:
            file.write("\n\n")
    give_to(own, lab.uid)
    mounts = [f"{own}:/opt/lab/lab/notebooks", f"{newer}:/opt/lab/docker/notebooks:ro"]
    lab.run("bash", "-ec", started("docker/entrypoint.sh lab"), mounts=mounts)
    old, new = ((folder / "01-exercises.ipynb").read_text() for folder in (own, newer))
    assert (own / "01-exercises-new.ipynb").read_text() == new != old
    assert (own / "00-welcome.ipynb").read_text() == (newer / "00-welcome.ipynb").read_text()
    assert {file.name for file in own.glob("*-new*")} == {"01-exercises-new.ipynb"}


def test_a_killed_training_goes_on(lab):
    name = lab.compose("run", "--detach", "lab", "lxmls-rnn", "train", "--model", "RNN", "--epochs", "100000",
                       "--name", "killed").stdout.split()[-1]  # fmt: skip
    metrics = lab.folder / "runs" / "killed" / "metrics.jsonl"
    lab.wait_for(lambda: metrics.exists() and metrics.read_text().count("\n") >= 3, "three epochs")
    lab.call("docker", "kill", "--signal", "KILL", name)
    lab.call("docker", "rm", "--force", name)
    done = metrics.read_text().count("\n")
    lab.run("lxmls-rnn", "train", "--resume", "killed", "--epochs", str(done + 2))
    epochs = [json.loads(line)["epoch"] for line in metrics.read_text().splitlines()]
    assert epochs == list(range(1, done + 3))


@pytest.mark.parametrize("folder", ["lab/notebooks", "runs", "results"])
def test_a_read_only_mount_stops_the_lab_with_a_sentence(lab, folder):
    result = lab.run(mounts=[f"./{folder}:/opt/lab/{folder}:ro"], check=False)
    assert result.returncode == 1
    assert f"The folder {folder} cannot be written: it is mounted read-only." in result.stdout
    assert "Traceback" not in result.stdout


def test_a_training_on_a_read_only_mount_fails_with_a_sentence(lab):
    command = ["lxmls-rnn", "train", "sample", "--name", "nowhere", *SHORT]
    result = lab.run(*command, mounts=["./runs:/opt/lab/runs:ro"], check=False)
    assert result.returncode == 1
    assert "Error: runs/nowhere: Read-only file system\n" in result.stdout
    assert "Traceback" not in result.stdout


def test_someone_elses_folder_stops_the_lab_with_a_sentence(lab, tmp_path):
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR | stat.S_IRGRP | stat.S_IROTH | stat.S_IXOTH)
    mounts = [f"{tmp_path}:/opt/lab/runs"]
    result = lab.run(mounts=mounts, check=False, LAB_UID="54321", LAB_GID="54321")
    assert result.returncode == 1
    assert f"user 54321:54321 may not, it belongs to {tmp_path.stat().st_uid}:" in result.stdout
