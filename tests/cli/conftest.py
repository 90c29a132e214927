"""Fixtures of the command's tests."""

import shutil

import pytest
from cli.command import SHORT
from typer.testing import CliRunner

from lxmls_rnn.cli import app


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Call the command in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*args, **kwargs):
        return CliRunner().invoke(app, list(args), **kwargs)

    return call


@pytest.fixture(scope="session")
def runs_of_first(tmp_path_factory):
    """A folder of runs in which one was trained, for all to copy."""
    root = tmp_path_factory.mktemp("runs")
    result = CliRunner().invoke(app, ["train", *SHORT, "--epochs", "2", "--name", "first", "--root", str(root)])
    assert result.exit_code == 0, result.output
    return root


@pytest.fixture
def trained(run, runs_of_first, tmp_path):
    """Call the command beside the folder of runs with the run `first`."""
    shutil.copytree(runs_of_first, tmp_path / "runs")
    return run
