"""Results of a sweep, read from its runs: for each training, and for each setting over its seeds."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lxmls_rnn.deep_learning import model_file
from lxmls_rnn.deep_learning.events import Metrics
from lxmls_rnn.experiment import parts
from lxmls_rnn.runs import CHECKPOINT, Run, check_progress
from lxmls_rnn.runs.folder import read_metrics, saved_metrics
from lxmls_rnn.storage.messages import in_words
from lxmls_rnn.sweep.grid import Point
from lxmls_rnn.sweep.sweep import Sweep, Training

UNFINISHED = ("waiting", "begun", "damaged")
DIVERGED = "diverged: "  # prefix of the reason of a failure that would occur again on every try


@dataclass(frozen=True)
class Result:
    """The result of one training so far."""

    training: Training
    state: str  # "waiting", "begun", "damaged", "done", "diverged" or "failed"
    rows: list[Metrics]  # of its epochs
    why: str = ""  # a sentence where it diverged, failed or is damaged

    @property
    def is_over(self) -> bool:
        """Whether there is nothing left to train."""
        return self.state not in UNFINISHED

    @property
    def is_counted(self) -> bool:
        """Whether the training's accuracy is included in the mean of its setting."""
        return self.state == "done"

    @property
    def best(self) -> Metrics | None:
        """The metrics of the epoch whose model is saved, see `saved_metrics`."""
        return saved_metrics(self.rows)

    @property
    def accuracy(self) -> float | None:
        """The accuracy on dev of the saved model."""
        return None if self.best is None else self.best.dev_accuracy


def read_all(sweep: Sweep) -> list[Result]:
    """Read the results so far of all trainings, in the order of `Sweep.trainings`; errors as `Sweep.trainings`."""
    return [read(sweep, training) for training in sweep.trainings()]


def read(sweep: Sweep, training: Training) -> Result:
    """Read the result so far of a training.

    A training whose files cannot be read is damaged: `Result.why` names the file, and says what to delete.
    """
    trainer, folder = training.settings.trainer, sweep.folder / training.name
    why = sweep.failed.get(training.name, "")
    state = "diverged" if why.startswith(DIVERGED) else "failed"
    try:
        rows = [row for row in read_metrics(folder) if row.epoch <= trainer.epochs]
        if why:
            return Result(training, state, rows, why.removeprefix(DIVERGED))
        if not rows:
            return Result(training, "begun" if folder.exists() else "waiting", rows)
        since = rows[-1].epoch - max((row.epoch for row in rows if row.is_best), default=0)
        ended = trainer.stop_reason(rows[-1].epoch, since)
        # the line of an epoch is written before its model and its checkpoint
        done = bool(ended) and _checkpoint(folder) >= rows[-1].epoch
        return Result(training, "done" if done else "begun", rows)
    except (ValueError, OSError, MemoryError) as error:
        if why:
            return Result(training, state, [], why.removeprefix(DIVERGED))
        advice = f"; delete {folder}, and --resume trains it again" if isinstance(error, ValueError) else ""
        return Result(training, "damaged", [], in_words(error) + advice)


def _checkpoint(folder: Path) -> int:
    """Return the number of epochs in the checkpoint of a run, 0 without one; errors as `model_file.load`."""
    path = folder / CHECKPOINT
    try:
        return check_progress(path, model_file.read_header(path)).epoch
    except FileNotFoundError:
        return 0


@dataclass(frozen=True)
class SettingResults:
    """The results of one point of the grid, over its seeds."""

    point: Point
    results: list[Result]  # one for each seed
    accuracies: list[float]  # on dev, of the saved models of the trainings that are done
    epochs: int  # done by the longest training

    @property
    def mean(self) -> float | None:
        """Mean accuracy on dev; None while no training is done."""
        return statistics.fmean(self.accuracies) if self.accuracies else None

    @property
    def deviation(self) -> float | None:
        """Sample standard deviation over the seeds (divisor n - 1); None for fewer than two."""
        return statistics.stdev(self.accuracies) if len(self.accuracies) > 1 else None


def by_setting(results: Iterable[Result]) -> list[SettingResults]:
    """Group results by setting, best first: settings with all seeds done, sorted by mean on dev; then the others.

    Ties keep the order of the grid.
    """
    groups: dict[str, list[Result]] = {}
    for result in results:
        groups.setdefault(repr(result.training.point), []).append(result)
    settings = []
    for group in groups.values():
        accuracies = [result.accuracy for result in group if result.is_counted and result.accuracy is not None]
        epochs = max((len(result.rows) for result in group), default=0)
        settings.append(SettingResults(group[0].training.point, group, accuracies, epochs))

    def rank(setting: SettingResults) -> tuple[bool, float]:
        return len(setting.accuracies) < len(setting.results), -(setting.mean or 0.0)

    return sorted(settings, key=rank)


def chosen(settings: Sequence[SettingResults]) -> SettingResults | None:
    """Return the best setting on dev; None while a training is unfinished."""
    over = all(result.is_over for setting in settings for result in setting.results)
    best = settings[0] if settings else None
    return best if over and best is not None and best.accuracies else None


def on_test(sweep: Sweep, setting: SettingResults) -> list[float]:
    """Return the accuracies of a setting's models on the test part; an empty list if the corpus has no test part.

    Raise ValueError if the test part has a tag, or for models without `<unk>` a word, that a model does not know, or if
    a model cannot be read or is not the one that was judged on dev.
    """
    accuracies = []
    try:
        for result in setting.results:
            settings = result.training.settings
            file = parts(settings).get("test")
            if file is not None and file.is_file() and result.state == "done":
                run = Run.open(result.training.name, sweep.folder)
                tagger, metrics = run.load()
                if result.best is not None and metrics != result.best:
                    of = "an unfinished epoch" if metrics is None else f"epoch {metrics.epoch}"
                    raise ValueError(
                        f"the run {run.folder.name} has its accuracy on dev from epoch {result.best.epoch}, but its "
                        f"model is of {of}: it was trained outside the sweep; move {run.folder} elsewhere, and "
                        f"`lxmls-rnn sweep --resume {sweep.argument}` trains it again"
                    )
                accuracies.append(tagger.evaluate(file, **settings.reading).accuracy)
    except (OSError, MemoryError) as error:
        raise ValueError(in_words(error)) from error
    return accuracies
