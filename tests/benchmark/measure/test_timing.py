from lxmls_rnn.benchmark.measure import timing
from lxmls_rnn.benchmark.measure.timing import median_time


def test_the_first_call_is_not_counted():
    calls = []
    seconds, count = median_time(lambda: calls.append(1), seconds=0, at_least=3)
    assert (len(calls), count) == (4, 3)
    assert seconds > 0


def test_calls_go_on_until_the_time_is_filled(monkeypatch):
    monkeypatch.setattr(timing, "timed", lambda call, calls: 0.25)
    assert median_time(lambda: None, seconds=2.0) == (0.25, 8)
