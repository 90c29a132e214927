"""Work of a panel in a background thread, with its buttons and progress bar."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from lab.runtime.job import Job
from lab.widgets.controls import EVENT_LOCK, show

if TYPE_CHECKING:
    from lab.widgets.panel import Panel


class Work:
    """Work of a panel in a background thread, one job at a time; the panel shows its errors.

    While it is active, the button `start` is disabled, the button `stop` is enabled, and `bar` is visible.

    Attributes
    ----------
    job
        The current or last job; None before the first one and after `give_up`.
    events
        The events of this job so far.
    """

    def __init__(
        self,
        panel: Panel,
        start: widgets.Button | None = None,
        stop: widgets.Button | None = None,
        bar: widgets.FloatProgress | None = None,
    ) -> None:
        self._panel, self._start_button, self._stop_button, self._bar = panel, start, stop, bar
        self.job: Job | None = None
        self.events: list[Any] = []
        self._show_state()

    @property
    def active(self) -> bool:
        """Whether the job is active."""
        return self.job is not None and self.job.active

    @property
    def seconds(self) -> float:
        """Working time of the job in seconds."""
        return 0.0 if self.job is None else self.job.seconds

    def begin(
        self,
        make_events: Callable[[], Iterable[Any]],
        on_end: Callable[[], str | None],
        on_progress: Callable[[], None] = lambda: None,
    ) -> None:
        """Start a new job; what the one before still does is ignored.

        Parameters
        ----------
        make_events
            Returns the events, called in the thread.
        on_end
            Called after the job ends or is stopped; the panel shows the message that it returns. If the job fails, its
            error is shown instead.
        on_progress
            Called at the start of the job, repeatedly while it runs, and at its end before `on_end`.
        """

        def show_progress() -> None:
            self._show_state()
            on_progress()

        def changed() -> None:
            with EVENT_LOCK, self._panel.guard():
                if self.job is not job:
                    return
                show_progress()
                if job.error is not None:
                    raise job.error
                if not job.active and (message := on_end()):
                    self._panel.show_message(message)

        self.events = []
        self.job = job = Job(make_events, self.events.append)
        job.listeners.add(changed)
        job.start()
        with EVENT_LOCK, self._panel.guard():
            show_progress()

    def stop(self) -> None:
        """Stop the job after its current event, if there is one."""
        if self.job is not None:
            self.job.stop()

    def give_up(self) -> None:
        """Stop the job without waiting for it: what its thread still does is ignored."""
        self.stop()
        self.job = None
        self._show_state()
        self._panel.show_message("Stopped.")

    def _show_state(self) -> None:
        if self._start_button:
            self._start_button.disabled = self.active
        if self._stop_button:
            self._stop_button.disabled = not self.active
        if self._bar:
            show(self._bar, self.active)
