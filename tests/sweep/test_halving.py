"""Successive halving: when settings are given up, and which."""

from dataclasses import replace

import pytest
from sweep.small import by_size, missing, with_runs

from lxmls_rnn.sweep import halving
from lxmls_rnn.sweep.results import by_setting, chosen


@pytest.mark.parametrize(
    ("points", "epochs", "expected"),
    [(1, 8, [8]), (2, 8, [4, 8]), (8, 8, [1, 2, 4, 8]), (9, 5, [1, 2, 5]), (100, 3, [1, 3]), (8, 1, [1])],
)
def test_rungs_double_the_epochs(points, epochs, expected):
    assert halving.rungs(points, epochs) == expected


def test_halving_keeps_the_better_half_again_and_again(tmp_path):
    sweep = with_runs(tmp_path, by_size, "n_hidd=2,5,3,4", halving=True)
    settings = by_setting(halving.results(sweep))
    assert [(s.point["n_hidd"], s.epochs, s.is_given_up) for s in settings] == [
        (5, 4, False), (4, 2, True), (3, 1, True), (2, 1, True)
    ]  # fmt: skip
    assert chosen(settings) is settings[0]
    assert missing(sweep) == []


def test_halving_waits_for_all_of_a_rung(tmp_path):
    sweep = with_runs(tmp_path, by_size, "n_hidd=2,5,3,4", halving=True, epochs=1)
    sweep = replace(sweep, base=replace(sweep.base, trainer=replace(sweep.base.trainer, epochs=4)))
    assert {(r.training.point["n_hidd"], epochs) for r, epochs in missing(sweep)} == {(5, 2), (4, 2)}
    more = replace(sweep, seeds=[1, 2, 3])  # one more for each: the first rung is not over
    assert {(r.training.seed, epochs) for r, epochs in missing(more)} == {(3, 1)}


def test_halving_decides_alike_whatever_came_after_the_rung(tmp_path):
    """Epochs of a training after those of a rung do not count there."""

    def accuracy(training, epoch):
        late = training.point["n_hidd"] == 2 and epoch > 1
        return 0.99 if late else by_size(training, epoch)

    sweep = with_runs(tmp_path, accuracy, "n_hidd=2,5,3,4", halving=True)
    assert by_setting(halving.results(sweep))[0].point == {"n_hidd": 5}


def test_the_larger_half_of_an_odd_number_goes_on(tmp_path):
    sweep = with_runs(tmp_path, by_size, "n_hidd=2,5,3", halving=True)
    settings = by_setting(halving.results(sweep))
    assert [(s.point["n_hidd"], s.epochs, s.is_given_up) for s in settings] == [
        (5, 4, False), (3, 4, False), (2, 2, True)
    ]  # fmt: skip


def test_without_halving_all_are_trained_for_all_epochs(tmp_path):
    sweep = with_runs(tmp_path, by_size, "n_hidd=2,5", epochs=1)
    assert missing(sweep) == []
    longer = replace(sweep, base=replace(sweep.base, trainer=replace(sweep.base.trainer, epochs=4)))
    assert [epochs for _, epochs in missing(longer)] == [4] * 4
    assert [result.training.name for result in halving.results(sweep)] == [t.name for t in sweep.trainings()]


def test_what_failed_is_not_given_up_but_stays_failed(tmp_path):
    sweep = with_runs(tmp_path, by_size, "n_hidd=2,5", seeds=[1], halving=True)
    worse = next(training.name for training in sweep.trainings() if training.point["n_hidd"] == 2)
    found = halving.results(replace(sweep, failed={worse: "no memory"}))
    assert {result.training.name: result.state for result in found}[worse] == "failed"
