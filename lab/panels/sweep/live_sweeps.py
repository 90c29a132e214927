"""The sweeps that this kernel trains: a page that is reloaded and a second panel find them here."""

from __future__ import annotations

import threading
from pathlib import Path

from lab.widgets.job import Job
from lxmls_rnn.sweep.driver import Driver
from lxmls_rnn.sweep.sweep import Sweep

_all: dict[Path, LiveSweep] = {}
_lock = threading.Lock()


class LiveSweep:
    """A sweep that is, or was, trained in this kernel: a driver goes through it, and a job stops that."""

    def __init__(self, sweep: Sweep, workers: int) -> None:
        self.driver = Driver(sweep, workers)
        self.changes = 0  # how many trainings have ended in this session
        self.job = Job(self.driver.run, self._take)

    def _take(self, result: object) -> None:
        self.changes += result is not None

    @property
    def done(self) -> int:
        """How many trainings are over."""
        return sum(result.over for result in self.driver.results.values())


def start(sweep: Sweep, workers: int) -> LiveSweep:
    """Train what is missing of a sweep; RuntimeError if this kernel does so already."""
    with _lock:
        before = find(sweep.folder)
        if before is not None and before.job.active:
            raise RuntimeError(f"the sweep {sweep.name} is being trained now: stop it first")
        live = _all[sweep.folder] = LiveSweep(sweep, workers)
        live.job.start()
    return live


def find(folder: Path) -> LiveSweep | None:
    """Return the live sweep of a folder, if this kernel knows one."""
    return _all.get(folder)
