"""Survival of work: restarts, rebuilds, and files that cannot be written."""

import stat

import pytest

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
    assert "Error: /opt/lab/runs/nowhere: Read-only file system\n" in result.stdout
    assert "Traceback" not in result.stdout


def test_someone_elses_folder_stops_the_lab_with_a_sentence(lab, tmp_path):
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR | stat.S_IRGRP | stat.S_IROTH | stat.S_IXOTH)
    mounts = [f"{tmp_path}:/opt/lab/runs"]
    result = lab.run(mounts=mounts, check=False, LAB_UID="54321", LAB_GID="54321")
    assert result.returncode == 1
    assert f"user 54321:54321 may not, it belongs to {tmp_path.stat().st_uid}:" in result.stdout
