"""Live runs: trainings of this kernel, with state and metrics, shared by all panels.

A live run belongs to the kernel, not to the panel that started it: after a page reload, a re-run cell or in a second
panel it is still available here.
"""

from __future__ import annotations

import threading
from collections.abc import Generator
from pathlib import Path

import numpy as np

from lab.runtime.job import Job, Listeners
from lxmls_rnn import paths
from lxmls_rnn.deep_learning.events import Metrics
from lxmls_rnn.deep_learning.rnn import MODELS, device_of
from lxmls_rnn.deep_learning.training import BatchDone, EpochDone, Event, Progress, Started, Stopped
from lxmls_rnn.experiment import Settings
from lxmls_rnn.runs import Damaged, Run, find_runs
from lxmls_rnn.runs.folder import new_folder

MAX_POINTS = 200  # points within epochs, over the whole training

_all: list[LiveRun] = []  # oldest first
listeners = Listeners()  # called with a live run whenever its job calls its listeners
_lock = threading.Lock()


class LiveRun:
    """A run trained in this kernel: a new one with `settings`, or a stored one resumed until `epochs`."""

    def __init__(self, folder: Path, settings: Settings | None = None, epochs: int | None = None) -> None:
        self.folder, self.settings, self._epochs = folder, settings, epochs
        self.rows: list[Metrics] = []  # metrics of its epochs, including those of earlier trainings
        # points within epochs, over the updates since the last point: epochs done, cost of a whole epoch, accuracy
        self.running: list[tuple[float, float, float]] = []
        self.norms: list[tuple[float, float]] = []  # epochs done, largest gradient norm since the last point
        self.started: Started | None = None
        self.event: Event | None = None  # the last one
        self.updates = 0  # of this training
        self.device = ""  # sentence about the device; empty until known
        self._first = 0.0, 0.0  # seconds and epochs done after the first update, to exclude compiling
        self._point, self._n = Progress(), 0  # progress at the last point, and the updates since
        self._norm: float | None = None  # the largest gradient norm since then
        self.job = Job(self._events, self._on_event)  # pauses and stops it
        self.job.listeners.add(lambda: listeners(self))

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def state(self) -> str:
        """The state: 'reading the corpus', 'compiling', 'training', 'measuring on dev', or that of the job."""
        if self.job.state != "running":
            return self.job.state
        if self.started is None:
            return "reading the corpus"
        if self.updates == 0 and self.settings and MODELS[self.settings.model].framework.compile_time:
            return "compiling"
        if isinstance(self.event, BatchDone) and self.event.batch == self.event.batches:
            return "measuring on dev"
        return "training"

    @property
    def position(self) -> tuple[int, int]:
        """The current epoch, counted from 1, and the number of updates done in it."""
        p = self.event.progress if self.event else Progress()
        return p.epoch + 1, p.batch

    @property
    def done(self) -> float:
        """Epochs done, including the fraction of the current one."""
        epoch, batch = self.position
        return epoch - 1 + (batch / self.started.batches if self.started else 0)

    @property
    def words_per_second(self) -> float:
        """Training speed in the current epoch."""
        if isinstance(self.event, BatchDone) and self.event.progress.seconds:
            return self.event.progress.words_per_second
        return self.rows[-1].words_per_second if self.rows else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Estimated seconds to the last epoch; None before the first update."""
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
        with np.errstate(all="ignore"):  # `fit` raises an error for a cost that is not finite
            try:
                yield from run.fit(self._epochs)
            except FloatingPointError:
                if isinstance(self.event, BatchDone):
                    self._add_norm(self.event)  # the norms of the last updates show the cause
                raise

    def _on_event(self, event: Event) -> None:
        if isinstance(event, BatchDone):
            self._count(event)
        elif isinstance(event, EpochDone):
            self.rows.append(event.metrics())
        elif isinstance(event, Started):
            assert self.settings is not None
            self.device = device_of(self.settings.model)
            self.rows = [row for row in self.rows if row.epoch <= event.progress.epoch]
            self._point = event.progress
            self._every = max(1, event.epochs * event.batches // MAX_POINTS)
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
            # the few sentences left at the end of an epoch get no point of their own, which would be a spike; their
            # norm counts in the next point
            done = event.epoch - 1 + event.batch / event.batches
            self.running.append((done, since.mean_cost * self.started.sentences, since.accuracy))
            self._add_norm(event)
        self._point, self._n = (Progress() if event.batch == event.batches else event.progress), 0

    def _add_norm(self, event: BatchDone) -> None:
        if self._norm is not None:
            self.norms.append((event.epoch - 1 + event.batch / event.batches, self._norm))
        self._norm = None

    def reason(self) -> str:
        """Return why the training ended, or an empty string."""
        return self.event.reason if isinstance(self.event, Stopped) else ""


def begin(name: str, settings: Settings) -> LiveRun:
    """Start a new run; errors as `new_folder`, and RuntimeError if a run of this name is being trained."""
    before = find(paths.runs() / name)
    if before is None or not before.job.active:
        new_folder(name, paths.runs(), advice="or resume it")
    return _start(LiveRun(paths.runs() / name, settings))


def resume(folder: Path, epochs: int) -> LiveRun:
    """Resume a run until `epochs`; RuntimeError if it is being trained."""
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
            raise RuntimeError(f"the run {folder.name} is being trained: stop it first, or choose another name")
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
            raise RuntimeError(f"the run {folder.name} is being trained: stop it first")
        if live is not None:
            _all.remove(live)  # even if its folder is gone
        Run.open(folder.name, folder.parent).remove()


def find(folder: Path) -> LiveRun | None:
    """Return the live run of a folder, or None."""
    return next((live for live in _all if live.folder == folder), None)


def of(root: Path) -> list[LiveRun]:
    """Return the live runs below a folder of runs, oldest first."""
    return [live for live in _all if live.folder.parent == root]


def names(root: Path) -> tuple[list[str], list[Damaged]]:
    """Return the names of all runs of a folder, newest first and including those just started; and damaged runs."""
    found, damaged = find_runs(root)
    folders = [run.folder for run in found]
    folders.sort(key=lambda folder: (folder / "config.json").stat().st_mtime, reverse=True)
    started = [live.folder for live in reversed(of(root)) if live.folder not in folders and live.job.active]
    return [folder.name for folder in started + folders], damaged
