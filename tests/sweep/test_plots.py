"""What is on the picture of a sweep, read from the axes."""

import statistics

import numpy as np
import pytest
from matplotlib.figure import Figure
from sweep.small import accuracy, by_size, small_sweep, with_runs

from lxmls_rnn.sweep import plots
from lxmls_rnn.sweep.charts import MAX_COLOURED_CURVES
from lxmls_rnn.sweep.results import by_setting, read_all


@pytest.fixture
def axis():
    return Figure().subplots()


@pytest.fixture
def axes_of_sweep(axes_of):
    """Give the axes of the picture of a sweep."""
    return lambda sweep: axes_of(plots, sweep, by_setting(read_all(sweep)))


def drawn_lines(axis):
    """Return {label: (x, means, deviations)} as they are drawn."""
    found = {}
    for one in axis.containers:
        line, _, (bars,) = one
        deviations = [(bar[1, 1] - bar[0, 1]) / 2 for bar in bars.get_segments()]
        found[one.get_label()] = list(line.get_xdata()), list(line.get_ydata()), deviations
    return found


def texts(of):
    return [one.get_text() for one in of]


DEVIATION = pytest.approx([statistics.stdev([0.01, 0.02])] * 3)


def test_of_three_settings_the_line_goes_through_the_best_and_the_rest_are_dots(tmp_path, axis):
    sweep = with_runs(tmp_path, accuracy, "n_hidd=2,4,6", "clip=none,1", "model=NumpyRNN,NumpyLSTM")
    plots.draw_against(axis, "n_hidd", sweep.vary, by_setting(read_all(sweep)))
    best = pytest.approx([0.189, 0.209, 0.229])
    assert drawn_lines(axis) == {"clip=1.0, model=NumpyLSTM": ([2, 4, 6], best, DEVIATION)}
    dots = next(line for line in axis.lines if line.get_marker() == ".")
    assert dots.get_linestyle() == "None"
    rest = [(n, n / 100 + more + 0.019) for n in (2, 4, 6) for more in (0, 0.05, 0.1)]
    assert np.array(sorted(zip(*dots.get_data(), strict=True))) == pytest.approx(np.array(rest))
    assert axis.get_legend().get_title().get_text() == "the others as in the best setting; dots: the rest"


def test_the_legend_of_the_curves_has_the_best_first_and_names_the_settings(tmp_path, axis):
    sizes = list(range(2, 10))
    sweep = with_runs(tmp_path, accuracy, "n_hidd=" + ",".join(map(str, sizes)), "clip=none", epochs=1)
    settings = by_setting(read_all(sweep))
    plots.draw_curves(axis, settings)
    assert len(axis.lines) == len(sizes)
    assert texts(axis.get_legend().get_texts()) == [f"{n}, none" for n in sizes[: -MAX_COLOURED_CURVES - 1 : -1]]
    assert axis.get_legend().get_title().get_text() == "n_hidd, clip: the best"
    plots.draw_curves(axis, settings[:2])
    assert axis.get_legend().get_title().get_text() == "n_hidd, clip"


@pytest.mark.parametrize(
    ("vary", "shape", "titles"),
    [
        ([], (1, 1), ["epoch"]),
        (["n_hidd=2,4", "rate=1"], (1, 2), ["n_hidd", "epoch"]),
        (["n_hidd=2,4", "model=NumpyRNN,NumpyLSTM"], (1, 3), ["n_hidd", "model", "epoch"]),
        (["n_hidd=2,4", "decay=0,0.1,0.2", "clip=none,1"], (2, 2), ["n_hidd", "decay", "clip", "epoch"]),
    ],
)
def test_a_picture_has_a_plot_for_each_setting_and_the_curves(tmp_path, axes_of_sweep, vary, shape, titles):
    axes = axes_of_sweep(with_runs(tmp_path, accuracy, *vary))
    assert axes.shape == shape
    assert [axis.get_xlabel() for axis in axes.flat if axis.axison] == titles
    title = axes[0, 0].figure.get_suptitle()
    assert title == "small: accuracy on dev, mean and standard deviation over 2 seeds"


def test_a_picture_leaves_out_what_has_not_begun(tmp_path, axes_of_sweep):
    more = with_runs(tmp_path, by_size, "n_hidd=2,3", name="more")
    more.vary["n_hidd"].append(5)
    assert [x for x, *_ in drawn_lines(axes_of_sweep(more)[0, 0]).values()] == [[2, 3]]


def test_nothing_done_is_nothing_to_draw(tmp_path):
    sweep = small_sweep(tmp_path, "n_hidd=2").begin()
    with pytest.raises(ValueError, match="no training of the sweep small is done"):
        plots.draw(sweep, by_setting(read_all(sweep)), tmp_path / "sweep.png")
