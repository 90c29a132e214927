"""The parts of `lxmls-rnn bench`; tests/benchmark/test_command.py runs it as a whole."""

import io
import os
import signal

import pytest
from typer.testing import CliRunner

from lxmls_rnn.benchmark.measure.benchmark_settings import BenchmarkSettings
from lxmls_rnn.benchmark.measure.cases import Case
from lxmls_rnn.benchmark.measure.results import Results, Row
from lxmls_rnn.cli import app, bench
from lxmls_rnn.cli.console import SafeConsole


@pytest.fixture
def printed(monkeypatch):
    """Return what the command prints."""
    shown = io.StringIO()
    monkeypatch.setattr(bench, "console", SafeConsole(file=shown, width=100))
    return shown.getvalue


def test_names_are_given_repeatedly_or_separated_by_commas_and_of_repeated_sizes_the_last_counts(monkeypatch):
    asked = []
    monkeypatch.setattr(bench.BenchmarkSettings, "cases", lambda settings: asked.append(settings) or [])
    given = ["--work", "step, forward", "--work", "backward", "--batch", "1", "--batch", "2,3"]
    CliRunner().invoke(app, ["bench", *given, "--model", "rnn", "--time", "0.5"])
    (settings,) = asked
    expected = BenchmarkSettings(work=("step", "forward", "backward"), batch=(2, 3), model=("rnn",), time=0.5)
    assert settings == expected


def test_an_empty_option_is_none_and_the_help_says_what_none_is(monkeypatch):
    asked = []
    monkeypatch.setattr(bench.BenchmarkSettings, "cases", lambda settings: asked.append(settings) or [])
    CliRunner().invoke(app, ["bench", "--hidden", ""])
    assert asked == [BenchmarkSettings()]
    result = CliRunner().invoke(app, ["bench", "--hidden", "none"])
    assert "hidden must be an integer from 1 to 2147483647, or several separated by commas, got 'none'" in result.output
    shown = CliRunner().invoke(app, ["bench", "--help"], env={"COLUMNS": "200"}).output
    assert "Models to time: rnn, lstm, lstm-no-peepholes; several: a,b." in shown
    assert "(those of the set)" in shown


class Session:
    """A session of two rows, which may do something before the second."""

    def __init__(self, before_the_second=lambda: None):
        self.cases, self.act, self.measured = [1, 2], before_the_second, 0

    @property
    def share(self):
        return self.measured / len(self.cases)

    def run(self):
        for n in self.cases:
            if n == 2:
                self.act()
            self.measured += 1
            yield Row(Case("rnn", "numpy", "cpu", "float32", "step", 20, 1))


def test_a_run_that_ends_was_not_stopped(printed):
    session, before = Session(), signal.getsignal(signal.SIGINT)
    assert bench.show_run(session) is False
    assert session.measured == 2
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_stops_a_run_also_where_the_shell_ignores_it(printed):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        session = Session(lambda: os.kill(os.getpid(), signal.SIGINT))
        assert bench.show_run(session) is True
        assert session.measured == 1
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_what_was_not_measured_is_shown_with_the_reason(printed):
    row = Row(Case("rnn", "scan", "cpu", "float32", "step", 20, 1))
    row.status, row.why = "memory", "the machine has too little"
    machine = {"processor": "a processor", "threads": 1, "gpus": []}
    bench.show(Results("2025-01-01T00:00:00+00:00", [], {}, machine, rows=[row]), "numpy")
    assert printed().startswith("1 thread of a processor\n")
    assert "the machine has too little" in printed()
