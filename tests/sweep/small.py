"""A sweep that takes a second, what a serial run makes of its trainings, and runs that are written, not trained."""

import json
from contextlib import suppress
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from lxmls_rnn.datasets.corpora import corpus_files
from lxmls_rnn.deep_learning import model_file
from lxmls_rnn.deep_learning.events import Metrics
from lxmls_rnn.deep_learning.numpy_rnn import NumpyRNN
from lxmls_rnn.deep_learning.training import Progress, Trainer
from lxmls_rnn.experiment import Settings
from lxmls_rnn.runs import Run
from lxmls_rnn.sweep import grid
from lxmls_rnn.sweep.sweep import Sweep

TRAIN, DEV, _ = map(str, corpus_files("sample"))
BASE = Settings(TRAIN, DEV, max_nr_sent=30, n_emb=3, n_hidd=3, trainer=Trainer(epochs=3))


def small_sweep(root, *vary, base=BASE, seeds=(1, 2), name="small", **more):
    return Sweep(root / name, base, grid.parse_vary(vary), list(seeds), **more)


def numbers(run):
    """All that is computed: the figures of each epoch, and the model."""
    rows = [(row.epoch, row.cost, row.train_accuracy, row.dev_accuracy) for row in run.metrics()]
    saved = model_file.load(run.folder / "model.npz").model.get_values()
    return rows, {name: W.tobytes() for name, W in saved.items()}


def of_sweep(sweep):
    """The numbers of each training of a sweep."""
    return {training.name: numbers(Run.open(training.name, sweep.folder)) for training in sweep.trainings()}


def serial(sweep, root):
    """The numbers of a sweep's trainings, each run alone in this process."""
    found = {}
    for training in sweep.trainings():
        run = Run.create(training.name, training.settings, root)
        for _ in run.fit():
            pass
        found[training.name] = numbers(run)
    return found


@cache
def checkpoint(epochs):
    """The bytes of a checkpoint after so many epochs."""
    with TemporaryDirectory() as folder:
        file = Path(folder, "checkpoint.npz")
        model_file.save(file, NumpyRNN(3, 2, 2, 2, seed=0), progress=Progress(epoch=epochs)._asdict())
        return file.read_bytes()


def write_run(sweep, training, accuracies):
    """The files of a run with these accuracies on dev, an epoch each."""
    folder = sweep.folder / training.name
    folder.mkdir()
    rows = [
        asdict(Metrics(n, 9.0 / n, 0.5, accuracy, 0.5, 0.1, 99.0, True)) for n, accuracy in enumerate(accuracies, 1)
    ]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "checkpoint.npz").write_bytes(checkpoint(len(rows)))


def with_runs(root, accuracy, *vary, epochs=4, **more):
    """A sweep whose trainings have the accuracies that `accuracy(training, epoch)` gives."""
    base = replace(BASE, trainer=replace(BASE.trainer, epochs=epochs))
    sweep = small_sweep(root, *vary, base=base, **more).begin()
    for training in sweep.trainings():
        write_run(sweep, training, [accuracy(training, epoch) for epoch in range(1, epochs + 1)])
    return sweep


def by_size(training, epoch):
    return training.point["n_hidd"] / 10 + training.seed / 100 + epoch / 1000


def accuracy(training, epoch):
    """Larger for every size and model: no two settings are equal."""
    point = training.point
    more = 0.1 * (point.get("clip") is not None) + 0.05 * (point.get("model") == "NumpyLSTM") + point.get("decay", 0)
    return point.get("n_hidd", 0) / 100 + more + training.seed / 100 + epoch / 1000


def hold_workers(folder):
    """Write what lets no worker of a client start that has the folder in its PYTHONPATH."""
    hold = "import signal, sys\n'loky.backend.popen_loky_posix' in sys.orig_argv and signal.pause()\n"
    (folder / "sitecustomize.py").write_text(hold)


def workers_of(client):
    """The processes of a client's workers."""
    found = []
    with suppress(psutil.NoSuchProcess):
        for child in client.children():
            with suppress(psutil.NoSuchProcess):  # also if it has ended and is a zombie
                if "loky.backend.popen_loky_posix" in child.cmdline():
                    found.append(child)
    return found
