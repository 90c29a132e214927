"""A job: events in a thread, with pause, stop and listeners that cannot disturb it."""

import contextvars
import subprocess
import sys
import threading
import time
import warnings

import pytest

from lab.runtime.job import MAX_ENDED, Job, JobList, SavedJob
from lab.widgets.panel import Panel


def counting(n=10**9):
    yield from range(n)


def recorded(job):
    """Return the states that the job tells, as they come."""
    states = []
    job.listeners.add(lambda: states.append(job.state))
    return states


def test_every_event_is_taken_in_order_and_the_end_is_told_before_wait_returns():
    taken = []
    job = Job(lambda: counting(1000), taken.append)
    states = recorded(job)
    job.start().wait()
    job.stop()  # which changes nothing any more
    assert taken == list(range(1000))
    assert (states[0], states[-1], job.state, job.active) == ("running", "done", "done", False)
    assert set(states) == {"running", "done"}


def test_its_thread_has_the_context_of_the_click_to_which_the_kernel_ascribes_what_it_prints():
    cell, taken = contextvars.ContextVar("cell", default="another"), []
    cell.set("this")
    Job(lambda: iter([cell.get()]), taken.append).start().wait()
    assert taken == ["this"]


def test_after_stop_at_most_one_more_event_is_taken_and_the_generator_is_closed():
    closed, taken, begun = threading.Event(), [0], threading.Event()

    def events():
        try:
            yield from counting()
        finally:
            closed.set()

    def take(number):
        taken[0] = number
        if number == 100:
            begun.set()

    job = Job(events, take).start()
    begun.wait()
    job.stop()
    before = taken[0]
    job.wait()
    assert taken[0] <= before + 1
    assert closed.is_set()
    assert job.state == "stopped"


def test_a_paused_job_takes_nothing_until_it_goes_on_and_its_pauses_do_not_count_as_work():
    taken, paused = [], {6: threading.Event(), 8: threading.Event()}  # by the number of events taken

    def take(number):
        taken.append(number)
        if len(taken) in paused:
            job.pause()

    job = Job(lambda: counting(10), take)
    job.listeners.add(lambda: job.state == "paused" and paused[len(taken)].set())
    assert (job.state, job.seconds) == ("ready", 0)
    states = recorded(job)
    begin, rested = time.monotonic(), 0.0
    job.start()
    for n, is_paused in paused.items():
        is_paused.wait()
        rest = time.monotonic()
        assert taken == list(range(n))
        assert job.seconds == job.seconds > 0
        with pytest.raises(TimeoutError, match="still paused"):
            job.wait(0)
        rested += time.monotonic() - rest
        job.resume()
    job.wait()
    assert len(taken) == 10
    assert "stopping" not in states
    assert job.seconds == job.seconds > 0
    assert job.seconds <= time.monotonic() - begin - rested


def test_a_paused_job_can_be_stopped():
    job = Job(counting, lambda number: job.pause() if number == 3 else None)
    paused = threading.Event()
    job.listeners.add(lambda: job.state == "paused" and paused.set())
    states = recorded(job)
    job.start()
    paused.wait()
    assert job.paused
    job.stop()
    job.wait()
    assert job.state == "stopped"
    assert not job.paused
    assert "running" not in states[states.index("paused") :]


@pytest.mark.parametrize("error", [FloatingPointError("the cost became nan"), SystemExit("bye")])
def test_a_job_that_fails_or_whose_program_exits_has_failed_and_keeps_the_error(error):
    def events():
        yield 1
        raise error

    job = Job(events, lambda _: None)
    states = recorded(job)
    job.start().wait()
    assert job.state == states[-1] == "failed"
    assert str(job.error) == str(error)


@pytest.mark.parametrize("name", ["lab job", "lab clock"])
def test_a_job_without_a_thread_or_a_clock_is_not_active(name, monkeypatch, tmp_path):
    start = threading.Thread.start

    def refuse(thread):
        if thread.name == name:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    job, jobs = SavedJob(tmp_path, lambda: counting(10), lambda _: None), JobList("run")
    if name == "lab job":
        with pytest.raises(RuntimeError, match="can't start"):
            jobs.start(job)
    else:
        jobs.start(job)
        job.wait()
        assert (job.state, str(job.error)) == ("failed", "can't start new thread")
    assert not job.active
    monkeypatch.undo()
    jobs.start(again := SavedJob(tmp_path, lambda: counting(10), lambda _: None))
    again.wait()


def test_a_listener_that_fails_does_not_touch_the_work(caplog):
    job = Job(lambda: counting(10), lambda _: None)
    job.listeners.add(lambda: 1 / 0)
    states = recorded(job)
    job.start().wait()
    assert states[-1] == "done"
    assert "ZeroDivisionError" in caplog.text
    assert "a listener of a job failed" in caplog.text


def test_listeners_are_told_while_one_event_takes_long():
    told = threading.Semaphore(0)

    def events():
        for _ in range(3):
            assert told.acquire()  # the telling goes on while this event is made
        yield "event"

    job = Job(events, lambda _: None)
    job.listeners.add(told.release)
    job.start().wait()
    assert job.state == "done"


def test_the_warnings_of_a_job_are_kept_also_while_another_thread_has_a_guard():
    def events():
        for number in range(3):
            warnings.warn(f"file {number % 2} is old", (UserWarning, RuntimeWarning)[number % 2], stacklevel=1)
            yield number

    panel = Panel()
    with panel.guard():
        job = Job(events, lambda _: None).start()
        job.wait()
    assert job.warnings[:2] == ["file 0 is old", "file 1 is old"]
    assert job.warning_text == "Warning: file 0 is old; file 1 is old."
    assert panel.message.value == ""
    assert Job(counting, lambda _: None).warning_text == ""


@pytest.mark.daily("starts a Python")
def test_a_kernel_that_ends_does_not_wait_for_its_jobs():
    code = (
        "import itertools, threading; from lab.runtime.job import Job; begun = threading.Event(); "
        "Job(itertools.count, lambda _: begun.set()).start(); begun.wait()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_active_runs_are_kept_and_of_those_that_have_ended_the_newest(tmp_path):
    jobs, end = JobList("run"), threading.Event()
    waiting = SavedJob(tmp_path / "waiting", lambda: iter(end.wait, True), lambda event: None)
    jobs.start(waiting)
    paths = [tmp_path / str(n) for n in range(MAX_ENDED + 2)]
    for path in paths:
        ended = SavedJob(path, lambda: iter(()), lambda event: None)
        jobs.start(ended)
        ended.wait()
    found = [path for path in paths if jobs.find(path)]
    assert (jobs.find(waiting.path), jobs.active(tmp_path)) == (waiting, [waiting])
    assert found == paths[1:]  # the limit, and the last one that was started
    end.set()
    waiting.wait()
