"""Long work in a thread of its own, so that the kernel stays usable: start, pause, stop, and what it does now."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from lab.widgets import warned

INTERVAL = 0.2  # seconds between two looks at a running job: as often as an eye follows


class Listeners:
    """Functions that are called together; what goes wrong in one is logged and does not touch the others."""

    def __init__(self) -> None:
        self._all: list[Callable[..., None]] = []

    def add(self, listener: Callable[..., None]) -> None:
        """Call `listener` from now on, once each time."""
        if listener not in self._all:
            self._all.append(listener)

    def remove(self, listener: Callable[..., None]) -> None:
        """Undo `add`."""
        if listener in self._all:
            self._all.remove(listener)

    def __len__(self) -> int:
        return len(self._all)

    def __call__(self, *arguments: Any) -> None:
        """Call each."""
        for listener in list(self._all):
            try:
                listener(*arguments)
            except Exception:
                logging.getLogger(__name__).exception("a listener of a job failed")


class Job:
    """A generator of events that a thread goes through.

    Parameters
    ----------
    make_events
        Returns the events; called in the thread. A generator is closed there too, so that it can save what it has.
    take
        Gets each event, in the thread; must be quick.

    Attributes
    ----------
    state
        'ready', 'running', 'paused', 'stopping', then 'stopped', 'done' or 'failed'.
    error
        What made it fail.
    warnings
        What Python's `warnings` said in its thread.
    listeners
        Called without arguments, one at a time in a thread of the job: at every change of state, and every `INTERVAL`
        seconds while it works, also while one event takes long. The last call comes before `wait` returns.
    """

    def __init__(self, make_events: Callable[[], Iterator[Any]], take: Callable[[Any], None]) -> None:
        self._make_events, self._take = make_events, take
        self.state = "ready"
        self.error: BaseException | None = None
        self.warnings: list[str] = []
        self.listeners = Listeners()
        self._stop, self._go, self._ended = threading.Event(), threading.Event(), threading.Event()
        self._go.set()
        self._changing, self._calling = threading.Lock(), threading.Lock()
        self._begun = self._rested = 0.0
        self._rests_since: float | None = None
        self._thread = threading.Thread(target=self._work, daemon=True, name="lab job")

    @property
    def active(self) -> bool:
        """Whether it has begun and not ended."""
        return self.state in ("running", "paused", "stopping")

    @property
    def paused(self) -> bool:
        """Whether it waits, or will after the present event."""
        return self.active and not self._go.is_set()

    @property
    def seconds(self) -> float:
        """How long it has worked: until now or its end, without its pauses."""
        if not self._begun:
            return 0.0
        return (self._rests_since or time.monotonic()) - self._begun - self._rested

    def start(self) -> Job:
        """Begin."""
        self.state, self._begun = "running", time.monotonic()
        self._thread.start()
        return self

    def pause(self) -> None:
        """Wait after the present event."""
        self._go.clear()

    def go_on(self) -> None:
        """End the pause."""
        self._go.set()

    def stop(self) -> None:
        """End after the present event; returns at once."""
        with self._changing:
            if self.active:
                self.state = "stopping"
            self._stop.set()
            self._go.set()

    def wait(self, timeout: float | None = None) -> None:
        """Wait until it has ended; TimeoutError if that takes more seconds than `timeout`."""
        self._thread.join(timeout)
        if self._thread.is_alive():
            raise TimeoutError(f"still {self.state} after {timeout} s")

    @property
    def warned(self) -> str:
        """Its warnings in a sentence, each once; nothing where there was none."""
        return warned.sentence(self.warnings)

    def _work(self) -> None:
        self._call_listeners()
        clock = threading.Thread(target=self._tick, daemon=True, name="lab clock")
        clock.start()
        state, error = "failed", None  # type: str, BaseException | None
        try:
            with warned.collected(UserWarning, RuntimeWarning) as self.warnings:
                self._go_through(self._make_events())
            state = "stopped" if self._stop.is_set() else "done"
        except BaseException as exception:  # a program that calls exit() too: else the job would never end
            error = exception
        self._rests_since = time.monotonic()
        self._ended.set()
        clock.join()
        with self._changing:
            self.error, self.state = error, state
        self._call_listeners()

    def _go_through(self, events: Iterator[Any]) -> None:
        try:
            for event in events:
                self._take(event)
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
        while not self._ended.wait(INTERVAL):
            if self.state != "paused":
                self._call_listeners()

    def _call_listeners(self) -> None:
        with self._calling:
            self.listeners()
