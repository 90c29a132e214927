"""What can be varied, how values are written, and which points of the grid come of it."""

import pytest

from lxmls_rnn.sweep import grid


@pytest.mark.parametrize(
    ("text", "name", "values"),
    [
        ("model=RNN,FastLSTM", "model", ["RNN", "FastLSTM"]),
        ("n_hidd=10,20", "n_hidd", [10, 20]),
        ("n-hidd=10", "n_hidd", [10]),
        ("rate=0.5, 1e-1", "rate", [0.5, 0.1]),
        ("rate=log:0.05:0.5:4", "rate", [0.05, 0.1077, 0.2321, 0.5]),
        ("rate=lin:0:1:3,5", "rate", [0.0, 0.5, 1.0, 5.0]),
        ("n_hidd=log:1:4:9", "n_hidd", [1, 2, 3, 4]),
        ("n_hidd=log:10:50:5", "n_hidd", [10, 15, 22, 33, 50]),  # 14.95 is rounded up
        ("clip=none,1", "clip", [None, 1.0]),
        ("activation=none,relu", "activation", [None, "relu"]),
        ("seed=7,3", "seed", [7, 3]),
    ],
)
def test_values_and_ranges(text, name, values):
    assert grid.parse_vary([text]) == {name: values}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hidden=3", "a name among .*n_hidd.* got 'hidden=3'"),
        ("n_hidd", "must be name=values"),
        ("clip=x", "clip must be a positive number or none, got 'x'"),
        ("rate=log:0:1:3", "rate=log:0:1:3 is not a valid range: expected log:lo:hi:n .*positive lo and hi"),
        ("rate=lin:0:1", "expected lin:lo:hi:n"),
        ("rate=lin:0:1:0", "n at least 1"),
        ("model=lin:0:1:2", "model=lin:0:1:2 is not a valid range: expected lin:lo:hi:n for a numeric setting"),
        ("rate=0.1,0.10", "the value 0.1 twice"),
        ("dev=a,b", "dev cannot be varied"),
    ],
)
def test_what_is_wrong_is_said(text, message):
    with pytest.raises(ValueError, match=message):
        grid.parse_vary([text])


def test_a_range_of_too_many_values_is_refused_before_it_is_made():
    with pytest.raises(ValueError, match=r"rate=lin:1:2:10* asks for 1,0[0,]* trainings, and a .* at most 100,000"):
        grid.parse_vary([f"rate=lin:1:2:{10**12}"])


def test_a_range_of_as_many_values_as_a_sweep_may_have_is_read():
    assert len(grid.parse_vary([f"seed=lin:1:{grid.MAX_TRAININGS}:{grid.MAX_TRAININGS}"])["seed"]) == grid.MAX_TRAININGS


def test_the_points_are_counted_without_a_list():
    vary = {"n_hidd": range(10**9), "n_emb": range(10**9)}
    assert grid.count(vary) == 10**18
    assert grid.count(vary, 7) == len(list(grid.points(vary, 7))) == 7
    assert grid.count({"n_hidd": [1, 2]}, 7) == 2


def test_a_setting_is_varied_once():
    with pytest.raises(ValueError, match="rate is varied twice"):
        grid.parse_vary(["rate=1", "rate=2"])


def test_the_points_are_the_grid_in_order():
    found = list(grid.points({"n_hidd": [1, 2], "rate": [0.1, 0.2]}))
    assert found == [{"n_hidd": n, "rate": r} for n in (1, 2) for r in (0.1, 0.2)]


def test_a_sample_is_the_same_again_and_within_a_larger_one():
    vary = {name: list(range(100)) for name in ("n_hidd", "n_emb", "epochs", "batch_size")}
    sample = list(grid.points(vary, 20))
    assert sample == list(grid.points(vary, 20)) == list(grid.points(vary, 50))[:20]
    assert len({tuple(point.values()) for point in sample}) == 20
    assert list(grid.points({"n_hidd": [1, 2]}, 5)) == [{"n_hidd": 1}, {"n_hidd": 2}]
