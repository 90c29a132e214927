"""What is made of results: table, picture, cross-over, comparison; on rows whose numbers are known."""

import re

import numpy as np
import pytest
from matplotlib import image
from rich.console import Console

from lxmls_rnn.benchmark.show import beside, compare, plans, plots, report, roofline, series


@pytest.fixture
def gpu_results(make_results, make_row):
    """A GPU that takes 1 ms whatever the size, and a CPU that takes longer the more there is to do."""
    rows = []
    for n_hidd in (20, 100, 500):
        for batch in (1, 16, 128):
            sizes = {"n_hidd": n_hidd, "batch": batch}
            rows += [make_row(n_hidd * batch * 1e-6, "numpy", **sizes), make_row(1e-3, "fused", "cuda", **sizes)]
    return make_results(*rows)


def text(table):
    console = Console(width=160, record=True, quiet=False, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(table)
    return console.export_text()


def test_the_table_shows_median_spread_and_ratio_to_the_baseline(make_results, make_row):
    shown = text(report.table(make_results(make_row(2e-3), make_row(5e-4, "fused"))))
    assert re.search(r"numpy on cpu .* 2\.00 ms .* 2% .* 1\.00 .* 0\.5 ", shown)
    assert re.search(r"fused on cpu .* 500 us .* 2% .* 4\.00 .* 2\.0 ", shown)


def test_a_stored_result_is_compared_with_what_was_measured_here_and_is_no_baseline(make_results, make_row):
    stored = make_results(make_row(8e-3), make_row(1e-3, "fused", "cuda"))
    both = beside.lay(make_results(make_row(5e-4, "fused"), make_row(2e-3)), stored)
    (lines,) = report.sections(both)
    assert [(line[4], line[7]) for line in lines] == [
        ("fused on cpu", "4.00"),
        ("numpy on cpu", "1.00"),
        ("numpy on cpu, beside", "0.25"),
        ("fused on cuda, beside", "2.00"),
    ]
    (lines,) = report.sections(beside.lay(make_results(make_row(5e-4, "fused")), stored))
    assert [line[7] for line in lines] == [""] * 3


def test_lines_of_a_group_can_be_sorted_by_time(make_results, make_row):
    results = make_results(make_row(2e-3), make_row(5e-4, "fused"))
    as_measured, sorted_ = (next(report.sections(results, fastest_first=first)) for first in (False, True))
    assert [line[4] for line in as_measured] == ["numpy on cpu", "fused on cpu"]
    assert [line[4] for line in sorted_] == ["fused on cpu", "numpy on cpu"]
    assert sorted_[0][:4] == ["rnn", "backward", "20", "1"]
    assert sorted_[1][:4] == [""] * 4


def test_less_work_is_starred_and_the_star_told(make_results, make_row):
    results = make_results(
        *(
            make_row(1e-3, name, model=model)
            for model in ("lstm", "lstm-no-peepholes")
            for name in ("fused", "torch-fused")
        )
    )
    shown = text(report.table(results))
    assert re.search(r"lstm .* fused on cpu", shown)
    assert re.search(r"torch-fused\* on cpu.*lstm-no-peepholes.*torch-fused on cpu", shown, re.DOTALL)
    assert "beside lstm-no-peepholes the same" in " ".join(report.less_work(results))
    assert report.less_work(make_results(*results.rows[2:])) == []


def test_that_no_gpu_was_measured_is_said_with_the_reason(make_results, make_row, gpu_results):
    absent = make_row(None, "fused", "cuda")
    absent.status, absent.why = "unavailable", "no driver"
    assert report.without_gpu(make_results(make_row(1e-3), absent)) == "No GPU was measured: no driver."
    assert report.without_gpu(make_results(make_row(1e-3))).endswith("cuda was not among the devices.")
    assert report.without_gpu(gpu_results) == ""


def test_a_series_has_the_times_of_the_batch_measured_most(make_results, make_row):
    rows = [make_row(n_hidd * 1e-6, n_hidd=n_hidd, batch=4) for n_hidd in (50, 20)] + [make_row(1.0, batch=1)]
    found = series.series_of(rows, "n_hidd")
    assert found.title == "RNN, batch 4, 10 words, float32"
    (line,) = found.lines
    assert (line.name, line.sizes, line.medians) == ("numpy on cpu", [20, 50], pytest.approx([20e-6, 50e-6]))
    assert line.q1[0] < line.medians[0] < line.q3[0]


def test_what_was_not_measured_is_said_once_for_each_reason(make_results, make_row):
    rows = [make_row(1.0, "fused", "cuda", batch=batch) for batch in (1, 2)]
    for row in rows:
        row.status, row.why = "unavailable", "no driver"
    assert report.not_measured(make_results(*rows)) == ["not available: fused on cuda, 2 cases: no driver"]


def test_the_cross_over_is_the_size_from_which_on_the_gpu_wins(gpu_results):
    lines = report.crossover(gpu_results)
    assert lines[0].endswith("batch 1, length 10, float32: the GPU wins nowhere up to hidden 500")
    assert lines[1].endswith("batch 16, length 10, float32: the GPU wins from hidden 100 on")
    assert lines[2].endswith("batch 128, length 10, float32: the GPU wins from hidden 20 on")


def test_the_bound_between_the_plans_is_found_for_each_batch_and_over_all(make_results, make_row):
    """How many times as fast one kernel is at 100, 200 and 300 hidden units."""
    faster = {1: (2, 2, 1.1), 8: (2, 0.8, 0.5), 9: (0.99, 0.9, 0.9)}
    rows = [
        make_row(1e-3 / (ratio if name == "one-kernel" else 1), name, "cuda", n_hidd=n_hidd, batch=batch)
        for batch, ratios in faster.items()
        for n_hidd, ratio in zip((100, 200, 300), ratios, strict=True)
        for name in ("one-kernel", "stepwise")
    ]
    assert plans.found(make_results(*rows)) == [
        "rnn on cuda: of 100 to 300 hidden units one kernel is faster everywhere with batch 1, up to 100 with batch 8, "
        "nowhere with batch 9; over all up to 200. The library takes it up to 512.",
        "LXMLS_FUSED_UP_TO=rnn=200 makes the library take these.",
    ]
    assert plans.found(make_results(*rows[::2])) == []


def test_the_heat_map_holds_cpu_time_over_gpu_time(gpu_results):
    hidden, batches, values, _ = series.speed_ups(gpu_results.rows)
    np.testing.assert_allclose(values, np.outer(hidden, batches) * 1e-3)


def test_without_a_gpu_there_is_no_heat_map(make_results, make_row):
    assert series.speed_ups([make_row(1e-3), make_row(1e-4, "fused")]) is None


def test_the_picture_is_drawn_wider_with_a_gpu(gpu_results, make_results, make_row, tmp_path):
    plots.draw(make_results(make_row(1e-3), make_row(2e-3, batch=4)), tmp_path / "cpu.png")
    plots.draw(gpu_results, tmp_path / "gpu.png")
    cpu, gpu = (image.imread(tmp_path / name) for name in ("cpu.png", "gpu.png"))
    assert gpu.shape[1] > cpu.shape[1]
    for picture in (cpu, gpu):
        assert len(np.unique((255 * picture).astype("uint8").view("uint32"))) > 20  # colours: not blank


def test_the_roofline_has_a_part_for_each_peak_and_a_point_for_each_row(make_results, make_row, tmp_path, monkeypatch):
    results = make_results(make_row(1e-3), make_row(2e-3, n_hidd=512), make_row(1e-3, "fused", dtype="float64"))
    with pytest.raises(ValueError, match="no roofline"):
        roofline.draw(results, tmp_path / "none.png")
    results.peaks = {f"cpu {dtype}": {"flops": 1e11, "bytes": 1e10, "cache": 0} for dtype in ("float32", "float64")}
    drawn, draw_part = [], roofline._draw_part
    monkeypatch.setattr(roofline, "_draw_part", lambda axis, *part: (drawn.append(axis), draw_part(axis, *part)))
    roofline.draw(results, tmp_path / "roofline.png")
    points = [[line for line in axis.lines if line.get_linestyle() == "None"] for axis in drawn]
    assert [len(part) for part in points] == [2, 1]
    assert points[0][0].get_ydata() == pytest.approx(10**6 / 1e-3 / 1e9)
    slope, flat = drawn[0].lines[0].get_ydata()[[0, -1]]
    assert slope / drawn[0].lines[0].get_xdata()[0] == pytest.approx(10)  # GB/s
    assert flat == pytest.approx(100)  # GFLOP/s
    assert 10 in drawn[0].lines[0].get_xdata()  # operations a byte where the roofs meet: the corner is drawn
    assert image.imread(tmp_path / "roofline.png").std() > 0


def test_nothing_measured_gives_no_picture(make_results, tmp_path):
    with pytest.raises(ValueError, match="nothing was measured"):
        plots.draw(make_results(), tmp_path / "none.png")


@pytest.mark.parametrize(
    ("after", "verdict"),
    [(1.0e-3, "same"), (1.5e-3, "slower"), (0.5e-3, "faster"), (1.04e-3, "same"), (0.96e-3, "same")],
)
def test_a_change_counts_beyond_the_spread_and_five_percent(make_results, make_row, after, verdict):
    (change,) = compare.changes(make_results(make_row(1e-3)), make_results(make_row(after)))
    assert change.verdict == verdict


def test_quartiles_that_overlap_are_no_change(make_results, make_row):
    wide = make_row(1.5e-3)
    wide.q1 = 0.5e-3
    (change,) = compare.changes(make_results(make_row(1e-3)), make_results(wide))
    assert change.verdict == "same"


def test_only_cases_of_both_are_compared(make_results, make_row):
    before, after = make_results(make_row(1e-3)), make_results(make_row(1e-3, batch=7), make_row(1e-3, "fused"))
    assert list(compare.changes(before, after)) == []


def test_machines_that_differ_are_told(make_results):
    before, after = make_results(), make_results()
    after.machine = {**before.machine, "processor": "another"}
    assert compare.differences(before, after) == ["processor: a processor before, another after"]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(9.18e-6, "9.18 us"), (26.4e-6, "26.4 us"), (271e-6, "271 us"), (1.5e-3, "1.50 ms"), (12.0, "12.00 s")],
)
def test_times_have_three_digits(seconds, shown):
    assert report.time(seconds) == shown
