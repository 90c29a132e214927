"""Jobs: long work in a thread, with start, pause, stop and state, while the kernel stays usable."""

from __future__ import annotations

import contextvars
import logging
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Generic, TypeVar

from lab.runtime import python_warnings

INTERVAL_SECONDS = 0.2  # seconds between two calls of the listeners of a running job
MAX_ENDED = 20  # saved jobs of a kind that are kept after their end; what is on disk of older ones remains


class Listeners:
    """Functions that are called together; an exception in one is logged and does not affect the others."""

    def __init__(self) -> None:
        self._all: list[Callable[..., None]] = []

    def add(self, listener: Callable[..., None]) -> None:
        """Add `listener`, unless it was added before."""
        if listener not in self._all:
            self._all.append(listener)

    def remove(self, listener: Callable[..., None]) -> None:
        """Remove `listener`, if it was added."""
        if listener in self._all:
            self._all.remove(listener)

    def __call__(self, *arguments: object) -> None:
        """Call all listeners."""
        for listener in list(self._all):
            try:
                listener(*arguments)
            except Exception:
                logging.getLogger(__name__).exception("a listener of a job failed")


class Job:
    """A thread that iterates over a generator of events.

    Parameters
    ----------
    make_events
        Returns the events; called in the thread. The thread also closes the generator, so that it can save its work.
    on_event
        Called with each event, in the thread; must return quickly.

    Attributes
    ----------
    state
        'ready', 'running', 'paused', 'stopping', then 'stopped', 'done' or 'failed'.
    error
        The exception that ended the job, or None.
    warnings
        Texts of the Python warnings issued in its thread.
    listeners
        Called without arguments, one at a time, in a thread of the job: at every change of state, and every
        `INTERVAL_SECONDS` while it works, also during a long event. The last call ends before `wait` returns.
    """

    def __init__(self, make_events: Callable[[], Iterable[Any]], on_event: Callable[[Any], None]) -> None:
        self._make_events, self._on_event = make_events, on_event
        self.state = "ready"
        self.error: BaseException | None = None
        self.warnings: list[str] = []
        self.listeners = Listeners()
        self._stop, self._go, self._ended = threading.Event(), threading.Event(), threading.Event()
        self._go.set()
        self._changing, self._calling = threading.Lock(), threading.Lock()
        self._begun = self._rested = 0.0
        self._rests_since: float | None = None
        # in this context what the thread prints is not shown below the cell that runs then
        work = contextvars.copy_context().run
        self._thread = threading.Thread(target=work, args=(self._work,), daemon=True, name="lab job")

    @property
    def active(self) -> bool:
        """Whether the job has started and not ended."""
        return self.state in ("running", "paused", "stopping")

    @property
    def paused(self) -> bool:
        """Whether the job is paused, or will pause after the current event."""
        return self.active and not self._go.is_set()

    @property
    def seconds(self) -> float:
        """Working time in seconds until now or the end, without pauses."""
        if not self._begun:
            return 0.0
        return (self._rests_since or time.monotonic()) - self._begun - self._rested

    def start(self) -> Job:
        """Start the thread."""
        self.state, self._begun = "running", time.monotonic()
        try:
            self._thread.start()
        except RuntimeError:  # the system has no more threads
            self.state = "ready"
            raise
        return self

    def pause(self) -> None:
        """Pause after the current event."""
        self._go.clear()

    def resume(self) -> None:
        """Resume after `pause`."""
        self._go.set()

    def stop(self) -> None:
        """Stop after the current event; return at once."""
        with self._changing:
            if self.active:
                self.state = "stopping"
            self._stop.set()
            self._go.set()

    def wait(self, timeout: float | None = None) -> None:
        """Wait until the job has ended; TimeoutError after `timeout` seconds."""
        self._thread.join(timeout)
        if self._thread.is_alive():
            raise TimeoutError(f"still {self.state} after {timeout} s")

    @property
    def warning_text(self) -> str:
        """The distinct warnings as a sentence, or an empty string."""
        return python_warnings.sentence(self.warnings)

    def _work(self) -> None:
        clock = threading.Thread(target=self._tick, daemon=True, name="lab clock")
        state, error = "failed", None  # type: str, BaseException | None
        try:
            self._call_listeners()
            clock.start()
            with python_warnings.collected(UserWarning, RuntimeWarning) as self.warnings:
                self._go_through(self._make_events())
            state = "stopped" if self._stop.is_set() else "done"
        except BaseException as exception:  # including SystemExit, or the job would never end
            error = exception
        self._rests_since = time.monotonic()
        self._ended.set()
        if clock.ident:
            clock.join()
        with self._changing:
            self.error, self.state = error, state
        self._call_listeners()

    def _go_through(self, events: Iterable[Any]) -> None:
        try:
            for event in events:
                self._on_event(event)
                if not self._go.is_set() and not self._stop.is_set():
                    self._wait_for_go()
                if self._stop.is_set():
                    break
        finally:
            if hasattr(events, "close"):
                events.close()

    def _wait_for_go(self) -> None:
        self._rests_since = begin = time.monotonic()
        with self._changing:
            if not self._stop.is_set():
                self.state = "paused"
        self._call_listeners()
        self._go.wait()
        with self._changing:
            self.state = "stopping" if self._stop.is_set() else "running"
        self._rested += time.monotonic() - begin
        self._rests_since = None
        self._call_listeners()

    def _tick(self) -> None:
        while not self._ended.wait(INTERVAL_SECONDS):
            if self.state != "paused":
                self._call_listeners()

    def _call_listeners(self) -> None:
        with self._calling:
            self.listeners()


class SavedJob(Job):
    """A job that saves its work in `path`, a folder or a file; `name` is the last part of `path`."""

    def __init__(self, path: Path, make_events: Callable[[], Iterable[Any]], on_event: Callable[[Any], None]) -> None:
        super().__init__(make_events, on_event)
        self.path, self.name = path, path.name


J = TypeVar("J", bound=SavedJob)


class JobList(Generic[J]):
    """The jobs of one kind, at most one for each path: the active ones and the newest that have ended.

    They belong to the kernel, not to the panel that started them: after a page reload, a re-run cell or in a second
    panel they are still here. `listeners` are called with a job whenever it calls its own listeners.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind  # a noun, such as "sweep"
        self.listeners = Listeners()
        self._all: list[J] = []
        self._lock = threading.Lock()

    def find(self, path: Path) -> J | None:
        """Return the job that saves its work in `path`, None if there is none."""
        return next((job for job in self._all if job.path == path), None)

    def active(self, root: Path) -> list[J]:
        """Return the active jobs that save their work in the folder `root`, newest first."""
        return [job for job in reversed(self._all) if job.path.parent == root and job.active]

    def start(self, job: J) -> None:
        """Add a job and start it; RuntimeError if a job with the same path is active."""
        with self._lock:
            self._forget(job.path)
            ended = [saved for saved in self._all if not saved.active]
            for old in ended[:-MAX_ENDED]:
                self._all.remove(old)
            self._all.append(job)
            job.listeners.add(lambda: self.listeners(job))
            job.start()

    def delete(self, path: Path, from_disk: Callable[[], None]) -> None:
        """Remove the job with this path and call `from_disk`, which deletes its files; RuntimeError if it is active."""
        with self._lock:
            self._forget(path)
            from_disk()

    def _forget(self, path: Path) -> None:
        job = self.find(path)
        if job is not None and job.active:
            raise RuntimeError(f"the {self.kind} {path.name} is being trained: stop it first")
        self._all[:] = [job for job in self._all if job.path != path]
