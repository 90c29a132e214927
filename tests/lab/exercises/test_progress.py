"""The progress of the exercises on disk: kernels that write at once; damaged files; a disk that refuses."""

import json
import multiprocessing
import os
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace

import pytest

from lab.exercises import check, progress
from lab.exercises.progress import JsonStore
from lxmls_rnn.storage.records import Format, entries_text

FORM = progress.FILE.form._asdict()


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_kernels_at_once_lose_no_update():
    def count():
        for _ in range(20):
            progress.update("forward", tries=2)

    kernels = [multiprocessing.get_context("fork").Process(target=count) for _ in range(3)]
    for act in ("start", "join"):
        for kernel in kernels:
            getattr(kernel, act)()
    assert progress.FILE.read()["forward"].tries == 120


@pytest.mark.parametrize("content", [{"forward": {"tries": 3}}, {**FORM, "version": 2, "entries": {}}])
def test_a_file_of_another_format_is_refused_and_left(runs_folder, content):
    (runs_folder / "exercises.json").write_text(json.dumps(content))
    for action in (check.progress, lambda: check.forward(None)):
        said = repr(action())
        assert "Progress is not saved: " in said
        assert f"{runs_folder}/exercises.json: it" in said
        assert "expected 'lxmls-rnn exercises', version 1: open it with the lxmls-rnn that wrote it" in said
    assert json.loads((runs_folder / "exercises.json").read_text()) == content


def test_a_folder_that_is_none_is_told(runs_folder):
    runs_folder.rmdir()
    runs_folder.write_text("a file")
    for said in (check.forward(None), check.hint("forward"), check.progress(), check.reset()):
        assert f"Progress is not saved: {os.fspath(runs_folder)}" in repr(said)


def test_an_exercise_begins_once(monkeypatch):
    clock = iter([datetime(2026, 7, 20, 10, minute) for minute in (0, 5, 20)])
    monkeypatch.setattr(progress, "datetime", SimpleNamespace(now=lambda: next(clock)))
    progress.update("forward", hints=1)
    progress.update("forward", state="not right", tries=1)
    assert progress.update("forward", state="right", tries=1).minutes == 20


def test_the_time_of_the_last_try_is_stored():
    assert progress.update("forward", hints=1).tried is None
    entry = progress.update("forward", tries=1)
    assert entry.tried >= entry.begun


@dataclass
class Score:
    points: int = 0
    note: str | None = None


@pytest.fixture
def store():
    return JsonStore("scores.json", Score, Format("scores"))


def test_without_a_file_there_are_no_entries_and_the_folder_is_the_one_of_runs_at_the_time(
    store, runs_folder, tmp_path, monkeypatch
):
    assert store.read() == {}
    assert list(runs_folder.iterdir()) == []
    monkeypatch.setenv("LXMLS_RUNS", str(tmp_path / "a" / "b"))
    with store.changing() as entries:
        entries["x"] = Score(1)
    assert (tmp_path / "a" / "b" / "scores.json").is_file()


def test_changes_are_kept_and_nothing_is_written_for_none(store):
    with store.changing() as entries:
        entries["x"] = Score(3)
        entries["y"] = Score(note="n")
    assert json.loads(store.path.read_text())["entries"] == {"x": {"points": 3}, "y": {"points": 0, "note": "n"}}
    before = store.path.stat().st_ino  # of another file, if it is replaced
    with store.changing() as entries:
        entries["x"] = Score(3)
    assert store.path.stat().st_ino == before
    with store.changing() as entries:
        entries["x"].points += 1
        del entries["y"]
    assert store.path.stat().st_ino != before
    assert store.read() == {"x": Score(4)}


def test_an_error_in_between_writes_nothing_and_unlocks(store):
    for _ in range(2):
        with pytest.raises(KeyError), store.changing() as entries:
            entries.update(x=Score(3), y=entries["z"])
    assert not store.path.exists()


@pytest.mark.parametrize("content", ["[" * 10_000, entries_text({"x": {"points": "many"}}, Format("scores")), "\xff"])
def test_a_damaged_file_is_renamed_to_an_unused_name(store, runs_folder, content):
    (runs_folder / "scores.json.damaged").write_text("older")
    (runs_folder / "scores.json.damaged-2").symlink_to("nowhere")
    store.path.write_text(content, encoding="latin-1")
    assert store.read() == {}
    assert not store.path.exists()
    assert (runs_folder / "scores.json.damaged").read_text() == "older"
    assert (runs_folder / "scores.json.damaged-3").read_text(encoding="latin-1") == content
    with store.changing() as entries:
        entries["x"] = Score(1)
    assert store.read() == {"x": Score(1)}
