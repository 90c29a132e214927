"""Live runs: trainings, sweeps and benchmarks of this kernel, shared by all panels.

A live run belongs to the kernel, not to the panel that started it: after a page reload, a re-run cell or in a second
panel it is still available here.
"""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Generic, TypeVar

from lab.runtime.job import Job, Listeners


class Live(Job):
    """A job that saves its work in `path`, a folder or a file of its `name`."""

    def __init__(self, path: Path, make_events: Callable[[], Iterator[Any]], on_event: Callable[[Any], None]) -> None:
        super().__init__(make_events, on_event)
        self.path, self.name = path, path.name


L = TypeVar("L", bound=Live)
MAX_ENDED = 20  # live runs of a kind that are kept after their end; what is on disk of older ones remains


class LiveList(Generic[L]):
    """The live runs of one kind, at most one for each path: the active ones and the newest that have ended.

    `listeners` are called with a live run whenever it calls its own listeners.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind  # a noun, such as "sweep"
        self.listeners = Listeners()
        self._all: list[L] = []
        self._lock = threading.Lock()

    def find(self, path: Path) -> L | None:
        """Return the live run of a path, or None."""
        return next((live for live in self._all if live.path == path), None)

    def active(self, root: Path) -> list[L]:
        """Return the active live runs of a folder, newest first."""
        return [live for live in reversed(self._all) if live.path.parent == root and live.active]

    def start(self, live: L) -> None:
        """Start a live run; RuntimeError if one of its path is active."""
        with self._lock:
            self._forget(live.path)
            ended = [one for one in self._all if not one.active]
            for old in ended[:-MAX_ENDED]:
                self._all.remove(old)
            self._all.append(live)
            live.listeners.add(lambda: self.listeners(live))
            live.start()

    def delete(self, path: Path, from_disk: Callable[[], None]) -> None:
        """Forget the live run of a path and delete it `from_disk`; RuntimeError if it is active."""
        with self._lock:
            self._forget(path)
            from_disk()

    def check_free(self, path: Path) -> None:
        """Raise RuntimeError if the live run of a path is active."""
        live = self.find(path)
        if live is not None and live.active:
            raise RuntimeError(f"the {self.kind} {path.name} is being trained: stop it first")

    def _forget(self, path: Path) -> None:
        self.check_free(path)
        self._all[:] = [live for live in self._all if live.path != path]
