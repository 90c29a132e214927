"""The picture of the roofline, read from its axes."""

import pytest

from lxmls_rnn.benchmark.measure.counting import count
from lxmls_rnn.benchmark.show import roofline
from lxmls_rnn.benchmark.show.series import COLOURS


@pytest.fixture
def results(make_results, make_row):
    """Of a CPU whose roofs meet at 10 operations per byte, and of a GPU, and something whose peak is not known."""
    rows = [make_row(1e-3), make_row(4e-3, "fused", model="lstm", n_hidd=512, batch=64)]
    rows += [make_row(1e-4, "fused", "cuda"), make_row(1e-3, dtype="float64"), make_row(None, batch=3)]
    found = make_results(*rows)
    for row in found.rows:
        row.flops = count(row.case).flops
    found.peaks = {"cpu float32": {"flops": 1e11, "bytes": 1e10}, "cuda float32": {"flops": 3e12, "bytes": 2e11}}
    return found


def test_points_lie_at_their_operations_a_byte_and_a_second(axes_of, results):
    results.rows[1].processes = 2  # uncertain
    axes = axes_of(roofline, results)
    assert axes.shape == (1, 2)
    (cpu, gpu), (first, second, third, *_) = axes[0], results.rows
    points = {line.get_label(): line for axis in axes[0] for line in axis.lines if line.get_linestyle() == "None"}
    assert len(points) == 3
    for name, row in (("numpy, RNN", first), ("fused, LSTM", second), ("fused, RNN", third)):
        counted = count(row.case)
        assert points[name].get_xdata() == pytest.approx(counted.flops / counted.bytes)
        assert points[name].get_ydata() == pytest.approx(counted.flops / row.median / 1e9)
        assert points[name].get_color() == COLOURS[row.case.implementation]
    assert points["fused, RNN"] in list(gpu.lines)
    assert [points[name].get_fillstyle() for name in ("numpy, RNN", "fused, LSTM")] == ["full", "none"]
    assert points["fused, LSTM"].get_markersize() > points["numpy, RNN"].get_markersize()
    assert points["fused, LSTM"].get_marker() != points["numpy, RNN"].get_marker()
    assert cpu.get_title() == "cpu float32: 100 GFLOP/s, 10 GB/s; larger: more hidden units"
    assert gpu.get_title() == "cuda float32: 3000 GFLOP/s, 200 GB/s; larger: more hidden units"
    assert cpu.figure.get_suptitle() == "1 thread of a processor"
    for axis in (cpu, gpu):
        assert (axis.get_xlabel(), axis.get_ylabel()) == ("operations per byte", "GFLOP/s")
        assert (axis.get_xscale(), axis.get_yscale()) == ("log", "log")
        assert axis.yaxis.get_major_formatter()(20.0) == "20"
    legend = [text.get_text() for text in cpu.figure.legends[0].get_texts()]
    assert legend == ["roof: bandwidth, arithmetic", "half of it", "numpy, RNN", "fused, LSTM", "fused, RNN"]


def test_the_roof_is_over_all_points_and_has_its_corner(axes_of, results):
    for axis, (peak, bandwidth) in zip(axes_of(roofline, results)[0], ((100, 10), (3000, 200)), strict=True):
        roof, half, *points = axis.lines
        across, height = list(roof.get_xdata()), list(roof.get_ydata())
        assert across[1] == pytest.approx(peak / bandwidth)
        assert height == pytest.approx([across[0] * bandwidth, peak, peak])
        assert list(half.get_xdata()) == across
        assert list(half.get_ydata()) == pytest.approx([one / 2 for one in height])
        places = [float(point.get_xdata()[0]) for point in points] + [across[1]]
        assert across[0] < min(places)
        assert max(places) < across[2]


def test_without_a_peak_there_is_no_roofline(make_results, make_row, results, tmp_path):
    results.rows = [row for row in results.rows if row.case.dtype == "float64"]
    with pytest.raises(ValueError, match="no case was measured on a device whose peak is known, so there is no"):
        roofline.draw(results, tmp_path / "none.png")
