"""The plots of a sweep: values, places, colours."""

import statistics
from dataclasses import replace

import numpy as np
import pytest
from sweep.small import accuracy, by_size, with_runs

from lxmls_rnn.plotting.palette import LINES
from lxmls_rnn.sweep import charts
from lxmls_rnn.sweep.results import DIVERGED, by_setting, read_all

DEVIATION = statistics.stdev([0.01, 0.02])


def against(sweep, name, **more):
    lines = charts.lines_against(name, sweep.vary, by_setting(read_all(sweep)))
    return charts.against(name, sweep.vary, lines, "a label", **more)


def test_numbers_have_their_place_on_the_axis(tmp_path):
    chart = against(with_runs(tmp_path, accuracy, "n_hidd=40,2,4", "clip=none,1", "rate=1"), "n_hidd")
    assert (chart.x.label, chart.x.scale, chart.x.ticks) == ("a label", "log", {2: "2", 4: "4", 40: "40"})
    assert (chart.y.label, chart.y.format) == ("accuracy on dev", ".0%")
    assert [(line.name, line.colour, line.style) for line in chart.lines] == [
        ("clip=none", LINES[0], "solid"),
        ("clip=1.0", LINES[1], "solid"),
    ]
    for line, means in zip(chart.lines, ([0.039, 0.059, 0.419], [0.139, 0.159, 0.519]), strict=True):
        assert list(line.x) == [2, 4, 40]
        assert line.y == pytest.approx(means)
        assert line.high - line.y == pytest.approx([DEVIATION] * 3)
        assert line.y - line.low == pytest.approx([DEVIATION] * 3)


@pytest.mark.parametrize("vary", ["n_hidd=2,4,6", "decay=0,0.01,0.5"])
def test_numbers_that_are_near_or_zero_have_a_linear_axis(tmp_path, vary):
    sweep = with_runs(tmp_path, accuracy, vary)
    chart = against(sweep, *sweep.vary)
    (line,) = chart.lines
    assert (chart.x.scale, line.name, [list(line.x)]) == ("linear", "", list(sweep.vary.values()))


def test_words_stand_side_by_side_at_their_tick(tmp_path):
    sweep = with_runs(tmp_path, accuracy, "model=NumpyRNN,NumpyLSTM", "n_hidd=2,4,6", seeds=[1])
    chart = against(sweep, "model", apart=0.12)
    assert (chart.x.scale, chart.x.ticks) == ("linear", {0: "NumpyRNN", 1: "NumpyLSTM"})
    assert [line.name for line in chart.lines] == ["n_hidd=2", "n_hidd=4", "n_hidd=6"]
    assert {line.style for line in chart.lines} == {"none"}
    assert np.array([line.x for line in chart.lines]) == pytest.approx(np.array([[-0.12, 0.88], [0, 1], [0.12, 1.12]]))
    last = chart.lines[-1]
    assert last.y == pytest.approx([0.074, 0.124])
    assert list(last.low) == list(last.y) == list(last.high)  # one seed has no deviation


def test_yes_and_no_are_words(tmp_path):
    chart = against(with_runs(tmp_path, accuracy, "shuffle=yes,no", "n_hidd=2,4", seeds=[1]), "shuffle")
    assert (chart.x.ticks, {line.style for line in chart.lines}) == ({0: "yes", 1: "no"}, {"none"})


def test_without_a_varied_setting_all_seeds_are_at_one_place(tmp_path):
    chart = against(with_runs(tmp_path, accuracy), None)
    assert (chart.x.ticks, [list(line.x) for line in chart.lines]) == ({0: "none"}, [[0]])


def test_a_value_that_nothing_is_known_of_has_no_line(tmp_path):
    sweep = with_runs(tmp_path, by_size, "n_hidd=4,2", "clip=none,1")
    settings = [s for s in by_setting(read_all(sweep)) if s.point["clip"]]
    ((label, colour, _),) = charts.lines_against("n_hidd", sweep.vary, settings)
    assert (label, colour) == ("clip=1.0", LINES[1])  # which it keeps when the other has a line


def test_a_curve_has_the_epochs_that_all_seeds_have(tmp_path):
    sweep = with_runs(tmp_path, accuracy, "n_hidd=2", seeds=[1, 2, 3, 9])
    *_, last = sweep.trainings()  # it diverged, and counts neither here nor in the mean
    (setting,) = by_setting(read_all(replace(sweep, failed={last.name: DIVERGED})))
    del setting.results[1].rows[-1]
    epochs, means, deviations = charts.curve(setting)
    assert epochs == [1, 2, 3]
    assert means == pytest.approx([0.041, 0.042, 0.043])
    assert deviations == pytest.approx([0.01] * 3)


@pytest.mark.parametrize("epochs", [1, 3])
def test_the_best_curves_have_a_band_and_lie_over_the_others(tmp_path, epochs):
    sweep = with_runs(tmp_path, accuracy, "n_hidd=2,4,6", "clip=none", epochs=epochs)
    best, *others = by_setting(read_all(sweep))
    chart = charts.curves([(best, "#123456", "dashed")], others)
    assert (chart.x.label, chart.x.format, chart.y.format) == ("epoch", "d", ".0%")
    numbers = range(1, epochs + 1)
    for line, n_hidd in zip(chart.lines, (2, 4, 6), strict=True):
        assert list(line.x) == list(numbers)
        assert line.y == pytest.approx([n_hidd / 100 + 0.015 + epoch / 1000 for epoch in numbers])
    *grey, first = chart.lines
    assert (first.name, first.colour, first.style, first.is_band) == ("6, none", "#123456", "dashed", True)
    assert first.has_dots == (epochs == 1)
    assert first.high - first.y == pytest.approx([DEVIATION] * epochs)
    assert first.y - first.low == pytest.approx([DEVIATION] * epochs)
    assert {(line.name, line.colour, line.is_band) for line in grey} == {("", "#bbbbbb", False)}
    assert all(line.width < first.width for line in grey)
