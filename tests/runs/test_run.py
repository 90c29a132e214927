"""Runs on disk: killed at any moment, they go on to the numbers of a run that was left alone."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from subprocess import PIPE
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from runs.small import DEV, SETTINGS, TRAIN

from lxmls_rnn.deep_learning import model_file
from lxmls_rnn.deep_learning.training import BatchDone, EpochDone, Trainer
from lxmls_rnn.device import GpuLost
from lxmls_rnn.runs import Run, find_runs
from lxmls_rnn.runs import run as run_module
from lxmls_rnn.tagger import Tagger

PATIENT = replace(SETTINGS, trainer=replace(SETTINGS.trainer, epochs=12, rate=8.0, patience=2, clip=1.0))

# For each line a child of this process, which has all imports, trains a run and kills itself: before a file is put in
# its place for the n-th time, or at the n-th event. What it ended with is printed.
KILLED = """
import os, signal, sys
import scipy.special
from lxmls_rnn.runs import Run

def train(folder, what, n):
    def count(name):
        nonlocal n
        if name == what:
            n -= 1
            if n == 0:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(lambda name, args: name == "os.rename" and count(os.path.basename(args[1])))
    for event in Run.open("killed", folder).fit(checkpoint_every=0.0):
        count(type(event).__name__)

for line in sys.stdin:
    folder, what, n = line.rstrip().split(chr(9))
    child = os.fork()
    if child == 0:
        train(folder, what, int(n))
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.fixture
def tmp_path():
    """A folder in memory, where there is one: the disk is not what is tested, and syncing takes half of the time."""
    shared = Path("/dev/shm")
    with TemporaryDirectory(dir=shared if shared.is_dir() else None) as folder:
        yield Path(folder)


def test_a_run_is_removed_unless_it_is_being_trained(tmp_path):
    run = Run.create("mine", SETTINGS, tmp_path)
    events = run.fit()
    next(events)
    with pytest.raises(RuntimeError, match="trains the run"):
        run.remove()
    events.close()
    run.remove()
    assert list(tmp_path.iterdir()) == []
    assert find_runs(tmp_path) == ([], [])
    with pytest.raises(FileNotFoundError):
        run.remove()


def numbers(run):
    rows = run.metrics()
    return [(row.epoch, row.cost, row.train_accuracy, row.dev_accuracy, row.is_best) for row in rows]


def parameters_of(run, file="model.npz"):
    return {name: W.tobytes() for name, W in model_file.load(run.folder / file).model.get_values().items()}


all_epochs = pytest.param(SETTINGS, id="all epochs", marks=pytest.mark.daily("as with early stopping, without it"))


@pytest.fixture(scope="module", params=[pytest.param(PATIENT, id="early stopping"), all_epochs])
def left_alone(request, tmp_path_factory):
    run = Run.create("alone", request.param, tmp_path_factory.mktemp("runs"))
    for _ in run.fit():
        pass
    return run


@pytest.fixture(scope="module")
def train_and_kill():
    """Train the run "killed" in a process that kills itself; return what that ended with."""
    with subprocess.Popen([sys.executable, "-c", KILLED], stdin=PIPE, stdout=PIPE, text=True) as process:

        def ask(folder, what, n):
            print(folder, what, n, sep="\t", file=process.stdin, flush=True)
            return int(process.stdout.readline())

        yield ask
        process.stdin.close()


@pytest.mark.parametrize(
    ("what", "n"),  # an epoch has 15 batches and writes a checkpoint after each, then a model and a checkpoint
    [("model.npz", 1)] + [("checkpoint.npz", n) for n in (1, 2, 16, 17)] + [("BatchDone", 20), ("EpochDone", 2)],
)
def test_a_killed_run_goes_on_to_the_same_numbers(left_alone, train_and_kill, tmp_path, what, n):
    run = Run.create("killed", left_alone.settings, tmp_path)
    assert train_and_kill(tmp_path, what, n) == -9
    for _ in run.fit():
        pass
    assert numbers(run) == numbers(left_alone)
    assert parameters_of(run) == parameters_of(left_alone)
    assert [file.name for file in run.folder.glob(".*")] == [".lock"]


def test_a_stopped_run_goes_on_to_the_same_numbers(left_alone, tmp_path):
    run = Run.create("stopped", left_alone.settings, tmp_path)
    for kind in (BatchDone, BatchDone, EpochDone, BatchDone):  # stops four times
        events = run.fit()
        for event in events:
            if isinstance(event, kind) and (kind is EpochDone or event.batch % 5 == 4):
                break
        events.close()
        assert Tagger.load(run.folder).tag("the dog runs")
        if run.settings.trainer.patience is None:
            assert parameters_of(run) == parameters_of(run, "checkpoint.npz")
    for _ in run.fit():
        pass
    assert numbers(run) == numbers(left_alone)
    assert parameters_of(run) == parameters_of(left_alone)


def test_every_epoch_has_a_checkpoint_and_only_the_best_ones_a_model(tmp_path):
    run = Run.create("patient", PATIENT, tmp_path)
    best = []
    for event in run.fit():
        if isinstance(event, EpochDone):
            progress = model_file.read_header(run.folder / "checkpoint.npz")["progress"]
            assert (progress["epoch"], progress["batch"]) == (event.epoch, 0)
            best += [event.epoch] if event.is_best else []
            assert model_file.read_header(run.folder / "model.npz")["epoch"] == best[-1]
    assert best[-1] < progress["epoch"]  # the last epoch was not the best


def test_a_line_of_metrics_that_a_kill_cut_off_does_not_count(tmp_path, left_alone):
    run = Run.create("torn", left_alone.settings, tmp_path)
    events = run.fit()
    next(event for event in events if isinstance(event, EpochDone))
    events.close()
    with open(run.folder / "metrics.jsonl", "a") as file:
        file.write('{"epoch": 2, "co')
    assert [row.epoch for row in run.metrics()] == [1]
    for _ in run.fit():
        pass
    assert numbers(run) == numbers(left_alone)


def test_more_epochs_can_be_asked_for(tmp_path):
    short = Run.create("short", replace(SETTINGS, trainer=replace(SETTINGS.trainer, epochs=1)), tmp_path)
    whole = Run.create("whole", SETTINGS, tmp_path)
    for stream in (short.fit(), short.fit(epochs=3), whole.fit()):
        for _ in stream:
            pass
    assert numbers(short) == numbers(whole)
    assert Run.open("short", tmp_path).settings.trainer.epochs == 3
    assert short.settings.dtype == Run.open("short", tmp_path).settings.dtype == "float64"  # kept as it began


def test_going_on_to_the_epoch_that_is_done_trains_nothing(tmp_path, left_alone):
    shutil.copytree(left_alone.folder, tmp_path / "done")
    run = Run.open("done", tmp_path)
    assert [type(event).__name__ for event in run.fit(epochs=len(run.metrics()))] == ["Started", "Stopped"]
    assert numbers(run) == numbers(left_alone)


def test_its_files_are_those_that_the_module_names(left_alone):
    assert {file.name for file in left_alone.folder.iterdir()} == {
        "config.json",
        "metrics.jsonl",
        "model.npz",
        "checkpoint.npz",
        ".lock",
    }
    config = json.loads((left_alone.folder / "config.json").read_text())
    assert (config["format"], config["version"]) == ("lxmls-rnn run", 1)
    assert set(config) == {"format", "version", "settings", "checksums", "versions"}


@pytest.mark.parametrize("is_trained", [True, False])
def test_a_run_that_was_made_meanwhile_keeps_its_temporary_files(tmp_path, monkeypatch, is_trained):
    def prepare(*options):
        """Let another process make the run, and begin to train it, while this one prepares its own."""
        monkeypatch.undo()
        events.append(Run.create("one", SETTINGS, tmp_path).fit())
        if is_trained:
            next(events[0])
        (tmp_path / "one" / ".metrics.jsonl.1.tmp").touch()
        return prepared(*options)

    events, prepared = [], run_module.prepare
    monkeypatch.setattr(run_module, "prepare", prepare)
    with pytest.raises(FileExistsError, match="already exists: take another name, or resume it"):
        Run.create("one", SETTINGS, tmp_path)
    assert (tmp_path / "one" / ".metrics.jsonl.1.tmp").exists()
    events[0].close()


def test_the_order_of_sentences_follows_the_seed_unless_it_has_its_own(tmp_path):
    def cost(seed):
        trainer = replace(SETTINGS.trainer, epochs=1, seed=seed)
        run = Run.create(f"{seed}", replace(SETTINGS, trainer=trainer), tmp_path)
        list(run.fit())
        return run.metrics()[0].cost

    assert len({cost(seed) for seed in (None, 0, 1)}) == 3


def test_two_trainings_of_one_run_are_refused(tmp_path):
    run = Run.create("one", SETTINGS, tmp_path)
    events = run.fit()
    next(events)
    with pytest.raises(RuntimeError, match="another process trains"):
        next(Run.open("one", tmp_path).fit())
    events.close()


def test_whether_a_training_is_wanted_is_asked_before_each_file_of_an_epoch(tmp_path):
    for number, last in enumerate(files := ["metrics.jsonl", "model.npz", "checkpoint.npz"], 1):
        file = Run.create(last, PATIENT, tmp_path).folder / last
        list(Run.open(last, tmp_path).fit(is_wanted=lambda file=file: not (file.exists() and file.read_bytes())))
        assert {file.name for file in file.parent.iterdir()} == {"config.json", ".lock", *files[:number]}


@pytest.mark.parametrize("last", [BatchDone, EpochDone])
@pytest.mark.parametrize("end", [lambda events: events.close(), list])
def test_a_training_that_is_no_longer_wanted_writes_nothing(left_alone, tmp_path, monkeypatch, last, end):
    run, unwanted = Run.create("one", left_alone.settings, tmp_path), []
    events = run.fit(checkpoint_every=0.0, is_wanted=lambda: not unwanted)
    next(event for event in events if isinstance(event, last))
    unwanted.append(True)
    before = {file.name: file.read_bytes() for file in run.folder.iterdir()}
    assert not end(events)
    unwanted.clear()
    prepare = run_module.prepare  # to prepare takes time: it may be unwanted then
    monkeypatch.setattr(run_module, "prepare", lambda *data: unwanted.append(True) or prepare(*data))
    assert not list(Run.open("one", tmp_path).fit(is_wanted=lambda: not unwanted))
    assert {file.name: file.read_bytes() for file in run.folder.iterdir()} == before
    list(Run.open("one", tmp_path).fit())  # the lock is free, and the other one goes on
    assert numbers(run) == numbers(left_alone)


def test_a_run_is_looked_at_through_numpy_with_the_figures_of_its_model(left_alone):
    tagger, figures = left_alone.load()
    assert type(tagger.model).__name__ == "NumpyRNN"
    assert figures == next(row for row in left_alone.metrics() if row.epoch == tagger.header["epoch"])
    assert tagger.evaluate(DEV, max_nr_sent=60).accuracy == figures.dev_accuracy


@pytest.mark.parametrize(("kind", "epoch"), [(BatchDone, None), (EpochDone, 2)])
def test_a_model_that_was_stopped_within_an_epoch_has_the_figures_of_none(tmp_path, kind, epoch):
    run = Run.create("one", SETTINGS, tmp_path)
    events = run.fit()
    next(event for event in events if isinstance(event, EpochDone))
    next(event for event in events if isinstance(event, kind))
    events.close()
    _, figures = run.load()
    assert figures == next((row for row in run.metrics() if row.epoch == epoch), None)
    assert (figures is None) == (epoch is None)


def test_a_run_on_a_corpus_by_name_goes_on_where_the_data_are_elsewhere(tmp_path, monkeypatch):
    run = Run.create("one", replace(SETTINGS, corpus="sample", dev=None), tmp_path)
    shutil.copytree(Path(TRAIN).parent, tmp_path / "data" / "sample")
    monkeypatch.setenv("LXMLS_DATA", str(tmp_path / "data"))
    for _ in Run.open("one", tmp_path).fit(epochs=1):
        pass
    assert run.metrics()[0].dev_accuracy is not None
    with open(tmp_path / "data" / "sample" / "dev.conll", "a") as file:
        file.write("\n")
    with pytest.raises(ValueError, match=r"sample/dev\.conll has changed since the run one began"):
        next(Run.open("one", tmp_path).fit())


def test_a_path_that_is_no_text_is_refused_and_leaves_nothing(tmp_path):
    corpus = tmp_path / os.fsdecode(b"caf\xe9.conll")
    corpus.write_bytes(Path(TRAIN).read_bytes())
    with pytest.raises(ValueError, match="corpus must be the path of a file, as text in UTF-8"):
        Run.create("one", replace(SETTINGS, corpus=str(corpus)), tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_a_run_that_diverged_says_so_until_it_is_trained_again(tmp_path):
    settings = replace(SETTINGS, activation="relu", trainer=Trainer(epochs=2, rate=1e200))
    run = Run.create("wild", settings, tmp_path)
    with pytest.raises(FloatingPointError), np.errstate(all="ignore"):
        for _ in run.fit():
            pass
    assert "try a lower rate" in Run.open("wild", tmp_path).diverged
    events = Run.open("wild", tmp_path).fit()
    next(events)
    events.close()
    assert Run.open("wild", tmp_path).diverged is None


def test_a_model_that_is_nan_after_its_last_update_is_an_error_and_is_not_kept(tmp_path):
    # one update only: its cost, before it, is a number
    trainer = Trainer(epochs=1, rate=1e308, batch_size=60)
    run = Run.create("wild", replace(SETTINGS, activation="relu", init="uniform01", trainer=trainer), tmp_path)
    with (
        pytest.raises(FloatingPointError, match=r"NaN or infinite in epoch 1: try a lower rate"),
        np.errstate(all="ignore"),
    ):
        for _ in run.fit():
            pass
    assert "NaN or infinite" in run.diverged
    assert sorted(path.name for path in run.folder.iterdir()) == [".lock", "config.json", "metrics.jsonl"]


CHECKPOINTS = {
    "cut": lambda path: os.truncate(path, 500),
    "folder": lambda path: (path.unlink(), path.mkdir()),
    "metrics": lambda path: path.with_name("metrics.jsonl").write_text("{}\n"),
    "no metrics": lambda path: path.with_name("metrics.jsonl").unlink(),
}


@pytest.mark.parametrize("damage", CHECKPOINTS.values(), ids=CHECKPOINTS)
def test_a_run_with_a_damaged_checkpoint_says_what_to_delete_and_begins_anew_then(tmp_path, damage):
    run = Run.create("one", replace(SETTINGS, trainer=Trainer(epochs=1)), tmp_path)
    list(run.fit())
    before = numbers(run)
    checkpoint = run.folder / "checkpoint.npz"
    damage(checkpoint)
    with pytest.raises(
        ValueError, match=re.escape(f"; delete {checkpoint} to start the run from the beginning")
    ) as error:
        list(Run.open("one", tmp_path).fit())
    assert len(str(error.value)) < 600
    checkpoint.rmdir() if checkpoint.is_dir() else checkpoint.unlink()
    list(Run.open("one", tmp_path).fit())
    assert numbers(run) == before


def test_a_run_whose_gpu_is_lost_says_where_it_goes_on(tmp_path, monkeypatch, left_alone):
    fit = Trainer.fit

    def lose_after(kind, times, **options):
        """Train until an event has come so often, then the GPU is lost; return what is said."""

        def events(*args):
            left = times
            for event in fit(*args):
                yield event
                left -= isinstance(event, kind)
                if left == 0:
                    raise GpuLost("CUDA_ERROR_UNKNOWN")

        monkeypatch.setattr(Trainer, "fit", events)
        with pytest.raises(GpuLost) as lost:
            for _ in Run.open("mine", tmp_path).fit(**options):
                pass
        assert lost.value.name == "CUDA_ERROR_UNKNOWN"
        return str(lost.value)

    Run.create("mine", left_alone.settings, tmp_path)
    said = lose_after(BatchDone, 3)
    assert said.startswith("the GPU has stopped working (CUDA_ERROR_UNKNOWN)")
    assert said.endswith("The run mine had no checkpoint yet and starts from the beginning when it is resumed.")
    said = lose_after(BatchDone, 3, checkpoint_every=0.0)
    assert "The run mine has a checkpoint after batch 3 of epoch 1 and continues from there" in said
    assert "after batch 3 of epoch 1 and" in lose_after(BatchDone, 2)
    assert "The run mine has a checkpoint after epoch 1 and continues" in lose_after(EpochDone, 1)
    monkeypatch.undo()
    run = Run.open("mine", tmp_path)
    for _ in run.fit():
        pass
    assert numbers(run) == numbers(left_alone)
    assert parameters_of(run) == parameters_of(left_alone)
