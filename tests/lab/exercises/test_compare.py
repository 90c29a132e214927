"""Differences between arrays, without the answer that gave them."""

import numpy as np
import pytest

from lab.exercises import inputs
from lab.exercises.compare import difference, expected, first_difference, unfilled
from lab.exercises.exercise import EXERCISES
from lab.exercises.run import CHANGED, SCANS


def judged(name, results):
    """Return the text of the first difference, and what it shows for certain; "" if there is none."""
    found = first_difference(EXERCISES[name], expected(name), results)
    return f"{found.text}\n{found.advice}" if found else ""


@pytest.fixture
def results():
    """The right arrays of an exercise, to be spoilt."""

    def copied(name):
        return [{key: value.copy() for key, value in arrays.items()} for arrays in expected(name)]

    return copied


def test_the_first_difference_is_the_first_in_the_order_of_computation(results):
    got = results("forward")
    got[0]["p"][:, 1] += 1
    got[0]["a"][2, 3] += 1
    assert judged("forward", got).startswith(
        "Correct: step 1, z, a, h, y of step 2. First difference: p at step 2 (index 1 in Python)"
    )
    got = results("errors")
    got[0]["e_y"][:, 1] += 1
    assert "Correct: steps 3 to 6. First difference: e_y at step 2" in judged("errors", got)
    got = results("both_ways")
    got[0]["b"][:, 1:4] += 1
    got[0]["p"][:, 1] += 1
    assert judged("both_ways", got).startswith("Correct: h, steps 5 to 6. First difference: b at step 4")
    got[0]["b"][:, 1:4] -= 1
    assert judged("both_ways", got).startswith("Correct: h, b, step 1, y of step 2. First difference: p at step 2")


def test_right_numbers_without_scan_are_not_right(results):
    got = results("squares")
    for arrays in got:
        arrays[SCANS] = arrays[SCANS] * 0
    assert "there is no scan" in judged("squares", got)


def test_a_chain_that_is_normalised_is_not_right(results):
    got = results("markov")
    for arrays in got:
        arrays["s"] /= arrays["s"].sum(axis=1, keepdims=True)
    assert judged("markov", got).startswith("First difference: with n = 7, s at step 1")


def test_a_difference_for_other_inputs_alone_is_found(results):
    got = results("gradients")
    got[2]["dW_e"][:, 997] *= 0.5
    said = judged("gradients", got)
    assert "1 of 3 rows" not in said
    assert "1 of 1000 columns differ" in said


def test_nan_is_not_right(results):
    got = results("forward")
    got[0]["p"] = np.full_like(got[0]["p"], np.nan)
    assert "First difference: p" in judged("forward", got)


def test_rounding_is_relative_to_the_largest_number(results):
    got = results("forward")
    got[0]["a"] *= 1 + 1e-10
    assert judged("forward", got) == ""
    got[0]["a"] *= 1 + 1e-6
    assert judged("forward", got) != ""


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        (
            lambda a: a.update(a=a["h"][:, 1:], h=np.hstack([0 * a["a"][:, :1], a["a"]])),
            "First difference: a at step 1",
        ),
        (lambda a: a.update(y=a["p"], p=a["y"]), "y and p are swapped: return z, a, h, y, p."),
        (
            lambda a: a.update(p=a["p"].T),
            "It is transposed: (L, n_tags) instead of (n_tags, L). The numbers are correct.",
        ),
        (lambda a: a.update(p=2 * a["p"].T), "It is transposed: (L, n_tags) instead of (n_tags, L)."),
        (lambda a: a.update(h=a["h"][:, 1:]), "h_0 = 0 has a column too, the first one: L + 1 columns."),
        (
            lambda a: a.update(p=np.hstack([a["p"], a["p"][:, :1]])),
            "The last column is too much: without it the numbers are correct.",
        ),
        (
            lambda a: a.update(p=np.hstack([0 * a["p"][:, :1], a["p"]])),
            "The first column is too much: without it the numbers are correct.",
        ),
        (lambda a: a.update(p=np.ones((3, 7))), "It has one place too many along the axis L."),
        (lambda a: a.update(p=a["p"].argmax(0)), "These are the most likely tags, argmax"),
        (lambda a: a.update(p=a["p"][:, -1]), "It seems to be one step only: return all steps."),
        (lambda a: a.update(p=a["p"].astype("float32")), "p is correct only in float32 precision; expected float64."),
        (lambda a: a.update(a=a["a"].astype(int)), "a has the dtype int64, which drops fractions; expected float64."),
        (
            lambda a: a.update({CHANGED: np.array(["W_h"])}),
            "W_h is changed in place: whoever called the function still needs it.\n"
            "Assign to a new array, or to a copy.",
        ),
    ],
)
def test_forms_and_places_are_said(results, spoil, text):
    got = results("forward")
    spoil(got[0])
    assert text in judged("forward", got)


def test_a_batch_has_no_steps_and_no_h(results):
    got = results("pad_batch")
    got[0]["x"] = np.ones((3, 7), "int32")
    assert "It has one place too many along the axis L." in judged("pad_batch", got)
    got = results("pad_batch")
    got[0]["weights"][1, 2] = 1
    assert "step" not in judged("pad_batch", got)


def test_what_is_missing_or_zero_is_unfilled(results):
    got = results("forward")
    for arrays in got:
        arrays["y"] *= 0
        del arrays["p"]
    assert unfilled(EXERCISES["forward"], expected("forward"), got) == ["y", "p"]


def test_a_gradient_that_autograd_does_not_reach_is_not_unfilled(results):
    got = results("rnn")
    for arrays in got:
        arrays.update({name: 0 * value for name, value in arrays.items() if name == "dW_h"})
    assert "First difference: dW_h" in judged("rnn", got)


def test_texts_and_counts_are_compared_too(results):
    got = results("unknown_words")
    got[0]["new dev"][1] = "the <unk>"
    assert "new dev" in judged("unknown_words", got)
    got = results("early_stopping")
    got[0]["epochs trained"] += 1
    said = judged("early_stopping", got)
    assert "with accuracies = [0.5, 0.6, 0.7" in said
    assert "patience = 3, epochs trained is 7, expected 6" in said


def test_another_seed_has_other_expected_arrays_and_is_described():
    assert judged("clip", expected("clip", 5)) != ""
    n = inputs.cases("squares", 3)[0]["n"]
    found = difference(EXERCISES["squares"], 0, expected("squares", 3)[0], expected("squares")[0], seed=3)
    assert found.text == f"with n = {n}, squares has shape (5,), expected (n,) = ({n},)."
