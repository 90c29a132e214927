"""The parts of `lxmls-rnn bench`; tests/benchmark/test_command.py runs it as a whole."""

import io
import os
import signal
from dataclasses import replace
from pathlib import Path

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


def test_ctrl_c_before_anything_is_measured_writes_and_names_no_file_also_where_the_shell_ignores_it(
    monkeypatch, tmp_path
):
    class Interrupted(bench.Session):
        def run(self):
            os.kill(os.getpid(), signal.SIGINT)
            yield from super().run()

    monkeypatch.setattr(bench, "Session", Interrupted)
    monkeypatch.chdir(tmp_path)
    Path("a.json").write_text("earlier")
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        result = CliRunner().invoke(app, ["bench", "--model", "rnn", "--device", "cpu", "--out", "a.json"])
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
    assert result.exit_code == 128 + signal.SIGINT
    assert result.output.endswith("\nStopped before anything was measured, so no results file is written.\n")
    assert ("a.json" in result.output, "┃" in result.output) == (False, False)
    assert Path("a.json").read_text() == "earlier"


def results_of(*implementations, model="rnn", **fields):
    cases = [Case(model, name, "cpu", "float32", "step", 20, 1) for name in implementations]
    machine = {"processor": "a processor", "threads": 1, "gpus": []}
    return Results("2025-01-01T00:00:00+00:00", [], {}, machine, rows=[Row(case, **fields) for case in cases])


def test_what_was_not_measured_is_shown_with_the_reason_and_without_an_empty_table(printed, capsys):
    bench.show(results_of("scan", status="memory", why="the machine has too little"), "numpy")
    assert printed().startswith("out of memory: ")
    assert printed().endswith("the machine has too little\n1 thread of a processor\n")
    assert capsys.readouterr().out == ""


def test_below_the_table_are_its_signs_the_ratios_that_mean_nothing_and_the_speed_ups(printed, capsys):
    found = {"q1": 0.99e-3, "median": 1e-3, "q3": 1.01e-3, "repeats": 9, "medians": [1e-3] * 3, "processor": 1.0}
    results = results_of("scan", "fused", "torch-fused", "numpy", model="lstm", **found)
    doubtful = results.rows[-1]
    doubtful.waited = 0.1
    results.rows.append(Row(replace(doubtful.case, implementation="fused", device="cuda"), **found))
    bench.show(results, "scan")
    shown = " ".join(printed().split())
    assert "* PyTorch's nn.LSTM has no peepholes" in shown
    assert "?: uncertain, and in no answer: it has fewer than 6 repeats" in shown
    assert "The spread exceeds the difference from scan, so the ratio means nothing: fused on cpu (lstm step" in shown
    assert "GPU over CPU, lstm step, hidden 20, 10 words, float32: 1 at batch 1" in shown
    assert "1.00 ms ?" in capsys.readouterr().out
