"""A sweep that takes a second, and what a serial run makes of its trainings."""

from lxmls_rnn.deep_learning import model_file
from lxmls_rnn.deep_learning.training import Trainer
from lxmls_rnn.experiment import Settings, corpus_files
from lxmls_rnn.runs import Run
from lxmls_rnn.sweep import grid
from lxmls_rnn.sweep.sweep import Sweep

TRAIN, DEV, _ = map(str, corpus_files("sample"))
BASE = Settings(TRAIN, DEV, max_nr_sent=30, n_emb=3, n_hidd=3, trainer=Trainer(epochs=3))


def small_sweep(root, *vary, base=BASE, seeds=(1, 2), name="small", **more):
    return Sweep(root / name, base, grid.parse_vary(vary), list(seeds), **more)


def numbers(run):
    """All that is computed: the figures of each epoch, and the model."""
    rows = [(row["epoch"], row["cost"], row["train_accuracy"], row["dev_accuracy"]) for row in run.metrics()]
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
