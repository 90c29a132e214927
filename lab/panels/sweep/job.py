"""Sweeps trained by this kernel."""

from __future__ import annotations

from lab.runtime.job import JobList, SavedJob
from lxmls_rnn.sweep.driver import Driver
from lxmls_rnn.sweep.results import Result
from lxmls_rnn.sweep.sweep import Sweep


class SweepJob(SavedJob):
    """A sweep whose unfinished trainings this kernel runs; `driver` trains it."""

    def __init__(self, sweep: Sweep, workers: int) -> None:
        self.driver = Driver(sweep, workers)
        super().__init__(sweep.folder, self.driver.run, self._record)
        self.changes = 0  # number of trainings that have ended in this kernel

    def _record(self, result: Result | None) -> None:
        self.changes += result is not None

    @property
    def done(self) -> int:
        """Number of finished trainings."""
        return sum(result.is_over for result in self.driver.results.values())


sweep_jobs = JobList[SweepJob]("sweep")
