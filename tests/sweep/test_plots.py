"""What is on the picture of a sweep, read from the axes."""

import statistics

import numpy as np
import pytest
from matplotlib.figure import Figure
from sweep.small import accuracy, by_size, small_sweep, with_runs

from lxmls_rnn.sweep import halving, plots
from lxmls_rnn.sweep.charts import MAX_COLOURED_CURVES
from lxmls_rnn.sweep.results import by_setting


@pytest.fixture
def axis():
    return Figure().subplots()


@pytest.fixture
def axes_of_sweep(axes_of):
    """Give the axes of the picture of a sweep."""
    return lambda sweep: axes_of(plots, sweep, by_setting(halving.results(sweep)))


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
    plots.draw_against(axis, "n_hidd", sweep.vary, by_setting(halving.results(sweep)))
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
    settings = by_setting(halving.results(sweep))
    plots.draw_curves(axis, settings)
    assert len(axis.lines) == len(sizes)
    assert texts(axis.get_legend().get_texts()) == [f"{n}, none" for n in sizes[: -MAX_COLOURED_CURVES - 1 : -1]]
    assert axis.get_legend().get_title().get_text() == "n_hidd, clip: the best"
    plots.draw_curves(axis, settings[:2])
    assert axis.get_legend().get_title().get_text() == "n_hidd, clip"


def test_a_map_has_a_number_in_each_field_that_can_be_read(tmp_path, axis):
    sweep = with_runs(tmp_path, accuracy, "n_hidd=4,2", "clip=none,1")
    settings = [s for s in by_setting(halving.results(sweep)) if s.point != {"n_hidd": 2, "clip": None}]
    plots.draw_map(axis, list(sweep.vary), sweep.vary, settings)
    means = axis.images[0].get_array().filled(np.nan)
    assert means == pytest.approx(np.array([[np.nan, 0.139], [0.059, 0.159]]), nan_ok=True)
    assert axis.images[0].origin == "lower"  # as the ticks count
    found = {one.get_position(): (one.get_text(), one.get_color()) for one in axis.texts}
    assert found == {(1, 0): ("13.9%", "black"), (0, 1): ("5.9%", "white"), (1, 1): ("15.9%", "black")}
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("clip", "n_hidd")
    assert texts(axis.get_xticklabels()) == ["none", "1.0"]
    assert texts(axis.get_yticklabels()) == ["2", "4"]
    assert (list(axis.get_xticks()), list(axis.get_yticks())) == ([0, 1], [0, 1])
    scale = axis.figure.axes[1]
    assert scale.yaxis.get_major_formatter()(0.5).startswith("50")
    assert not any(line.get_visible() for line in axis.get_xgridlines())


def test_of_more_than_two_settings_each_is_a_line_that_ends_at_its_mean(tmp_path, axis):
    sweep = with_runs(tmp_path, accuracy, "n_hidd=6,2,4", "clip=none,1", "model=NumpyRNN,NumpyLSTM")
    settings = by_setting(halving.results(sweep))
    plots.draw_parallel(axis, list(sweep.vary), sweep.vary, settings)
    lines = [line for line in axis.lines if len(line.get_xdata()) == 4]
    assert {tuple(line.get_xdata()) for line in lines} == {(0, 1, 2, 3)}
    ends = {}
    for clip in (0, 1):
        for model in (0, 1):
            for n in (2, 4, 6):
                mean = n / 100 + 0.1 * clip + 0.05 * model
                ends[(n - 2) / 4, clip, model] = pytest.approx((mean - 0.02) / (0.21 - 0.02))
    assert {tuple(line.get_ydata()[:3]): line.get_ydata()[3] for line in lines} == ends
    assert lines[-1].get_ydata().tolist() == pytest.approx([1, 1, 1, 1])  # the best lies above the others
    width, *others = (line.get_linewidth() for line in reversed(lines))
    assert all(width > other for other in others)
    assert len({line.get_color() for line in lines}) == len(lines)
    upright = [line.get_xdata() for line in axis.lines if len(line.get_xdata()) == 2]
    assert [list(x) for x in upright] == [[0, 0], [1, 1], [2, 2], [3, 3]]
    where = [(one.get_text(), round(one.get_position()[0]), one.get_position()[1]) for one in axis.texts]
    assert where == [
        *(("2", 0, 0), ("4", 0, 0.5), ("6", 0, 1)),
        *(("none", 1, 0), ("1.0", 1, 1), ("NumpyRNN", 2, 0), ("NumpyLSTM", 2, 1)),
    ]
    assert texts(axis.get_xticklabels()) == ["n_hidd", "clip", "model", "dev"]
    assert list(axis.get_xticks()) == [0, 1, 2, 3]
    assert list(axis.get_yticks()) == []
    scale = axis.figure.axes[1]
    assert scale.get_ylim() == pytest.approx((0.039, 0.229))
    assert scale.yaxis.get_major_formatter()(0.5) == "50.0%"


def test_settings_that_are_equally_good_are_drawn(tmp_path, axis):
    sweep = with_runs(tmp_path, lambda training, epoch: 0.5, "n_hidd=2,4", "clip=none,1")
    plots.draw_parallel(axis, list(sweep.vary), sweep.vary, by_setting(halving.results(sweep)))
    assert {line.get_ydata()[2] for line in axis.lines if len(line.get_xdata()) == 3} == {0}


@pytest.mark.parametrize(
    ("vary", "shape", "titles"),
    [
        ([], (1, 1), ["epoch"]),
        (["n_hidd=2,4", "rate=1"], (1, 2), ["n_hidd", "epoch"]),
        (["n_hidd=2,4", "model=NumpyRNN,NumpyLSTM"], (2, 2), ["n_hidd", "model", "epoch", "model"]),
        (["n_hidd=2,4", "decay=0,0.1,0.2", "clip=none,1"], (2, 3), ["n_hidd", "decay", "clip", "epoch", ""]),
    ],
)
def test_a_picture_has_a_plot_for_each_setting_the_curves_and_all_together(
    tmp_path, axes_of_sweep, vary, shape, titles
):
    axes = axes_of_sweep(with_runs(tmp_path, accuracy, *vary))
    assert axes.shape == shape
    assert [axis.get_xlabel() for axis in axes.flat if axis.axison] == titles
    title = axes[0, 0].figure.get_suptitle()
    assert title == "small: accuracy on dev, mean and standard deviation over 2 seeds"


def test_a_picture_says_that_halving_gave_settings_up_and_leaves_out_what_has_not_begun(tmp_path, axes_of_sweep):
    sweep = with_runs(tmp_path, by_size, "n_hidd=2,3,4", seeds=[1], halving=True)
    axes = axes_of_sweep(sweep)
    assert axes[0, 0].figure.get_suptitle().endswith("\nof settings that halving gave up, after their last epoch")
    assert [x for x, *_ in drawn_lines(axes[0, 0]).values()] == [[2, 3, 4]]
    more = with_runs(tmp_path, by_size, "n_hidd=2,3", name="more")
    more.vary["n_hidd"].append(5)
    assert [x for x, *_ in drawn_lines(axes_of_sweep(more)[0, 0]).values()] == [[2, 3]]


def test_nothing_done_is_nothing_to_draw(tmp_path):
    sweep = small_sweep(tmp_path, "n_hidd=2").begin()
    with pytest.raises(ValueError, match="no training of the sweep small is done"):
        plots.draw(sweep, by_setting(halving.results(sweep)), tmp_path / "sweep.png")
