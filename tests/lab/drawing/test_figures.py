"""Figures: what is put into them is there, and new points come in one message."""

import bqplot
import pytest

from lab.drawing.figures import figure, put, put_marks, scales_of, side_axis


@pytest.fixture
def plot():
    across = bqplot.Axis(scale=bqplot.LinearScale(), label="epochs")
    return figure(across, side_axis(bqplot.LogScale(), "loss", ".0%"), size=(300, 200), title="a title")


def test_a_figure_has_its_axes_below_and_at_the_left(plot):
    across, up = plot.axes
    assert (across.orientation, up.orientation, up.side) == ("horizontal", "vertical", "left")
    assert scales_of(plot) == {"x": across.scale, "y": up.scale}
    assert plot.title == "a title"


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
