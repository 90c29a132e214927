from types import SimpleNamespace

import pytest

from lxmls_rnn.benchmark.measure import timing
from lxmls_rnn.benchmark.measure.timing import median_time


@pytest.fixture
def clock(monkeypatch):
    """A clock that only the calls move."""
    time = SimpleNamespace(now=0.0)
    monkeypatch.setattr(timing, "perf_counter", lambda: time.now)
    return time


def test_the_first_call_is_not_counted(clock):
    durations = iter([100.0, 1.0, 2.0, 60.0])

    def call():
        clock.now += next(durations)

    assert median_time(call, seconds=0, at_least=3) == (2.0, 3)
    assert next(durations, None) is None
    durations = iter([1.0, 2.0, 4.0])
    assert timing.timed(call, 3) == 7.0


def test_each_thread_has_the_time_that_it_waited_for_a_core(linux):
    assert timing.waits() == {}
    for thread, text in {"7": "912345 250000000 31\n", "12": "5 1000 2\n"}.items():
        linux(f"/proc/self/task/{thread}/schedstat", text)
    assert timing.waits() == {"7": 0.25, "12": pytest.approx(1e-6)}


def test_calls_go_on_until_the_time_is_filled(monkeypatch):
    monkeypatch.setattr(timing, "timed", lambda call, calls: 0.25)
    assert median_time(lambda: None, seconds=2.0) == (0.25, 8)
