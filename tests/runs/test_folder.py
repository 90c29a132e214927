"""Folders of runs: their names, their metrics and what damages them."""

import json
import re
import subprocess
import sys
from dataclasses import replace

import pytest
from runs.small import SETTINGS

from lxmls_rnn.deep_learning.training import Trainer
from lxmls_rnn.runs import Run, find_runs
from lxmls_rnn.runs import folder as run_files
from lxmls_rnn.runs.folder import RUN, read_metrics, unique_name


def test_an_empty_folder_or_one_that_a_kill_has_left_does_not_block_its_name(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "left").mkdir()
    (tmp_path / "left" / ".config.json.abc.tmp").write_text("{")
    for name in ("empty", "left"):
        assert Run.create(name, SETTINGS, tmp_path).folder == tmp_path / name
        assert [path.name for path in (tmp_path / name).iterdir()] == ["config.json"]


@pytest.mark.parametrize("name", ["", "..", "a/b", "/tmp", "a\nb", "*", ".hidden", "-x", "a\u2028b", "a "])
def test_a_name_that_leaves_the_folder_or_is_hard_to_type_is_refused(tmp_path, name):
    with pytest.raises(ValueError, match=r"the name of a run must be a folder name \(no line breaks"):
        Run.create(name, SETTINGS, tmp_path / "runs")
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_is_too_long_is_refused_with_its_length(tmp_path):
    with pytest.raises(ValueError, match="the name of a run must have at most 200 bytes, got 201: 'nnn"):
        Run.create("n" * 201, SETTINGS, tmp_path)


def test_names_of_runs_that_begin_in_the_same_second_differ():
    assert unique_name("RNN") != unique_name("RNN")


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        (
            "config.json",
            json.dumps({**RUN._asdict(), "settings": {"corpus": "a", "n_emb": "x"}, "checksums": {}}),
            "settings.n_emb: should be a valid",
        ),
        (
            "config.json",
            '{"settings": {"corpus": "a"}, "checksums": {"a": ""}}',
            "config.json is not the config of a run: it does not say its format, expected 'lxmls-rnn run', version 1: "
            "open it with the lxmls-rnn that wrote it, or make it again",
        ),
        ("metrics.jsonl", '{"epoch": "one"}\n', r"metrics\.jsonl, line 1: epoch: should be a valid integer"),
    ],
)
def test_a_damaged_run_is_named_with_its_field_and_does_not_hide_the_others(tmp_path, file, content, message):
    Run.create("good", SETTINGS, tmp_path)
    Run.create("bad", SETTINGS, tmp_path)
    (tmp_path / "bad" / file).write_text(content)
    found, damaged = find_runs(tmp_path)
    assert [run.folder.name for run in found] == ["good"]
    assert [run.name for run in damaged] == ["bad"]
    assert re.search(message, damaged[0].why)


@pytest.mark.daily("trains in a process; test_run has a line that a kill cut off")
def test_no_epoch_is_lost_where_a_line_is_written_in_part(tmp_path):
    few = replace(SETTINGS, dev=None, max_nr_sent=3, n_emb=2, n_hidd=2, trainer=Trainer(epochs=60))
    Run.create("one", few, tmp_path)
    code = """
import resource, signal, sys
from lxmls_rnn.runs import Run
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))
try:
    list(Run.open("one", sys.argv[1]).fit())
except OSError as error:
    print(error.filename)
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True)
    metrics = tmp_path / "one" / "metrics.jsonl"
    assert (done.stdout, done.stderr) == (f"{metrics}\n", "")
    assert len(metrics.read_bytes()) == 6000  # the disk took a part of a line
    list(Run.open("one", tmp_path).fit())
    assert [row.epoch for row in Run.open("one", tmp_path).metrics()] == list(range(1, 61))


def test_epochs_that_do_not_rise_are_damage(tmp_path):
    run = Run.create("one", replace(SETTINGS, trainer=Trainer(epochs=2)), tmp_path)
    list(run.fit())
    path = run.folder / "metrics.jsonl"
    first, second = path.read_text().splitlines()
    for again, epoch in ((first, 1), (second, 2)):
        path.write_text(f"{second}\n{again}\n")
        with pytest.raises(ValueError, match=rf"metrics\.jsonl, line 2: epoch: expected more than 2, .*, got {epoch}"):
            run.metrics()


def test_a_file_in_the_place_of_the_folder_of_runs_is_named(tmp_path):
    (tmp_path / "runs").touch()
    with pytest.raises(NotADirectoryError, match="is a file, expected a folder"):
        Run.create("one", SETTINGS, tmp_path / "runs")
    ((broken,), found) = reversed(find_runs(tmp_path / "runs"))
    assert (found, broken.why) == ([], f"{tmp_path / 'runs'}: Not a directory")


@pytest.mark.parametrize("name", ["letter", ".mine", "letter.tmp"])
def test_a_file_of_the_user_s_blocks_the_name_of_its_folder(tmp_path, name):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / name).write_text("mine")
    with pytest.raises(FileExistsError, match="take another name"):
        Run.create("other", SETTINGS, tmp_path)
    assert (tmp_path / "other" / name).read_text() == "mine"


def test_metrics_are_read_up_to_200_000_epochs(tmp_path, monkeypatch):
    metrics = dict(
        cost=1.0, train_accuracy=0.5, dev_accuracy=None, rate=0.1, seconds=1, words_per_second=1, is_best=True
    )
    lines = [json.dumps({"epoch": epoch, **metrics}).encode() + b"\n" for epoch in (200_000, 200_001)]
    (tmp_path / "metrics.jsonl").touch()
    # the last of the file's lines: all of them take seconds
    monkeypatch.setattr(run_files, "lines_of", lambda file, path: zip((200_000, 200_001), lines, strict=False))
    with pytest.raises(ValueError, match=r"metrics\.jsonl, line 200001: expected at most 200,000 epochs"):
        read_metrics(tmp_path)
    lines.pop()
    assert [row.epoch for row in read_metrics(tmp_path)] == [200_000]
