import re
import threading
from dataclasses import replace
from pathlib import Path

import faulty_worker
import numpy as np
import pytest
from html_tables import tables

from lab import BenchmarkPanel
from lab.panels.benchmark.panel import speed_up_map
from lxmls_rnn import paths
from lxmls_rnn.benchmark.measure.cases import Case
from lxmls_rnn.benchmark.measure.results import Results, Row
from lxmls_rnn.benchmark.show.series import COLOURS, SpeedUps


@pytest.fixture(autouse=True)
def results_folder(tmp_path, monkeypatch):
    folder = tmp_path / "results"
    folder.mkdir()
    monkeypatch.setenv("LXMLS_RESULTS", str(folder))
    return folder


@pytest.fixture
def panel():
    """A panel that is set to the least there is to measure."""
    new = BenchmarkPanel()
    for name, value in {"hidden": "5", "batch": "1,2", "length": "4", "time": 0.01, "threads": 1}.items():
        new.choice[name].value = value
    choose(new.choice["implementation"], "numpy")
    choose(new.choice["device"], "cpu")
    choose(new.choice["work"], "forward")
    return new


def choose(several, *names):
    for name, box in several.boxes.items():
        box.value = name in names


def make_results(*medians, device="cpu", implementation="numpy"):
    """Results of one case for each median, hidden 20, 40, ..."""
    rows = []
    for number, median in enumerate(medians, 1):
        row = Row(
            Case("rnn", implementation, device, "float32", "forward", 20 * number, 1), repeats=9, calls=1, processor=1.0
        )
        row.median, row.q1, row.q3, row.minimum = median, 0.99 * median, 1.01 * median, 0.98 * median
        row.medians = [median] * 3
        rows.append(row)
    return Results("2025-01-01", [], {}, {"processor": "a processor", "threads": 1, "gpus": []}, rows=rows)


def test_a_run_is_followed_fills_table_and_plots_and_is_kept(panel, results_folder):
    panel.run_button.click()
    panel.benchmark.wait()
    assert panel.status.value.startswith("2 of 2 cases measured, ")
    assert panel.progress.value == 1
    assert panel.table.value.count("numpy on cpu") == 2
    assert tables(panel.table.value)[0][0][5:] == ["median", "numpy = 1", "quartiles", "CPU", "GFLOP/s", "compile"]
    assert "numpy = 1: how many times as fast as numpy it is" in panel.table.value
    assert list(panel.figures["batch"].marks[0].x) == [1, 2]
    (file,) = results_folder.glob("*.json")
    assert len(Results.load(file).rows) == 2
    assert panel.earlier.value == file
    assert "2 of 2 cases measured" in panel.message.value
    assert (panel.run_button.disabled, panel.stop_button.disabled) == (False, True)


def test_why_no_gpu_was_measured_is_said_once(panel):
    case = Case("rnn", "fused", "cuda", "float32", "forward", 5, 1, 4)
    absent = make_results(1e-3)
    absent.rows += [
        Row(case, "unavailable", "no driver"),
        Row(replace(case, implementation="torch", device="cpu"), "unavailable", "no PyTorch"),
    ]
    panel.shown = absent
    panel._draw()
    assert "No GPU was measured: no driver." in panel.gpu.value
    assert "no driver" not in panel.notes.value
    assert "no PyTorch" in panel.notes.value


def test_a_new_panel_follows_the_benchmark_that_runs_and_can_stop_it_in_the_middle_of_a_case(panel, monkeypatch):
    faulty_worker.request(monkeypatch, "hang:numpy")
    monkeypatch.setattr("lxmls_rnn.benchmark.measure.session.doubt", lambda: "This machine is busy.")
    hangs = threading.Event()
    text = "0 of 2 cases, checking numpy on cpu, "
    panel.status.observe(lambda change: change.new.startswith(text) and hangs.set(), "value")
    other = BenchmarkPanel()
    panel.run_button.click()
    assert panel.load_button.disabled
    hangs.wait()
    assert "This machine is busy." in panel.machine.value
    panel.close()
    other.run_button.click()
    assert "a benchmark is running" in other.message.value
    again = BenchmarkPanel()
    assert again.status.value.startswith("0 of 2 cases, ")
    assert again.run_button.disabled
    again.stop_button.click()
    panel.benchmark.wait()
    assert "Stopped: 0 of 2 cases measured; nothing is saved." in again.message.value
    assert "the run was stopped" in again.notes.value
    assert not again.run_button.disabled
    assert list(paths.results().glob("*")) == []
    assert "Stopped" not in panel.message.value
    assert BenchmarkPanel().benchmark is None


def test_a_wrong_choice_is_said_and_the_panel_goes_on(panel):
    message = "Hidden units must be an integer from 1 to 2147483647, or several"
    panel.choice["hidden"].value = "20, x"
    assert message in panel.status.value
    panel.run_button.click()
    assert message in panel.message.value
    assert panel.benchmark is None
    panel.choice["hidden"].value = "5"
    assert panel.status.value == "2 cases"
    for of_set in (True, False):
        panel.choice["set"].value = "quick" if of_set else "own sizes"
        assert [panel.choice[name].disabled for name in ("hidden", "batch", "length")] == [of_set] * 3


def test_earlier_results_are_loaded_and_compared(panel, results_folder):
    make_results(1e-3, 1e-3).save(results_folder / "before.json")
    make_results(1e-3, 5e-4).save(results_folder / "after.json")
    panel.refresh_button.click()
    panel.earlier.value = results_folder / "after.json"
    panel.load_button.click()
    assert "500 us" in panel.table.value
    panel.shown.machine["threads"] = 2
    panel.earlier.value = results_folder / "before.json"
    panel.compare_button.click()
    assert "1 faster, 0 slower, 1 same" in panel.comparison.value
    assert len(re.findall("<tr>", panel.comparison.value)) == 2
    assert "<p>threads: 1 before, 2 after</p>" in panel.comparison.value
    panel.load_button.click()  # these are not what was compared
    assert panel.comparison.value == ""


def test_what_cannot_be_loaded_or_compared_is_said_in_a_sentence(panel, results_folder):
    panel.load_button.click()
    assert "no stored results yet" in panel.message.value
    panel.compare_button.click()
    assert "run a benchmark or load results first" in panel.message.value
    make_results(1e-3).save(results_folder / "a.json")
    panel.refresh()
    panel.shown = make_results(1e-3, implementation="scan")
    panel.compare_button.click()
    assert "have no measured case in common" in panel.message.value
    for content in ("{}", '{"format": "lxmls-rnn benchmark", "version": 2, "rows": 3}'):
        (results_folder / "a.json").write_text(content)
        panel.load_button.click()
        assert "a.json is not a results file" in panel.message.value


def test_where_a_gpu_pays_is_told_and_drawn(panel):
    panel.shown = make_results(1e-3, 4e-3)
    panel.shown.rows += make_results(2e-3, 2e-3, device="cuda", implementation="fused").rows
    panel._draw()
    assert "at every batch with 40 hidden units." in panel.machine.value
    assert "0.5 x" in panel.gpu.value
    assert "2 x" in panel.gpu.value
    marks = panel.figures["n_hidd"].marks
    assert marks[2].line_style == "dashed"
    assert [mark.colors[0] for mark in marks] == [COLOURS[name] for name in ("numpy", "numpy", "fused", "fused")]


def test_a_row_that_waited_for_a_core_is_marked_wherever_it_is_shown(panel):
    panel.shown = make_results(1e-3)
    panel._draw()
    assert "<td>1.00 ms</td>" in panel.table.value
    panel.shown.rows[0].waited = 0.1
    panel._draw()
    assert "<td>1.00 ms ?</td><td>1.00 ?</td>" in panel.table.value
    assert "No answer: 1 of 1 rows is uncertain (?)" in panel.machine.value
    assert "?: uncertain, and in no answer" in panel.notes.value


def test_less_work_is_starred_and_the_star_explained(panel):
    panel.shown = make_results(1e-3, implementation="torch-fused")
    panel._draw()
    assert "no peepholes" not in panel.notes.value
    (row,) = panel.shown.rows
    row.case = replace(row.case, model="lstm")
    panel._draw()
    assert "torch-fused* on cpu" in panel.table.value
    assert "nn.LSTM has no peepholes" in panel.notes.value


def test_a_plot_shows_one_kind_of_work(panel):
    panel.shown = make_results(1e-3, 2e-3)
    steps = make_results(5e-3, 6e-3).rows
    panel.shown.rows += [replace(row, case=replace(row.case, work="step")) for row in steps]
    panel._draw()
    panel.plotted.value = "rnn step"
    assert list(panel.figures["n_hidd"].marks[0].y) == [5, 6]


@pytest.mark.daily("starts another worker")
def test_the_code_measures_the_same(panel, results_folder, capsys):
    panel.choice["batch"].value = "1"
    exec(panel.code(), {})
    assert "numpy on cpu ok" in capsys.readouterr().out
    assert len(list(Path(results_folder).glob("*.json"))) == 1
    panel.choice["set"].value = "full"
    compile(panel.code(), "code", "exec")
    assert "set='full'" in panel.code()


def test_the_map_is_blue_where_the_gpu_wins_and_orange_where_the_cpu_does():
    shown = speed_up_map(SpeedUps([20, 40], [1, 8], np.array([[0.5, 2.0], [np.nan, 8.0]]), "forward"))
    cells = re.findall(r"background:#(..)(..)(..)[^>]*>([^<]*)<", shown)
    assert [text for *_, text in cells] == ["0.5 x", "2 x", "-", "8 x"]
    red, blue = ([int(cell[n], 16) for cell in cells] for n in (0, 2))
    assert [a > b for a, b in zip(red, blue, strict=True)] == [True, False, False, False]
    assert red[3] < red[1]  # stronger
    assert speed_up_map(None) == ""


@pytest.mark.parametrize(("found", "ticked"), [((), ["cpu"]), ((("a card", (9, 0)),), ["cpu", "cuda"])])
def test_a_gpu_is_ticked_only_if_there_is_one(monkeypatch, found, ticked):
    monkeypatch.setattr("lab.panels.benchmark.panel.cards", lambda: found)
    assert BenchmarkPanel().choice["device"].value == ticked


def test_ratios_have_the_chosen_baseline_and_one_smaller_than_the_spread_is_named(panel):
    panel.shown = make_results(1e-3)
    (row,) = make_results(1.01e-3, implementation="fused").rows
    panel.shown.rows.append(row)
    panel._draw()
    assert "The spread exceeds the difference from numpy" in panel.notes.value
    panel.baseline.value = "fused"
    assert "The spread exceeds the difference from fused" in panel.notes.value
    panel.baseline.value = "numpy"
    row.median = row.q1 = row.q3 = 5e-4
    panel._draw()
    assert "The spread exceeds" not in panel.notes.value
    assert "<td>2.00</td>" in panel.table.value
    panel.baseline.value = "fused"
    assert "<td>0.50</td>" in panel.table.value
