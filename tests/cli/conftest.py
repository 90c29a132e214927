"""Fixtures of the command's tests."""

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


@pytest.fixture
def trained(run):
    assert run("train", *SHORT, "--epochs", "2", "--name", "first").exit_code == 0
    return run
