"""`lxmls-rnn lab`, up to the start of JupyterLab; the browser tests use what it starts."""

import os
import sys
from importlib import metadata
from pathlib import Path

import pytest

import lab
from lxmls_rnn import paths

NOTEBOOKS = Path(lab.__file__).parent / "notebooks"


@pytest.fixture
def started(run, monkeypatch):
    """Run the command; return what it prints, what it starts, and the environment of that."""
    for name in ("LXMLS_WORK", "LXMLS_DATA", "LXMLS_RUNS", "LXMLS_RESULTS", "LXMLS_DEVICE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("JUPYTER_PATH", "/elsewhere")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    def start(*arguments):
        commands, environ = [], {}
        monkeypatch.setattr(os, "execv", lambda file, command: (commands.append(command), environ.update(os.environ)))
        with monkeypatch.context() as patch:
            patch.setattr(os, "environ", os.environ.copy())
            result = run("lab", *arguments)
        return result, commands, environ

    return start


def test_the_notebooks_are_handed_out_and_jupyterlab_starts_beside_the_folders_of_all_commands(
    started, monkeypatch, tmp_path
):
    monkeypatch.setattr(paths, "PACKAGED", tmp_path)  # as from a wheel
    result, [command], environ = started("--no-browser", "--ServerApp.port=1")
    folder = tmp_path / "work"
    assert {file.name for file in folder.glob("*.ipynb")} == {file.name for file in NOTEBOOKS.glob("*.ipynb")}
    assert result.output.startswith(f"New in {folder}: 00-welcome.ipynb, ")
    options = [f"--ServerApp.root_dir={folder}", "--no-browser", "--ServerApp.port=1"]
    assert command == [sys.executable, "-m", "jupyterlab", *options]
    for name in ("work", "data", "runs", "results"):
        assert environ[f"LXMLS_{name.upper()}"] == str(tmp_path / name)
    assert environ["LXMLS_DEVICE"] == "auto"
    assert environ["JUPYTER_PATH"] == f"{NOTEBOOKS.parent / 'jupyter'}{os.pathsep}/elsewhere"
    assert environ["PATH"].split(os.pathsep)[0] == str(Path(sys.executable).parent)


def test_a_second_start_keeps_what_was_changed(started, tmp_path):
    started("mine")
    (tmp_path / "mine" / "00-welcome.ipynb").write_text("changed")
    result, [command], _ = started("mine", "--no-browser")
    assert (tmp_path / "mine" / "00-welcome.ipynb").read_text() == "changed"
    assert result.output == ""
    assert command[3:] == [f"--ServerApp.root_dir={tmp_path / 'mine'}", "--no-browser"]


def test_root_is_warned_and_may_start_it(started, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    result, [command], _ = started("mine")
    assert "You are root" in result.output
    assert command[-1] == "--ServerApp.allow_root=True"


def test_the_notebooks_of_a_checkout_are_opened_in_its_folder_of_work(started, monkeypatch, tmp_path):
    monkeypatch.setattr(paths, "_CHECKOUT", tmp_path / "checkout")
    _, [command], environ = started()
    assert command[3] == f"--ServerApp.root_dir={tmp_path / 'checkout/work'}"
    assert (tmp_path / "checkout/work/00-welcome.ipynb").exists()
    assert environ["LXMLS_RUNS"] == str(tmp_path / "checkout/runs")


def test_a_file_in_the_place_of_the_folder_is_an_error(started, tmp_path):
    (tmp_path / "mine").write_text("")
    result, commands, _ = started("mine")
    assert result.exit_code == 1
    assert "mine is a file, expected a folder for the notebooks" in result.output
    assert commands == []


def test_the_notebooks_that_are_handed_out_are_not_opened(started):
    before = sorted(NOTEBOOKS.iterdir())
    result, commands, _ = started(str(NOTEBOOKS))
    assert "holds the notebooks as they are handed out: name another folder, or none" in " ".join(result.output.split())
    assert (commands, sorted(NOTEBOOKS.iterdir())) == ([], before)


@pytest.mark.parametrize(
    ("found", "said"),
    [("7.8.0", "ipywidgets 7.8.0 is installed, the lab needs ipywidgets"), (None, "ipywidgets is not installed")],
)
def test_a_package_that_does_not_fit_is_named_with_the_command_that_installs_it(started, monkeypatch, found, said):
    version = metadata.version

    def other(name):
        if name != "ipywidgets":
            return version(name)
        if found is None:
            raise metadata.PackageNotFoundError(name)
        return found

    monkeypatch.setattr("lxmls_rnn.cli.lab.version", other)
    result, commands, _ = started("mine")
    assert result.exit_code == 1
    assert said in result.output
    assert "`pip install lxmls-rnn[lab]`" in result.output
    assert commands == []
