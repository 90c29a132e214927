"""Inputs that a wrong answer cannot pass by luck; the catalogue has answers that these inputs must refuse."""

import numpy as np
import pytest

from lab.exercises.exercise import EXERCISES
from lab.exercises.inputs import cases


def test_sentences_are_short_and_long_and_have_repeated_and_large_ids():
    given = cases("forward")
    assert sorted(len(case["x"]) for case in given) == [1, 2, 6, 12]
    assert max(np.unique(case["x"], return_counts=True)[1].max() for case in given) == 3
    assert max(case["x"].max() for case in given) > 255
    assert len({case["W_h"].shape for case in given}) == 2
    assert min(case["p"][case["gold"], range(len(case["x"]))].min() for case in given) < 0.01


def test_other_numbers_and_settings_than_those_of_the_notebook_are_tried():
    assert {case.get("step") for case in cases("numeric")} == {None, 1e-3, 2e-4}
    assert {len(case["sentences"]) for case in cases("pad_batch")} == {1, 3, 5}
    assert max(len(case["train"]) for case in cases("unknown_words")) > 100
    assert 0.0 in [case["accuracies"][0] for case in cases("early_stopping")]
    assert all(0 < f < 1 for case in cases("forget_gate") for f in case["f"])  # as a gate's


@pytest.mark.parametrize("name", EXERCISES)
def test_another_seed_gives_other_inputs_of_the_same_names(name):
    for seed in (1, 3):  # with which a sentence of two words has four or three
        assert [list(case) for case in cases(name)] == [list(case) for case in cases(name, seed)]
        assert repr(cases(name)) != repr(cases(name, seed))
    assert repr(cases(name)) == repr(cases(name))
