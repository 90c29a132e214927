"""The command line: what each command prints and returns, and that the examples in the help work as printed."""

import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lxmls_rnn import cli
from lxmls_rnn.deep_learning.rnn import NumpyRNN
from lxmls_rnn.runs import Run

COMMAND = str(Path(sys.executable).with_name("lxmls-rnn"))
COMMANDS = ["doctor", "fetch", "train", "evaluate", "tag", "runs", "check"]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Call the command in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*args, **kwargs):
        return CliRunner().invoke(cli.app, list(args), **kwargs)

    return call


SHORT = ["--max-nr-sent", "80", "--n-hidd", "6", "--n-emb", "8"]


@pytest.fixture
def trained(run):
    assert run("train", *SHORT, "--epochs", "2", "--name", "first").exit_code == 0
    return run


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_shows_an_example(run, command):
    result = run(command, "--help", env={"TERM": "dumb", "COLUMNS": "200"})
    assert result.exit_code == 0
    assert re.search(rf"Example: lxmls-rnn {command}", result.output)


def test_the_examples_work_as_printed(run):
    """All but the one that downloads and the one that another test of its own runs."""
    for command in ("train", "evaluate", "tag", "runs", "check"):
        example = re.search(r"Example: `lxmls-rnn (.*)`", getattr(cli, command).__doc__).group(1)
        result = run(*shlex.split(example))
        assert result.exit_code == 0, result.output


def test_train_tells_each_epoch_and_writes_a_run(trained):
    assert [row["epoch"] for row in Run.open("first").metrics()] == [1, 2]


def test_train_prints_cost_and_accuracies(run):
    output = run("train", *SHORT, "--epochs", "2").output
    assert re.search(r"epoch   2   cost +\d+\.\d{4}   train \d+\.\d\d%   dev \d+\.\d\d%   [\d,]+ words/s", output)
    assert "Stopped: all 2 epochs done." in output


def test_resume_goes_on(trained):
    result = trained("train", "--resume", "first", "--epochs", "3")
    assert result.exit_code == 0
    assert [row["epoch"] for row in Run.open("first").metrics()] == [1, 2, 3]


def test_evaluate_prints_known_and_unknown_words_and_the_matrix(trained):
    output = trained("evaluate", "runs/first").output
    assert re.search(r"test.conll: 1527 words, accuracy \d+\.\d\d%", output)
    assert re.search(r"unknown words: +\d+, accuracy", output)
    assert "confusion: gold tag by row" in output
    assert "precision" in output


def test_tag_prints_words_tags_and_probabilities(trained):
    output = trained("tag", "runs/first", "The dog zzz .").output
    assert re.search(r"The +│ \S+ +│ 0\.\d{4}", output)
    assert "zzz *" in output


def test_tag_reads_standard_input_and_files_one_sentence_a_line(trained, tmp_path):
    text = "The dog runs .\n\nShe runs .\n"
    (tmp_path / "text").write_text(text)
    for result in (trained("tag", "runs/first", input=text), trained("tag", "runs/first", "--file", "text")):
        lines = result.output.splitlines()
        assert [len(line.split()) for line in lines] == [4, 0, 3]
        assert re.fullmatch(r"The/\S+/\d\.\d\d", lines[0].split()[0])


def test_runs_lists_the_runs(trained):
    trained("train", *SHORT, "--epochs", "1", "--name", "second", "--model", "NumpyLSTM")
    output = trained("runs").output
    assert re.search(r"first *│NumpyRNN", output)
    assert re.search(r"second *│NumpyLSTM", output)


def test_check_fails_when_a_gradient_differs(run, monkeypatch):
    result = run("check", "--model", "NumpyRNN")
    assert result.exit_code == 0
    assert "differs" not in result.output
    broken = NumpyRNN.grads
    monkeypatch.setattr(NumpyRNN, "grads", lambda *args: [1.01 * g for g in broken(*args)])
    result = run("check", "--model", "NumpyRNN")
    assert result.exit_code == 1
    assert "differs at" in result.output


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["train", "nowhere"], "Error: corpus must be one of sample, ewt or a file, got 'nowhere'"),
        (["train", "--rate", "-1"], "Error: rate must be a positive number, got -1.0"),
        (["train", "--model", "GRU"], "Error: model must be one of NumpyRNN"),
        (["train", "--embeddings", "none.txt"], "Error: .*none.txt"),
        (["train", "--resume", "nothing"], "Error: no run runs/nothing"),
        (["tag", "nothing.npz", "a"], "Error: no model file nothing.npz"),
        (["evaluate", "nothing.npz"], "Error: no model file nothing.npz"),
        (["fetch", "nothing"], "Error: .*nothing.*ewt"),
        (["check", "--model", "GRU"], "Error: model must be one of"),
    ],
)
def test_what_the_user_can_mend_is_one_sentence_and_status_1(run, tmp_path, args, message):
    result = run(*args)
    assert result.exit_code == 1
    assert re.search(message, result.output)
    assert "Traceback" not in result.output
    assert not list(tmp_path.glob("runs/*"))


def test_no_runs_is_said(run):
    assert "No runs in runs" in run("runs").output


def test_ctrl_c_stops_after_the_batch_and_resume_goes_on_exactly(tmp_path):
    options = [*SHORT, "--epochs", "400", "--shuffle"]
    args = [COMMAND, "train", *options, "--name", "stopped"]
    process = subprocess.Popen(args, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        if line.startswith("epoch   2"):
            process.send_signal(signal.SIGINT)
            break
    rest = process.stdout.read()
    assert process.wait() == 0
    assert "Stopped by Ctrl-C; continue with `lxmls-rnn train --resume stopped`." in rest
    done = len(Run.open("stopped", tmp_path / "runs").metrics())
    assert 2 <= done < 400

    epochs = str(done + 2)
    for command in (
        ["--resume", "stopped", "--epochs", epochs],
        [*options[:-3], "--epochs", epochs, "--shuffle", "--name", "whole"],
    ):
        subprocess.run([COMMAND, "train", *command], cwd=tmp_path, check=True, stdout=subprocess.DEVNULL)
    costs = [[row["cost"] for row in Run.open(name, tmp_path / "runs").metrics()] for name in ("stopped", "whole")]
    assert costs[0] == costs[1]
