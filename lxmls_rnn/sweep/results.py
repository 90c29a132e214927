"""Results of a sweep's trainings, read from their runs: of each training, and of each setting over its seeds."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lxmls_rnn.deep_learning import model_file
from lxmls_rnn.deep_learning.events import Metrics
from lxmls_rnn.experiment import parts
from lxmls_rnn.runs import CHECKPOINT, Run, check_progress
from lxmls_rnn.runs.folder import read_metrics
from lxmls_rnn.storage.files import in_words
from lxmls_rnn.sweep.grid import Point
from lxmls_rnn.sweep.sweep import Sweep, Training

UNFINISHED = ("waiting", "begun", "damaged")
DIVERGED = "diverged: "  # how the reason of a failure begins where another try would end alike


@dataclass(frozen=True)
class Result:
    """What has come of one training so far."""

    training: Training
    state: str  # "waiting", "begun", "damaged", "done", "diverged", "failed" or, by halving, "given up"
    rows: list[Metrics]  # of its epochs
    why: str = ""  # a sentence where it diverged, failed or is damaged

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to be done."""
        return self.state not in UNFINISHED

    @property
    def is_counted(self) -> bool:
        """Whether its accuracy counts for its setting."""
        return self.state in ("done", "given up")

    @property
    def best(self) -> Metrics | None:
        """The metrics of the epoch whose model is kept: the last one, or with early stopping the best on dev."""
        return next((row for row in reversed(self.rows) if row.is_best), None)

    @property
    def accuracy(self) -> float | None:
        """The accuracy on dev of the model that is kept."""
        return None if self.best is None else self.best.dev_accuracy


def read(sweep: Sweep, training: Training, epochs: int | None = None) -> Result:
    """Return what has come of a training up to an epoch, by default its last; of a checkpoint, all that it holds.

    A training whose files cannot be read is damaged: `Result.why` names the file, and says what to delete.
    """
    trainer = training.settings.trainer
    epochs = trainer.epochs if epochs is None else epochs
    folder = sweep.folder / training.name
    why = sweep.failed.get(training.name, "")
    state = "diverged" if why.startswith(DIVERGED) else "failed"
    try:
        rows = [row for row in read_metrics(folder) if row.epoch <= epochs]
        if why:
            return Result(training, state, rows, why.removeprefix(DIVERGED))
        if not rows:
            return Result(training, "begun" if folder.exists() else "waiting", rows)
        since = rows[-1].epoch - max((row.epoch for row in rows if row.is_best), default=0)
        ended = rows[-1].epoch == epochs or (trainer.patience is not None and since >= trainer.patience)
        # the line of an epoch is written before its model and its checkpoint
        done = ended and _checkpoint(folder) >= rows[-1].epoch
        return Result(training, "done" if done else "begun", rows)
    except (ValueError, OSError, MemoryError) as error:
        if why:
            return Result(training, state, [], why.removeprefix(DIVERGED))
        advice = f"; delete {folder}, and --resume trains it anew" if isinstance(error, ValueError) else ""
        return Result(training, "damaged", [], in_words(error) + advice)


def _checkpoint(folder: Path) -> int:
    """Return how many epochs the checkpoint of a run has, 0 where there is none; errors as `model_file.load`."""
    path = folder / CHECKPOINT
    try:
        return check_progress(path, model_file.read_header(path)).epoch
    except FileNotFoundError:
        return 0


@dataclass(frozen=True)
class Setting:
    """What has come of one point of the grid, over its seeds."""

    point: Point
    results: list[Result]  # one for each seed
    accuracies: list[float]  # on dev, of the trainings that are done or were given up, each of the model that it keeps
    epochs: int  # that they have done at most

    @property
    def mean(self) -> float | None:
        """Mean accuracy on dev; None before a training is done."""
        return statistics.fmean(self.accuracies) if self.accuracies else None

    @property
    def deviation(self) -> float | None:
        """Standard deviation over the seeds (of a sample, n - 1); None of fewer than two."""
        return statistics.stdev(self.accuracies) if len(self.accuracies) > 1 else None

    @property
    def is_given_up(self) -> bool:
        """Whether halving has given it up."""
        return any(result.state == "given up" for result in self.results)


def by_setting(results: Iterable[Result]) -> list[Setting]:
    """Return the settings, best first: those whose seeds are all done, by their mean on dev; then the others.

    Among those that halving gave up, those that it kept longer come first; of equal ones, those earlier in the grid.
    """
    groups: dict[str, list[Result]] = {}
    for result in results:
        groups.setdefault(repr(result.training.point), []).append(result)
    settings = []
    for group in groups.values():
        accuracies = [result.accuracy for result in group if result.is_counted and result.accuracy is not None]
        epochs = max((len(result.rows) for result in group), default=0)
        settings.append(Setting(group[0].training.point, group, accuracies, epochs))

    def rank(setting: Setting) -> tuple[Any, ...]:
        whole = len(setting.accuracies) == len(setting.results)
        return not whole, setting.is_given_up, -setting.epochs if setting.is_given_up else 0, -(setting.mean or 0.0)

    return sorted(settings, key=rank)


def chosen(settings: Sequence[Setting]) -> Setting | None:
    """Return the best setting on dev; None as long as a training is missing."""
    over = all(result.is_over for setting in settings for result in setting.results)
    best = settings[0] if settings else None
    return best if over and best is not None and best.accuracies and not best.is_given_up else None


def on_test(sweep: Sweep, setting: Setting) -> list[float]:
    """Return the accuracies on the test part of a setting's trainings; none for a corpus without a test part.

    ValueError if that has a tag, or without `<unk>` a word, that a model does not know, or a model cannot be read.
    """
    try:
        return _on_test(sweep, setting)
    except (OSError, MemoryError) as error:
        raise ValueError(in_words(error)) from error


def _on_test(sweep: Sweep, setting: Setting) -> list[float]:
    accuracies = []
    for result in setting.results:
        settings = result.training.settings
        file = parts(settings).get("test")
        if file is None or not file.is_file() or result.state != "done":
            continue
        tagger, _ = Run.open(result.training.name, sweep.folder).load()
        accuracies.append(tagger.evaluate(file, **settings.limits).accuracy)
    return accuracies
