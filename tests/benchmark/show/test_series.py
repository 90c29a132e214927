"""Rows that are drawn together, and their legends."""

import numpy as np
import pytest

from lxmls_rnn.benchmark.show import series


def test_the_sizes_with_most_points_are_drawn_of_several_the_ones_in_the_middle(make_row):
    """Batches 1, 4, 16, 64, 256 with as many points each; 5 has only one."""
    rows = [make_row(1e-3 * b, n_hidd=n, batch=b) for b in (256, 1, 64, 4, 16) for n in (50, 20)]
    rows.append(make_row(1.0, n_hidd=20, batch=5))
    found = series.times(rows, "n_hidd")
    assert found.title == "RNN, batch 16, 10 words, float32"
    assert list(found.x.ticks) == [20, 50]
    assert found.lines[0].y == [16] * 2
    found = series.times(rows, "batch")
    assert found.title == "RNN, hidden 20, 10 words, float32"
    assert list(found.x.ticks) == found.lines[0].x == [1, 4, 5, 16, 64, 256]


def test_of_as_many_sizes_those_with_more_lines_are_drawn(make_row):
    rows = [make_row(1e-3, n_hidd=n, batch=b) for b in (1, 2, 3) for n in (20, 50)]
    rows += [make_row(1e-3, "fused", n_hidd=n, batch=3) for n in (20, 50)]
    assert series.times(rows, "n_hidd").title == "RNN, batch 3, 10 words, float32"


def test_other_lengths_and_dtypes_are_left_out(make_row):
    rows = [make_row(1e-3, n_hidd=n, length=30, dtype="float64") for n in (20, 50)]
    rows += [make_row(2e-3, n_hidd=20), make_row(3e-3, n_hidd=20, length=30)]
    found = series.times(rows, "n_hidd")
    assert found.title == "RNN, batch 1, 30 words, float64"
    assert [line.y for line in found.lines] == [[1] * 2]


def test_lines_are_told_apart(make_row):
    rows = [make_row(2e-3, "fused"), make_row(1e-3), make_row(3e-3, "fused", "cuda"), make_row(6e-3, "fused", "cuda1")]
    found = series.times(rows, "n_hidd")
    assert [(line.name, line.y, line.style) for line in found.lines] == [
        ("numpy on cpu", [1], "solid"),
        ("fused on cpu", [2], "solid"),
        ("fused on cuda", [3], "dashed"),
        ("fused on cuda1", [6], "dashed"),
    ]
    numpy, fused, cuda, _ = (line.colour for line in found.lines)
    assert numpy != fused == cuda


def test_a_line_has_its_quartiles_or_else_its_medians(make_row):
    rows = [make_row(1e-3, n_hidd=20), make_row(2e-3, n_hidd=50)]
    rows[1].q1 = rows[1].q3 = None
    (line,) = series.times(rows, "n_hidd").lines
    assert (line.low, line.high) == (pytest.approx([0.99, 2]), pytest.approx([1.01, 2]))


def test_a_point_of_an_uncertain_row_is_hollow_and_gives_no_speed_up(make_row):
    rows = [make_row(1e-3, n_hidd=20), make_row(2e-3, n_hidd=50)]
    rows[1].medians = rows[1].medians[:1]
    (line,) = series.times(rows, "n_hidd").lines
    assert line.hollow == [False, True]
    found = series.speed_ups([*rows, *(make_row(1e-3, "fused", "cuda", n_hidd=n) for n in (20, 50))])
    assert found.hidden == [20]


def test_a_speed_up_compares_only_rows_that_do_all_the_work_of_the_model(make_row):
    for model, ratio in (("lstm", 0.5), ("lstm-no-peepholes", 10)):
        times = {"cpu": ("fused", 1e-2), "cuda": ("fused", 2e-2), "cuda1": ("torch-fused", 1e-3)}
        rows = [make_row(time, name, device, model=model) for device, (name, time) in times.items()]
        assert series.speed_ups(rows).values == pytest.approx(ratio)


@pytest.mark.parametrize(
    ("model", "implementation", "title"),
    [
        ("lstm", "torch-fused", "LSTM (torch-fused: no peepholes), batch 1, 10 words, float32"),
        ("lstm", "torch", "LSTM, batch 1, 10 words, float32"),
        ("lstm-no-peepholes", "torch-fused", "LSTM without peepholes, batch 1, 10 words, float32"),
    ],
)
def test_less_work_is_told_in_the_title(make_row, model, implementation, title):
    assert series.times([make_row(1e-3, implementation, model=model)], "n_hidd").title == title


def test_axes_are_logarithmic_with_ticks_at_the_sizes(make_row):
    for rows, ticks in (([], None), ([make_row(1e-3), make_row(1e-3, n_hidd=30)], {20: "20", 30: "30"})):
        found = series.times(rows, "n_hidd")
        assert (found.x.label, found.x.scale, found.x.ticks) == ("hidden units", "log", ticks)
        assert (found.y.label, found.y.scale) == ("ms", "log")
        assert len(found.lines) == len(rows[:1])


def test_the_heat_map_is_of_the_length_and_dtype_measured_most_and_has_gaps(make_row):
    pairs = {(20, 1): 2.0, (50, 4): 0.5, (20, 4): 3.0}
    rows = []
    for (n_hidd, batch), ratio in pairs.items():
        sizes = {"n_hidd": n_hidd, "batch": batch, "length": 30, "dtype": "float64"}
        rows += [make_row(ratio, **sizes), make_row(9.0, "scan", **sizes), make_row(1.0, "fused", "cuda", **sizes)]
    rows += [make_row(1.0), make_row(1.0, "fused", "cuda"), make_row(1.0, n_hidd=99)]
    rows += [make_row(7.0, dtype="float64"), make_row(1.0, "fused", "cuda", dtype="float64")]  # of another length
    hidden, batches, values, what = series.speed_ups(rows)
    assert (hidden, batches, what) == ([20, 50], [1, 4], "30 words, float64")
    np.testing.assert_array_equal(values, [[2.0, 3.0], [np.nan, 0.5]])
    assert values.dtype == float
