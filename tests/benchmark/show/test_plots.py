"""The picture of times, read from its axes."""

import re

import numpy as np
import pytest

from lxmls_rnn.benchmark.show import plots
from lxmls_rnn.plotting.palette import POSITIVE, shades


def drawn_lines(axis):
    """Return {name: (sizes, medians)} in ms as they are drawn."""
    lines = {one.get_label(): one.lines[0] for one in axis.containers}
    return {name: (list(line.get_xdata()), list(line.get_ydata())) for name, line in lines.items()}


def test_times_are_drawn_against_both_sizes_for_each_model(axes_of, make_results, make_row):
    rows = [make_row(n * b * 1e-5, "fused", n_hidd=n, batch=b) for n in (20, 100) for b in (1, 4)]
    rows += [make_row(7e-3, model="lstm", n_hidd=n) for n in (30, 40)]
    rows += [make_row(9.0, "fused", work="forward", n_hidd=500)]  # the picture is of what trains
    rows[0].medians = rows[0].medians[:2]
    axes = axes_of(plots, make_results(*rows))
    assert axes.shape == (2, 2)
    figure = axes[0, 0].figure
    assert figure.get_suptitle() == "forward and backward pass: 1 thread of a processor; hollow: uncertain"
    (name, (sizes, medians)) = next(iter(drawn_lines(axes[0, 0]).items()))
    assert (name, sizes) == ("fused on cpu", [20, 100])
    batch = int(re.search(r"batch (\d)", axes[0, 0].get_title())[1])
    assert medians == pytest.approx([20 * batch * 1e-2, batch])
    assert drawn_lines(axes[0, 1])["fused on cpu"][0] == [1, 4]
    assert drawn_lines(axes[1, 0])["numpy on cpu"] == ([30, 40], pytest.approx([7, 7]))
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["fused on cpu", "numpy on cpu"]
    for line, model in zip(axes, ("RNN", "LSTM"), strict=True):
        for axis, size in zip(line, ("hidden units", "sentences in the batch"), strict=True):
            assert axis.get_title().startswith(f"{model}, ")
            assert (axis.get_xlabel(), axis.get_ylabel()) == (size, "ms")
    width, height = figure.get_size_inches()
    assert width > height / 2 > 0


@pytest.mark.parametrize(
    ("works", "title"),
    [
        (("forward", "step", "backward"), "training step"),
        (("forward", "backward"), "forward and backward pass"),
        (("forward",), "forward pass"),
    ],
)
def test_the_picture_is_of_the_work_that_trains(axes_of, make_results, make_row, works, title):
    rows = [make_row(1e-3 * (number + 1), work=work) for number, work in enumerate(works)]
    axes = axes_of(plots, make_results(*rows, make_row(None, work="step")))
    assert axes[0, 0].figure.get_suptitle() == f"{title}: 1 thread of a processor"
    ((_, medians),) = drawn_lines(axes[0, 0]).values()
    wanted = next(row for row in rows if plots.WORK_NAMES[row.case.work] == f"a {title}")
    assert medians == [pytest.approx(1e3 * wanted.median)]


def test_the_heat_map_says_how_many_times_as_fast_the_gpu_is(axes_of, gpu_results):
    axes = axes_of(plots, gpu_results)
    assert axes.shape == (1, 3)
    axis = axes[0, 2]
    values = np.outer([20, 100, 500], [1, 16, 128]) * 1e-3
    (picture,) = axis.images
    # the colours of the panel's map: the strongest blue for the largest speed-up
    np.testing.assert_array_equal(picture.get_array(), shades(np.log10(values), np.log10(values).max()))
    assert tuple(picture.get_array()[2, 2]) == POSITIVE
    assert picture.origin == "lower"  # as the labels: few hidden units below
    assert axis.get_aspect() == "auto"
    assert {text.get_position(): text.get_text() for text in axis.texts} == {
        **{(0, 0): "0.02x", (1, 0): "0.32x", (2, 0): "2.6x"},
        **{(0, 1): "0.1x", (1, 1): "1.6x", (2, 1): "13x"},
        **{(0, 2): "0.5x", (1, 2): "8x", (2, 2): "64x"},
    }
    assert list(axis.get_xticks()) == list(axis.get_yticks()) == [0, 1, 2]
    assert [text.get_text() for text in axis.get_xticklabels()] == ["1", "16", "128"]
    assert [text.get_text() for text in axis.get_yticklabels()] == ["20", "100", "500"]
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("sentences in the batch", "hidden units")
    assert axis.get_title() == "RNN: GPU over CPU, fastest of each, 10 words, float32"
    assert not any(line.get_visible() for line in axis.xaxis.get_gridlines())
    inks = {text.get_text(): text.get_color() for text in axis.texts}
    assert inks.pop("64x") == "#fff"  # on the strongest blue
    assert set(inks.values()) == {"#000"}


def walls(axis):
    """Return the black lines of a heat map as pairs of ends."""
    return {tuple(zip(line.get_xdata(), line.get_ydata(), strict=True)) for line in axis.lines}


def test_a_line_runs_between_where_the_cpu_and_where_the_gpu_wins(axes_of, gpu_results):
    """The CPU wins with one sentence, and with 20 hidden units and 16 sentences: a staircase."""
    assert walls(axes_of(plots, gpu_results)[0, 2]) == {
        ((1.5, -0.5), (1.5, 0.5)),
        ((0.5, 0.5), (1.5, 0.5)),
        ((0.5, 0.5), (0.5, 1.5)),
        ((0.5, 1.5), (0.5, 2.5)),
    }


def test_no_line_runs_where_one_wins_everywhere_or_both_take_as_long(axes_of, make_results, make_row):
    for ratios in ([[1.2, 1.5], [3, 8]], [[0.12, 0.15], [0.3, 0.8]], [[0.5, 1], [1, 0.5]]):
        rows = []
        for (n, b), ratio in np.ndenumerate(ratios):
            sizes = {"n_hidd": 20 + n, "batch": 1 + b}
            rows += [make_row(ratio, "numpy", **sizes), make_row(1.0, "fused", "cuda", **sizes)]
        axis = axes_of(plots, make_results(*rows))[0, 2]
        assert walls(axis) == set()
        assert len(axis.texts) == 4
        values = np.log10(ratios)
        np.testing.assert_array_equal(axis.images[0].get_array(), shades(values, np.abs(values).max()))


def test_a_model_without_gpu_beside_one_with_it_leaves_the_place_empty(axes_of, make_results, make_row):
    """And a combination that was not measured leaves its cell empty."""
    rows = [make_row(2e-3, batch=b) for b in (1, 2)] + [make_row(2e-3, n_hidd=30), make_row(1e-3, model="lstm")]
    rows += [make_row(2e-3, "fused", "cuda", batch=1), make_row(4e-3, "fused", "cuda", n_hidd=30)]
    rows += [make_row(2e-3, "fused", "cuda", batch=2)]
    axes = axes_of(plots, make_results(*rows))
    assert axes.shape == (2, 3)
    assert {text.get_position(): text.get_text() for text in axes[0, 2].texts} == {
        (0, 0): "1x",
        (1, 0): "1x",
        (0, 1): "0.5x",
    }
    assert axes[0, 2].axison
    assert not axes[1, 2].axison
    assert not axes[1, 2].texts


def test_nothing_measured_gives_no_picture(make_results, make_row, tmp_path):
    with pytest.raises(ValueError, match=r"^nothing was measured, so there is nothing to draw$"):
        plots.draw(make_results(make_row(None)), tmp_path / "none.png")
    assert not list(tmp_path.iterdir())
