"""The runs that this kernel trains: what each does now and what has come of it, for any number of panels to follow.

A live run belongs to the kernel, not to the panel that began it: a page that is reloaded, a cell that is run again and
a second panel find it here.
"""

from __future__ import annotations

import threading
from collections.abc import Generator
from pathlib import Path

import numpy as np

from lab.widgets.job import Job, Listeners
from lxmls_rnn import paths
from lxmls_rnn.deep_learning.events import Metrics
from lxmls_rnn.deep_learning.rnn import MODELS, device_of
from lxmls_rnn.deep_learning.training import BatchDone, EpochDone, Event, Progress, Started, Stopped
from lxmls_rnn.experiment import Settings
from lxmls_rnn.runs import Damaged, Run, find_runs
from lxmls_rnn.runs.folder import new_folder

POINTS = 200  # of a curve within the epochs, over the whole training

_all: list[LiveRun] = []  # oldest first
listeners = Listeners()  # called with a live run whenever its job calls its own
_lock = threading.Lock()


class LiveRun:
    """A run that is, or was, trained in this kernel: a new one with its `settings`, or one that goes on to `epochs`."""

    def __init__(self, folder: Path, settings: Settings | None = None, epochs: int | None = None) -> None:
        self.folder, self.settings, self._epochs = folder, settings, epochs
        self.rows: list[Metrics] = []  # of its epochs, those of an earlier training of this run too
        # within the epochs: epochs done, cost an epoch like this would have, accuracy, over the updates since the last
        self.running: list[tuple[float, float, float]] = []
        self.norms: list[tuple[float, float]] = []  # epochs done, largest norm of the gradient since the last
        self.started: Started | None = None
        self.event: Event | None = None  # the last one
        self.updates = 0  # by this training
        self.device = ""  # what it computes on, in a sentence, once that is known
        self._first = 0.0, 0.0  # when the first updates were done, and how far they came: compiling does not count
        self._point, self._n = Progress(), 0  # where the last point was made, and the updates since
        self._norm: float | None = None  # the largest since then
        self.job = Job(self._events, self._take)  # pauses and stops it
        self.job.listeners.add(lambda: listeners(self))

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def state(self) -> str:
        """What it does now: 'reading the corpus', 'compiling', 'training', 'measuring on dev', or the job's state."""
        if self.job.state != "running":
            return self.job.state
        if self.started is None:
            return "reading the corpus"
        if self.updates == 0 and self.settings and MODELS[self.settings.model].in_theano:
            return "compiling"
        if isinstance(self.event, BatchDone) and self.event.batch == self.event.batches:
            return "measuring on dev"
        return "training"

    @property
    def position(self) -> tuple[int, int]:
        """The epoch, counted from 1, and how many of its updates are done."""
        p = self.event.progress if self.event else Progress()
        return p.epoch + 1, p.batch

    @property
    def done(self) -> float:
        """Epochs done, with the part of the one that has begun."""
        epoch, batch = self.position
        return epoch - 1 + (batch / self.started.batches if self.started else 0)

    @property
    def words_per_second(self) -> float:
        """Of the present epoch."""
        if isinstance(self.event, BatchDone) and self.event.progress.seconds:
            return self.event.progress.words_per_second
        return self.rows[-1].words_per_second if self.rows else 0.0

    @property
    def seconds_left(self) -> float | None:
        """To the last epoch, as fast as until now; None before that can be told."""
        seconds, done = self.job.seconds - self._first[0], self.done - self._first[1]
        if self.started is None or self.updates == 0 or done <= 0:
            return None
        return seconds / done * (self.started.epochs - self.done)

    def _events(self) -> Generator[Event, None, None]:
        if self.settings is None:
            run = Run.open(self.folder.name, self.folder.parent)
            self.rows = run.metrics()
        else:
            run = Run.create(self.folder.name, self.settings, self.folder.parent)
        self.settings = run.settings
        with np.errstate(all="ignore"):  # a cost that is not finite ends the training, with advice
            try:
                yield from run.fit(self._epochs)
            except FloatingPointError:
                if isinstance(self.event, BatchDone):
                    self._add_norm(self.event)  # of the last updates, which tell why
                raise

    def _take(self, event: Event) -> None:
        if isinstance(event, BatchDone):
            self._count(event)
        elif isinstance(event, EpochDone):
            self.rows.append(event.metrics())
        elif isinstance(event, Started):
            assert self.settings is not None
            self.device = device_of(self.settings.model)
            self.rows = [row for row in self.rows if row.epoch <= event.progress.epoch]
            self._point = event.progress
            self._every = max(1, event.epochs * event.batches // POINTS)
            self.started = event
        self.event = event

    def _count(self, event: BatchDone) -> None:
        assert self.started is not None
        if self.updates == 0:
            self._first = self.job.seconds, event.epoch - 1 + event.batch / event.batches
        self.updates += event.updates
        self._n += event.updates
        if event.gradient_norm is not None:
            self._norm = max(event.gradient_norm, self._norm or 0.0)
        if self._n < self._every and event.batch < event.batches:
            return
        since = event.progress.since(self._point)
        if 2 * self._n >= self._every or event.epoch - 1 > (self.running[-1][0] if self.running else -1):
            # the few sentences left at the end of an epoch are no point of their own: they would be a spike, or a dip
            # of the norm, which counts in the next point
            done = event.epoch - 1 + event.batch / event.batches
            self.running.append((done, since.mean_cost * self.started.sentences, since.accuracy))
            self._add_norm(event)
        self._point, self._n = (Progress() if event.batch == event.batches else event.progress), 0

    def _add_norm(self, event: BatchDone) -> None:
        if self._norm is not None:
            self.norms.append((event.epoch - 1 + event.batch / event.batches, self._norm))
        self._norm = None

    def reason(self) -> str:
        """Why it has ended, if it has come to its end."""
        return self.event.reason if isinstance(self.event, Stopped) else ""


def begin(name: str, settings: Settings) -> LiveRun:
    """Train a new run; errors as `new_folder`, and RuntimeError if one of that name is being trained."""
    before = find(paths.runs() / name)
    if before is None or not before.job.active:
        new_folder(name, paths.runs())
    return _start(LiveRun(paths.runs() / name, settings))


def resume(folder: Path, epochs: int) -> LiveRun:
    """Train a run further, up to a number of epochs; RuntimeError if it is being trained."""
    live = LiveRun(folder, epochs=epochs)
    before = find(folder)
    if before is not None:
        live.running, live.norms = list(before.running), list(before.norms)
    return _start(live)


def _start(live: LiveRun) -> LiveRun:
    folder = live.folder
    with _lock:
        before = find(folder)
        if before is not None and before.job.active:
            raise RuntimeError(f"the run {folder.name} is being trained now: stop it first, or take another name")
        if before is not None:
            _all.remove(before)
        _all.append(live)
        live.job.start()
    return live


def remove(folder: Path) -> None:
    """Delete a run; RuntimeError if it is being trained."""
    with _lock:
        live = find(folder)
        if live is not None and live.job.active:
            raise RuntimeError(f"the run {folder.name} is being trained now: stop it first")
        Run.open(folder.name, folder.parent).remove()
        if live is not None:
            _all.remove(live)


def find(folder: Path) -> LiveRun | None:
    """Return the live run of a folder, if this kernel knows one."""
    return next((live for live in _all if live.folder == folder), None)


def of(root: Path) -> list[LiveRun]:
    """Return the live runs below a folder of runs, oldest first."""
    return [live for live in _all if live.folder.parent == root]


def names(root: Path) -> tuple[list[str], list[Damaged]]:
    """Return the names of all runs of a folder, newest first, with those that are about to begin; what is damaged."""
    found, damaged = find_runs(root)
    folders = [run.folder for run in found]
    folders.sort(key=lambda folder: (folder / "config.json").stat().st_mtime, reverse=True)
    begun = [live.folder for live in reversed(of(root)) if live.folder not in folders]
    return [folder.name for folder in begun + folders], damaged
