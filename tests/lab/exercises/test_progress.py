"""The progress of the exercises on disk: kernels that write at once lose nothing; a disk that refuses is told."""

import json
import os
import subprocess
import sys

import pytest

from lab.exercises import check, progress

TRIES = """
from lab.exercises import progress
for _ in range(20):
    progress.update("forward", tries=1)
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("LXMLS_RUNS", str(tmp_path / "kept"))
    return tmp_path / "kept"


@pytest.mark.process
def test_kernels_at_once_lose_no_update():
    kernels = [subprocess.Popen([sys.executable, "-c", TRIES]) for _ in range(3)]
    assert [kernel.wait() for kernel in kernels] == [0] * 3
    assert progress.FILE.read()["forward"].tries == 60


@pytest.mark.parametrize("content", ['{"forward": {"hints": -1}}', "[" * 10_000])
def test_a_damaged_file_is_put_aside(folder, content):
    folder.mkdir()
    (folder / "exercises.json").write_text(content)
    assert progress.FILE.read() == {}
    assert (folder / "exercises.json.damaged").read_text() == content
    progress.update("forward", tries=1)
    assert json.loads((folder / "exercises.json").read_text())["forward"]["tries"] == 1


@pytest.mark.parametrize("action", [lambda: check.hint("forward"), check.progress, check.reset])
def test_a_folder_that_is_none_is_told(folder, action):
    folder.write_text("a file")
    assert f"Progress is not saved: {os.fspath(folder)}" in repr(action())


def test_the_time_of_the_last_try_is_stored():
    assert progress.update("forward", hints=1).tried is None
    entry = progress.update("forward", tries=1)
    assert entry.tried >= entry.begun
