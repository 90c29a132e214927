"""Live sweeps: sweeps trained by this kernel, still available after a page reload and in a second panel."""

from __future__ import annotations

import threading
from pathlib import Path

from lab.runtime.job import Job
from lxmls_rnn.sweep.driver import Driver
from lxmls_rnn.sweep.sweep import Sweep

_all: dict[Path, LiveSweep] = {}
_lock = threading.Lock()


class LiveSweep:
    """A sweep trained in this kernel: `driver` runs it, `job` can stop it."""

    def __init__(self, sweep: Sweep, workers: int) -> None:
        self.driver = Driver(sweep, workers)
        self.changes = 0  # number of trainings that have ended in this kernel
        self.job = Job(self.driver.run, self._on_event)

    def _on_event(self, result: object) -> None:
        self.changes += result is not None

    @property
    def done(self) -> int:
        """Number of finished trainings."""
        return sum(result.is_over for result in self.driver.results.values())


def start(sweep: Sweep, workers: int) -> LiveSweep:
    """Run the unfinished trainings of a sweep; RuntimeError if this kernel is running it already."""
    with _lock:
        before = find(sweep.folder)
        if before is not None and before.job.active:
            raise RuntimeError(f"the sweep {sweep.name} is being trained: stop it first")
        live = _all[sweep.folder] = LiveSweep(sweep, workers)
        live.job.start()
    return live


def find(folder: Path) -> LiveSweep | None:
    """Return the live sweep of a folder, or None."""
    return _all.get(folder)
