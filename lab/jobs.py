"""Long work in a thread of its own, so that the kernel stays usable: start, pause, stop, and what it does now."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from typing import Any

INTERVAL = 0.2  # seconds between two looks at a running job: as often as an eye follows


class Job:
    """A generator of events that a thread goes through.

    Parameters
    ----------
    make_events
        Returns the generator; called in the thread. It is closed there too, so that it can save what it has.
    take
        Gets each event, in the thread; must be quick.

    Attributes
    ----------
    state
        'ready', 'running', 'paused', 'stopping', then 'stopped', 'done' or 'failed'.
    error
        What made it fail.
    listeners
        Functions without arguments, called in the thread at every change of state, and while it runs at most every
        `INTERVAL` seconds.
    """

    def __init__(self, make_events: Callable[[], Generator[Any, None, Any]], take: Callable[[Any], None]) -> None:
        self._make_events, self._take = make_events, take
        self.state = "ready"
        self.error: Exception | None = None
        self.listeners: list[Callable[[], None]] = []
        self._stop, self._go = threading.Event(), threading.Event()
        self._go.set()
        self._thread = threading.Thread(target=self._work, daemon=True, name="lab job")

    @property
    def active(self) -> bool:
        """Whether it has begun and not ended."""
        return self.state in ("running", "paused", "stopping")

    def start(self) -> Job:
        """Begin."""
        self.state = "running"
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
        if self.active:
            self.state = "stopping"
        self._stop.set()
        self._go.set()

    def wait(self, timeout: float | None = None) -> None:
        """Wait until it has ended; TimeoutError if that takes more seconds than `timeout`."""
        self._thread.join(timeout)
        if self._thread.is_alive():
            raise TimeoutError(f"still {self.state} after {timeout} s")

    def _work(self) -> None:
        self._tell()
        try:
            told = time.monotonic()
            events = self._make_events()
            try:
                for event in events:
                    self._take(event)
                    if not self._go.is_set() and not self._stop.is_set():
                        self._wait_for_go()
                    if self._stop.is_set():
                        break
                    if time.monotonic() - told > INTERVAL:
                        self._tell()
                        told = time.monotonic()
            finally:
                events.close()
            self.state = "stopped" if self._stop.is_set() else "done"
        except Exception as error:
            self.error, self.state = error, "failed"
        self._tell()

    def _wait_for_go(self) -> None:
        self.state = "paused"
        self._tell()
        self._go.wait()
        self.state = "stopping" if self._stop.is_set() else "running"
        self._tell()

    def _tell(self) -> None:
        for listener in list(self.listeners):
            listener()
