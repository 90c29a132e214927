"""The time limit for student code."""

import contextlib
import sys
import threading
import time

import pytest

from lab import check
from lab.runtime import limit


@pytest.fixture
def short(monkeypatch):
    monkeypatch.setattr(limit, "MAX_SECONDS", 0.1)
    monkeypatch.setattr(check, "MAX_SECONDS", 0.1)
    monkeypatch.setattr(limit, "STOPPING_SECONDS", 0.1)


def in_time(function, seconds=None):
    """Run a function in a thread with the limit."""

    def timed():
        with limit.timed(seconds):
            return function()

    return limit.in_thread(timed)


def test_results_and_errors_are_those_of_the_function():
    assert in_time(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        in_time(lambda: 1 / 0)


def test_a_loop_that_catches_errors_is_stopped_and_its_place_known(short, monkeypatch):
    monkeypatch.setattr(limit, "STOPPING_SECONDS", 10)
    threads = threading.active_count()

    def never_ends():
        while True:
            with contextlib.suppress(Exception):
                _compute(0.01)

    with pytest.raises(limit.TimeUp) as error:
        in_time(never_ends)
    assert (error.value.seconds, error.value.stopped) == (0.1, True)
    assert "never_ends" in [frame.name for frame in error.value.stack]
    assert threading.active_count() == threads


def test_only_a_timed_block_is_limited_and_each_may_have_its_own_limit(short):
    assert limit.in_thread(lambda: time.sleep(0.3) or "slow") == "slow"
    assert in_time(lambda: time.sleep(0.3) or "slow", seconds=5) == "slow"

    def late():
        _compute(0.2)  # before the block
        with limit.timed(0.3):
            _compute(0.15)
        return "done"

    assert limit.in_thread(late) == "done"


def test_code_raises_the_recursion_limit_to_what_python_survives():
    def endless(*given):
        return endless(*given)  # a call that takes place on the stack of C too

    def raised():
        sys.setrecursionlimit(10**7)
        assert sys.getrecursionlimit() == limit.MAX_RECURSION
        endless()

    before = sys.getrecursionlimit(), sys.setrecursionlimit
    with pytest.raises(RecursionError):
        limit.in_thread(raised)
    assert (sys.getrecursionlimit(), sys.setrecursionlimit) == before


def test_code_that_waits_is_not_blamed_for_the_time(short, monkeypatch):
    monkeypatch.setattr(limit, "MAX_WALL_SECONDS", 0.3)
    with pytest.raises(limit.Busy, match="the machine is busy, or the code never ends or waits") as error:
        in_time(lambda: time.sleep(30))
    assert "sleep" not in [frame.name for frame in error.value.stack]
    assert error.value.stopped is False


def test_after_a_block_within_another_the_outer_limit_holds_again(short):
    def nested():
        with limit.timed(0.3):
            with limit.timed(5):
                time.sleep(0.01)
            _compute(5)

    with pytest.raises(limit.TimeUp) as error:
        limit.in_thread(nested)
    assert error.value.seconds == 0.3


@pytest.mark.parametrize(("whole", "block"), [(0.1, 60), (60, 0.1)])
def test_a_block_ends_at_its_limit_or_at_that_of_the_whole_thread(short, whole, block):
    with pytest.raises(limit.TimeUp) as error:
        limit.in_thread(lambda: _wait(block), whole)
    assert error.value.seconds == 0.1


def _wait(seconds):
    with limit.timed(0):
        pass
    with limit.timed(seconds):
        _compute(60)


def _compute(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def test_in_another_thread_there_is_no_limit():
    with limit.timed(0):
        time.sleep(0.01)


def test_time_in_a_debugger_does_not_count(short, monkeypatch):
    monkeypatch.setattr(limit, "MAX_WALL_SECONDS", 0.5)
    released = threading.Event()
    space = {"__name__": "pdb", "released": released}
    exec("def wait(): released.wait()", space)
    threading.Timer(0.7, released.set).start()
    assert in_time(lambda: space["wait"]() or "done") == "done"


def test_code_that_cannot_be_stopped_is_given_up_and_the_next_runs(short):
    end = threading.Event()

    def student():
        while not end.is_set():
            with contextlib.suppress(BaseException):
                _compute(0.01)

    with pytest.raises(limit.TimeUp) as error:
        in_time(student)
    assert not error.value.stopped
    assert in_time(lambda: "next", seconds=5) == "next"
    end.set()
