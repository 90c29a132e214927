"""Pictures that are written to files: their plots, title and legend."""

import matplotlib as mpl
import matplotlib.image
import pytest
from matplotlib.figure import Figure

from lxmls_rnn.plotting.chart import Axis, Chart, Line
from lxmls_rnn.plotting.picture import draw_chart, picture


def drawn(path, legend, shape=(1, 2)):
    """Draw two lines of the same two names in each of two plots; return the figure, as it was written."""
    with picture(path, shape, (6, 3), "two plots", legend) as axes:
        assert axes.shape == shape
        for axis in axes.flat:
            for name in ("one", "two"):
                axis.plot([0, 1], [0, 1], label=name)
    return axes[0, 0].figure


def test_a_picture_has_the_shape_title_and_grid_that_were_asked_for(tmp_path):
    before = dict(mpl.rcParams)
    figure = drawn(tmp_path / "p.png", 0)
    height, width, _ = matplotlib.image.imread(tmp_path / "p.png", format="png").shape
    assert width == 2 * height
    assert figure.get_suptitle() == "two plots"
    assert figure.legends == []
    assert all(line.get_visible() for axis in figure.axes for line in axis.get_xgridlines() + axis.get_ygridlines())
    assert dict(mpl.rcParams) == before  # which a notebook's own plots use


def test_a_legend_stands_below_and_names_each_label_once(tmp_path):
    figure = drawn(tmp_path / "p.png", 5)
    (box,) = figure.legends
    assert [text.get_text() for text in box.get_texts()] == ["one", "two"]
    assert box.get_window_extent().y1 <= min(axis.get_tightbbox().y0 for axis in figure.axes)
    assert [handle.get_color() for handle in box.legend_handles] == [line.get_color() for line in figure.axes[0].lines]


def test_an_axis_without_given_ticks_has_integers_or_round_numbers():
    axes = Figure().subplots()
    draw_chart(axes, Chart(Axis("epoch", "d"), Axis("ms", "~g", "log"), [Line("", "#123456", [1, 3], [1, 10])]))
    assert all(tick == int(tick) for tick in axes.xaxis.get_major_locator().tick_values(1, 3))
    assert {1, 2, 5, 10} <= set(axes.yaxis.get_major_locator().tick_values(1, 10).round(9))
    assert axes.yaxis.get_major_formatter()(0.5) == "0.5"


def test_a_picture_that_fails_leaves_the_one_before(tmp_path):
    path = tmp_path / "p.png"
    drawn(path, 1)
    kept = path.read_bytes()
    with pytest.raises(ZeroDivisionError), picture(path, (1, 1), (3, 3), "another"):
        1 / 0  # noqa: B018
    assert path.read_bytes() == kept
    assert [file.name for file in tmp_path.iterdir()] == ["p.png"]
