"""Survival of work: restarts, rebuilds, and files that cannot be written."""

import stat

import pytest

SHORT = ["--max-nr-sent", "50", "--epochs", "1"]


def test_work_is_kept_beside_a_new_edition_and_git_sees_none_of_it(lab):
    def git(*arguments):
        return lab.call("git", "-c", "safe.directory=*", "-c", "user.name=x", "-c", "user.email=x", *arguments, **there)

    there = {"cwd": lab.folder}
    git("init", "-q"), git("add", "-A"), git("commit", "-q", "-m", "x")
    welcome = lab.folder / "lab/notebooks/00-welcome.ipynb"
    run = "jupyter nbconvert --to notebook --execute --inplace --log-level ERROR work/00-welcome.ipynb"
    lab.compose("exec", "-T", "lab", *run.split())
    lab.compose("exec", "-T", "lab", "lxmls-rnn", "train", "sample", "--name", "kept", *SHORT)
    assert git("status", "--porcelain").stdout == ""
    mine, fresh = (lab.folder / "work/00-welcome.ipynb").read_text(), welcome.read_text()
    lab.compose("down")
    welcome.write_text(fresh.replace("# Welcome", "# Welcome back"))
    lab.up("--build")
    assert (lab.folder / "work/00-welcome.ipynb").read_text() == mine != fresh
    assert (lab.folder / "work/00-welcome-new.ipynb").read_text() == welcome.read_text() != fresh
    assert "kept" in lab.compose("exec", "-T", "lab", "lxmls-rnn", "runs").stdout
    assert git("status", "--porcelain").stdout == " M lab/notebooks/00-welcome.ipynb\n"


@pytest.mark.parametrize("folder", ["work", "runs", "results"])
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
