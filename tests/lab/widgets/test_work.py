"""Work in the background: the states of its buttons and its bar, its end, errors, and jobs that are given up."""

import threading

import pytest

from lab.widgets.controls import progress_bar
from lab.widgets.panel import Panel
from lab.widgets.work import Work

PATIENCE = 10  # seconds until a test gives up


class Counting(Panel):
    """Yields 1, waits for `go_on`, and yields 2."""

    def __init__(self):
        self.start_button = self.button("Start", "Start it", self.start)
        self.stop_button = self.button("Stop", "Stop it", lambda: self.work.stop())
        self.bar, self.seen, self.go_on = progress_bar("9em"), [], threading.Event()
        self.work = Work(self, self.start_button, self.stop_button, self.bar)
        super().__init__()

    def start(self):
        self.go_on, self.begun = go_on, begun = threading.Event(), threading.Event()

        def work():
            yield 1
            begun.set()
            go_on.wait(PATIENCE)
            yield 2

        self.work.begin(work, lambda: f"{self.work.events} counted", lambda: self.seen.append(self.work.active))

    @property
    def state(self):
        return self.start_button.disabled, not self.stop_button.disabled, self.bar.layout.display != "none"


def started(panel):
    panel.start_button.click()
    panel.begun.wait(PATIENCE)
    return panel.work.job


@pytest.fixture
def panel():
    made = Counting()
    yield made
    made.go_on.set()


def test_buttons_and_bar_follow_the_work_and_its_end_is_told(panel):
    assert panel.state == (False, False, False)
    job = started(panel)
    assert panel.state == (True, True, True)
    panel.go_on.set()
    job.wait(PATIENCE)
    assert panel.state == (False, False, False)
    assert "[1, 2] counted" in panel.message.value
    assert panel.seen == [True] * (len(panel.seen) - 1) + [False]


def test_stopped_work_ends_after_its_event_and_an_error_is_shown_instead_of_the_end(panel):
    job = started(panel)
    panel.stop_button.click()
    panel.go_on.set()
    job.wait(PATIENCE)
    assert "[1, 2] counted" in panel.message.value
    assert job.state == "stopped"

    def broken():
        yield 1
        raise TypeError("no compiler")

    panel.work.begin(broken, lambda: "Done.")
    panel.work.job.wait(PATIENCE)
    assert "no compiler" in panel.message.value
    assert "Traceback" in panel.message.value
    assert panel.state == (False, False, False)


def test_work_that_is_given_up_ends_at_once_and_does_not_disturb_the_next(panel):
    old, go_on = started(panel), panel.go_on
    panel.work.give_up()
    assert panel.state == (False, False, False)
    assert "Stopped." in panel.message.value
    job = started(panel)
    go_on.set()
    old.wait(PATIENCE)
    assert panel.work.events == [1]
    assert panel.state == (True, True, True)
    panel.go_on.set()
    job.wait(PATIENCE)
    assert "[1, 2] counted" in panel.message.value
