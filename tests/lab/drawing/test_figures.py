"""Figures: what is put into them is there, and new points come in one message; charts are those of files."""

import bqplot
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from lab.drawing.figures import figure, key, put, put_chart, put_marks, scales_of, side_axis
from lxmls_rnn.plotting.chart import Axis, Chart, Line
from lxmls_rnn.plotting.picture import draw_chart

SIZES = Axis("size", "d", "log", {2: "two", 16: "sixteen"})
CHART = Chart(
    SIZES,
    Axis("accuracy", ".0%"),
    [
        Line("band", "#e06c00", [2, 16], [0.5, 0.75], [0.25, 0.5], [0.625, 1.0], "dotted", width=3, is_band=True),
        Line("bars", "#0d8bd9", [2, 16], [0.5, 0.25], [0.25, 0.125], [0.75, 0.5], "dashed", has_dots=True),
        Line("points", "#00a37a", [2, 2, 16], [0.5, 0.6, 0.7], style="none", has_dots=True),
        Line("", "#999999", [2, 16], [0.5, 0.5], [0.4, 0.3], [0.6, 0.7], "none", bar_colours=["#123456", "#abcdef"]),
    ],
    "a title",
)


@pytest.fixture
def plot():
    across = bqplot.Axis(scale=bqplot.LinearScale(), label="epochs")
    return figure(across, side_axis(bqplot.LogScale(), "loss", ".0%"), size=(300, 200), title="a title")


def test_new_points_come_in_one_message(plot):
    mark = bqplot.Lines(x=[], y=[], scales=scales_of(plot))
    held = figure(*plot.axes, [mark])
    assert held.marks == [mark]
    sent = []
    mark.send_state = lambda key=None: sent.append(set(key))
    put(mark, [1, 2], [3, 4], colors=["#123"])
    assert (list(mark.x), list(mark.y), mark.colors) == ([1, 2], [3, 4], ["#123"])
    assert sent == [{"x", "y", "colors"}]


def test_removed_marks_lose_their_points_so_that_the_axes_fit_the_others(plot):
    kept, removed, new = (bqplot.Lines(x=[1, n], y=[1, n], scales=scales_of(plot)) for n in (2, 200, 3))
    put_marks(plot, [kept, removed])
    assert list(removed.x) == [1, 200]
    put_marks(plot, [kept, new])
    assert plot.marks == [kept, new]
    assert [list(mark.x) for mark in (kept, removed, new)] == [[1, 2], [], [1, 3]]
    assert list(removed.y) == []


def test_a_chart_in_a_panel_shows_what_it_shows_in_a_file():
    shown, axes = figure(), Figure().subplots()
    put_chart(shown, CHART)
    draw_chart(axes, CHART)
    band, banded, bars_line, bars, points, only_bars = shown.marks
    lines = {line.get_label(): line for line in axes.lines} | {one.get_label(): one.lines[0] for one in axes.containers}
    for name, mark in (("band", banded), ("bars", bars_line), ("points", points)):
        drawn = lines[name]
        assert (list(mark.x), list(mark.y)) == (list(drawn.get_xdata()), list(drawn.get_ydata()))
        assert mark.colors == [drawn.get_color()]
    assert (banded.line_style, lines["band"].get_linestyle()) == ("dotted", ":")
    assert (bars_line.line_style, lines["bars"].get_linestyle()) == ("dashed", "--")
    assert (type(points), lines["points"].get_linestyle()) == (bqplot.Scatter, "None")
    edge = axes.collections[0].get_paths()[0].vertices
    for place, low, high in zip(band.x, *band.y, strict=True):
        assert {low, high} == set(edge[edge[:, 0] == place][:, 1])
    assert (band.fill, band.fill_colors) == ("between", ["#e06c00"])
    for mark, one in zip((bars, only_bars), axes.containers, strict=True):
        (drawn,) = one.lines[2]
        np.testing.assert_array_equal(np.stack([mark.x, mark.y], -1), drawn.get_segments())
        assert mark.colors == [to_hex(colour) for colour in np.resize(drawn.get_color(), (2, 4))]
    x, y = shown.axes
    assert (x.label, y.label, shown.title) == (axes.get_xlabel(), axes.get_ylabel(), axes.get_title())
    assert (type(x.scale), axes.get_xscale()) == (bqplot.LogScale, "log")
    assert (type(y.scale), axes.get_yscale()) == (bqplot.LinearScale, "linear")
    assert list(x.tick_values) == list(axes.get_xticks())
    assert list(x.tick_labels.values()) == [text.get_text() for text in axes.get_xticklabels()]
    assert (y.tick_format, axes.yaxis.get_major_formatter()(0.5)) == (".0%", "50%")
    assert not axes.xaxis.get_minorticklocs().size


def test_a_hollow_dot_is_hollow_in_a_panel_and_in_a_file():
    shown, axes = figure(), Figure().subplots()
    line = Line(
        "bars", "#0d8bd9", [2, 16], [0.5, 0.25], [0.25, 0.125], [0.75, 0.5], has_dots=True, hollow=[False, True]
    )
    chart = Chart(SIZES, Axis("ms"), [line])
    put_chart(shown, chart)
    draw_chart(axes, chart)
    connection, _, filled, hollow = shown.marks
    assert (connection.marker, filled.fill, hollow.fill) == (None, True, False)
    assert [(list(mark.x), list(mark.y)) for mark in (filled, hollow)] == [([2], [0.5]), ([16], [0.25])]
    drawn = axes.lines[-1]
    assert drawn.get_zorder() > axes.containers[0].lines[0].get_zorder()
    assert (list(drawn.get_xdata()), drawn.get_markerfacecolor(), drawn.get_color()) == ([16], "white", "#0d8bd9")


def test_a_new_chart_replaces_the_one_before_with_other_marks_over_it():
    shown, above = figure(), bqplot.Scatter(x=[3], y=[4])
    put_chart(shown, CHART)
    put_chart(shown, Chart(Axis("epoch", "d"), Axis("cost"), [Line("", "#123456", range(1, 21), range(20))]), above)
    line, last = shown.marks
    assert (last, last.scales, line.scales) == (above, scales_of(shown), scales_of(shown))
    x, y = shown.axes
    assert (x.label, y.label, x.tick_labels, shown.title) == ("epoch", "cost", {}, "")
    assert isinstance(x.scale, bqplot.LinearScale)
    assert list(x.tick_values) == [1, 4, 7, 10, 13, 16, 19]


def test_points_lie_within_the_axes():
    """Beside the ticks, and on a logarithmic axis also beside the ends of the bars."""
    line = Line("", "#123456", [20, 60], [1, 50], [0.1, 5], [10, 500])
    for scale in ("linear", "log"):
        shown = figure()
        put_chart(shown, Chart(Axis("", "", scale, {20: "", 60: ""}), Axis("ms", "~g", "log"), [line]))
        for axis, values in zip(shown.axes, ([20, 60], [0.1, 500]), strict=True):
            assert axis.scale.min < values[0] < values[1] < axis.scale.max
            assert all(axis.scale.min <= tick <= axis.scale.max for tick in axis.tick_values)
    put_chart(shown, Chart(SIZES, Axis("ms", "~g", "log"), []))
    assert (shown.marks, shown.title) == ([], "")


def test_a_legend_names_each_line_once_with_its_colour_and_style():
    shown = key([*CHART.lines, *CHART.lines])
    assert shown.count("dotted #e06c00") == shown.count("dashed #0d8bd9") == 1
    assert shown.count("solid #00a37a") == 1  # points that no line connects are seen as well
    assert "#999999" not in shown
