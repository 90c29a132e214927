"""The command train: what it prints, how it stops and resumes."""

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from cli.command import COMMAND, SHORT, table_of

from lxmls_rnn import paths
from lxmls_rnn.deep_learning import model_file
from lxmls_rnn.deep_learning.training import EpochDone, Stopped, Trainer
from lxmls_rnn.experiment import Settings
from lxmls_rnn.runs import Run
from lxmls_rnn.sweep.sweep import Sweep
from lxmls_rnn.tagger import Tagger


def test_train_prints_the_norm_of_the_gradient_where_it_is_recorded(run):
    assert "gradient" not in run("train", *SHORT, "--epochs", "1").output
    for option in (["--gradient-norm"], ["--clip", "1"]):
        output = run("train", *SHORT, "--epochs", "1", *option).output
        assert re.search(r"train \d+\.\d\d%   dev \d+\.\d\d%   .*gradient [\d.]+   ", output)


def test_resume_goes_on_up_to_the_epochs_that_are_asked_for_or_those_of_the_run(trained):
    for options in (["--epochs", "3"], []):
        assert trained("train", "--resume", "first", *options).exit_code == 0
        assert [row.epoch for row in Run.open("first").metrics()] == [1, 2, 3]


def test_an_lstm_is_trained_without_peepholes_goes_on_and_tags(run):
    output = run("train", *SHORT, "--epochs", "1", "--model", "NumpyLSTM", "--no-peepholes", "--name", "plain").output
    assert "NumpyLSTM without peepholes, " in output
    assert not Run.open("plain").settings.peepholes
    assert run("train", "--resume", "plain", "--epochs", "2").exit_code == 0
    model, header = model_file.load(Path("runs/plain/model.npz"))
    assert (model.peepholes, len(model.param), header["peepholes"]) == (False, 4, False)
    table = re.findall(r"^│ (\S+)(?: \*)? +│ (\S+) +│", run("tag", "runs/plain", "The dog .").output, re.MULTILINE)
    assert table == [(word.word, word.tag) for word in Tagger.load("runs/plain").tag("The dog .")]


def test_resume_refuses_settings_that_it_would_not_use(trained):
    for option in (["sample"], ["--shuffle"], ["--rate", "1", "--n-hidd", "7"]):
        result = trained("train", "--resume", "first", *option)
        assert result.exit_code == 1
        named = {"sample": "corpus", "--shuffle": "shuffle"}.get(option[0], "(n-hidd|rate)")
        assert re.search(rf"settings: {named} cannot be given with --resume", result.output)


def test_resume_refuses_fewer_epochs_than_are_done(trained):
    result = trained("train", "--resume", "first", "--epochs", "1")
    assert result.exit_code == 1
    assert "epochs must be at least 2, which the run has done; got 1" in result.output
    assert Run.open("first").settings.trainer.epochs == 2


def test_ctrl_c_stops_after_the_batch_and_resume_goes_on_exactly(run, tmp_path):
    options = [*SHORT, "--epochs", "400", "--shuffle"]
    args = [COMMAND, "train", *options, "--name", "stopped"]
    # a pipe too small for the lines of so many epochs, which therefore cannot end before they are read
    process = subprocess.Popen(args, cwd=tmp_path, stdout=subprocess.PIPE, text=True, pipesize=4096)
    for line in process.stdout:
        if line.startswith("epoch   2"):
            process.send_signal(signal.SIGINT)
            break
    rest = process.stdout.read()
    assert process.wait() == 130
    assert f"Stopped by Ctrl-C; continue with `lxmls-rnn train --resume {tmp_path}/runs/stopped`." in rest
    done = len(Run.open("stopped", tmp_path / "runs").metrics())
    assert 2 <= done < 400

    epochs = str(done + 2)
    for command in (
        ["--resume", "stopped", "--epochs", epochs],
        [*options[:-3], "--epochs", epochs, "--shuffle", "--name", "whole"],
    ):
        assert run("train", *command).exit_code == 0
    costs = [[row.cost for row in Run.open(name, tmp_path / "runs").metrics()] for name in ("stopped", "whole")]
    assert costs[0] == costs[1]


@pytest.fixture
def sigterm_at(monkeypatch):
    """Let a SIGTERM come with an event of a kind."""

    def strike(kind):
        def struck(self, *options):
            for event in fit(self, *options):
                if isinstance(event, kind):
                    os.kill(os.getpid(), signal.SIGTERM)
                yield event

        monkeypatch.setattr(Run, "fit", struck)

    fit = Run.fit
    return strike


def test_sigterm_stops_after_the_batch_with_a_checkpoint_and_its_status(run, sigterm_at, tmp_path):
    sigterm_at(EpochDone)
    narrow = {"COLUMNS": "40"}  # the command to copy is not broken
    result = run("train", *SHORT, "--epochs", "4000", "--name", "stopped by force", env=narrow)
    assert result.exit_code == 128 + signal.SIGTERM
    assert f"continue with `lxmls-rnn train --resume '{tmp_path}/runs/stopped by force'`." in result.output
    assert (tmp_path / "runs" / "stopped by force" / "checkpoint.npz").exists()


def test_a_signal_after_the_last_update_is_no_reason_to_go_on(run, sigterm_at):
    sigterm_at(Stopped)
    result = run("train", *SHORT, "--epochs", "1")
    assert result.exit_code == 143
    assert "Stopped: the one epoch done." in result.output
    assert "continue with" not in result.output


def test_every_option_of_train_is_a_setting_of_the_run(run):
    options = {
        **{"n-emb": 4, "n-hidd": 3, "activation": "tanh", "dtype": "float32", "vocabulary": "train", "min-count": 3},
        **{"max-sent-len": 9, "max-nr-sent": 20, "epochs": 1, "rate": 0.25, "decay": 0.125, "batch-size": 2},
        **{"clip": 3.0, "patience": 4, "seed": 5, "init": "orthogonal"},
    }
    flags = ["--freeze-embeddings", "--gradient-norm", "--shuffle"]
    typed = [text for name, value in options.items() for text in (f"--{name}", str(value))]
    assert run("train", "sample", *typed, *flags, "--name", "a").exit_code == 0
    found = Run.open("a").settings.flat()
    assert {name: found[name.replace("-", "_")] for name in options} == options
    assert found["freeze_embeddings"] is found["gradient_norm"] is found["shuffle"] is True
    assert (found["corpus"], found["dev"]) == ("sample", None)
    assert run("train", "--name", "b", *SHORT).exit_code == 0
    assert Run.open("b").settings.trainer.epochs == 5


def test_guide_stands_for_the_guides_settings_and_an_option_beside_it_wins(run, monkeypatch):
    monkeypatch.setattr("lxmls_rnn.cli.sweep.show_sweep", lambda driver: None)
    for name, options, (init, vocabulary) in (
        ("a", [], ("glorot", "train")),
        ("b", ["--guide"], ("uniform01", "guide")),
        ("c", ["--guide", "--init", "glorot"], ("glorot", "guide")),
    ):
        assert run("train", *SHORT, "--epochs", "1", "--name", name, *options).exit_code == 0
        assert run("sweep", *SHORT, "--seeds", "2", "--name", f"s{name}", *options).exit_code == 0
        for settings in (Run.open(name).settings, Sweep.load(f"s{name}").base):
            assert (settings.init, settings.vocabulary) == (init, vocabulary)
    refused = run("train", "--resume", "a", "--guide")
    assert "settings: guide cannot be given with --resume" in refused.output


def test_the_command_and_python_shuffle_with_the_same_seed(run):
    def cost(seed):
        trainer = Trainer(epochs=1, shuffle=True, seed=seed)
        short = Settings("sample", max_nr_sent=80, n_hidd=6, n_emb=8, seed=7, trainer=trainer)
        return [event.cost for event in Run.create(f"python{seed}", short).fit() if isinstance(event, EpochDone)]

    assert run("train", *SHORT, "--epochs", "1", "--seed", "7", "--shuffle", "--name", "a").exit_code == 0
    assert cost(None) == cost(7) == [row.cost for row in Run.open("a").metrics()] != cost(0)
    shown = {run: seed for run, *_, seed, _, _, _, _ in table_of(run("runs").output)}
    assert shown == {"run": "seed", "a": "7", "python7": "7", "pythonNone": "7", "python0": "7, order 0"}


def test_train_says_what_it_trains_and_each_epoch(run, tmp_path):
    shutil.copy(paths.data() / "sample" / "train.conll", tmp_path / "mine.conll")
    lines = run("train", "mine.conll", *SHORT, "--epochs", "2", "--batch-size", "16", "--name", "a").output.splitlines()
    (one, two) = Run.open("a").metrics()
    words = sum(
        len(line.split("\t")) > 1
        for line in Path("mine.conll").read_text().split("\n\n", 80)[:80]
        for line in line.split("\n")
    )
    assert lines[0] == (f"NumpyRNN, 6 hidden units, on mine.conll: 80 sentences, {words} words, 2 epochs of 5 updates")
    assert lines[1] == "Tags: column 5 (XPOS), mapped by ptb."
    for line, row in zip(lines[2:4], (one, two), strict=True):
        epoch = f"epoch {row.epoch:3}   cost {row.cost:10.4f}   train {row.train_accuracy:.2%}   "
        assert re.fullmatch(re.escape(epoch) + r"[\d,]+ words/s", line)  # without a dev part
    assert lines[4] == "Stopped: all 2 epochs done."
    assert lines[-1] == f"The run is in {tmp_path}/runs/a."
