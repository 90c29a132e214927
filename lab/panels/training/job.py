"""Trainings of this kernel, with state and metrics."""

from __future__ import annotations

from collections.abc import Generator
from math import nan
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lab.runtime.job import JobList, SavedJob
from lxmls_rnn.deep_learning.events import Metrics
from lxmls_rnn.deep_learning.models import MODELS, device_of
from lxmls_rnn.deep_learning.training import BatchDone, EpochDone, Event, Progress, Started, Stopped
from lxmls_rnn.experiment import Settings
from lxmls_rnn.runs import Run

MAX_POINTS = 200  # points within epochs, over the whole training


class Point(NamedTuple):
    """A point within epochs, over the updates since the last one; NaN where there is no value."""

    done: float  # epochs
    cost: float  # of a whole epoch
    accuracy: float
    norm: float  # the largest norm of the gradient


class TrainingJob(SavedJob):
    """A run trained in this kernel: a new one with `settings`, or a stored one resumed until `epochs`."""

    def __init__(self, folder: Path, settings: Settings | None = None, epochs: int | None = None) -> None:
        super().__init__(folder, self._events, self._record)
        self.settings, self._epochs = settings, epochs
        self.rows: list[Metrics] = []  # metrics of its epochs, including those of earlier trainings
        self.points: list[Point] = []
        self.started: Started | None = None
        self.event: Event | None = None  # the last one
        self.updates = 0  # of this training
        self.device = ""  # sentence about the device; empty until known
        self._first = 0.0, 0.0  # seconds and epochs done after the first update, to exclude compiling
        self._point, self._n = Progress(), 0  # progress at the last point, and the updates since
        self._norm = nan  # the largest gradient norm since the last point

    @property
    def stage(self) -> str:
        """The stage: 'reading the corpus', 'compiling', 'training', 'measuring on dev', or the state of the job."""
        if self.state != "running":
            return self.state
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
        seconds, done = self.seconds - self._first[0], self.done - self._first[1]
        if self.started is None or self.updates == 0 or done <= 0:
            return None
        return seconds / done * (self.started.epochs - self.done)

    def _events(self) -> Generator[Event, None, None]:
        if self.settings is None:
            run = Run.open(self.name, self.path.parent)
            self.rows = run.metrics()
        else:
            run = Run.create(self.name, self.settings, self.path.parent)
        self.settings = run.settings
        with np.errstate(all="ignore"):  # `fit` raises an error for a cost that is not finite
            try:
                yield from run.fit(self._epochs)
            except FloatingPointError:
                if isinstance(self.event, BatchDone):
                    self.points.append(Point(self.event.done, nan, nan, self._norm))  # its norm shows the cause
                raise

    def _record(self, event: Event) -> None:
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
            self._first = self.seconds, event.done
        self.updates += event.updates
        self._n += event.updates
        if event.gradient_norm is not None:
            self._norm = max(event.gradient_norm, self._norm)  # the first one if that is NaN
        if self._n < self._every and event.batch < event.batches:
            return
        since = event.progress.since(self._point)
        if 2 * self._n >= self._every or event.epoch - 1 > (self.points[-1].done if self.points else -1):
            # the few sentences left at the end of an epoch get no point of their own, which would be a spike; their
            # norm counts in the next point
            cost = since.mean_cost * self.started.sentences
            self.points.append(Point(event.done, cost, since.accuracy, self._norm))
            self._norm = nan
        self._point, self._n = (Progress() if event.batch == event.batches else event.progress), 0

    def reason(self) -> str:
        """Return why the training ended, or an empty string."""
        return self.event.reason if isinstance(self.event, Stopped) else ""


training_jobs = JobList[TrainingJob]("run")
