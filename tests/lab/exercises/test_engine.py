"""Verdicts from arrays alone, as `class check` asks for them."""

import numpy as np
import pytest

from lab.exercises import inputs
from lab.exercises.engine import expected, judge
from lxmls_rnn.classroom import harness
from lxmls_rnn.classroom.tasks import Verdict


@pytest.fixture
def results():
    """The right arrays of an exercise, to be spoilt."""

    def copied(name):
        return [{key: value.copy() for key, value in arrays.items()} for arrays in expected(name)]

    return copied


def test_right_arrays_are_right_also_after_a_way_through_json(results):
    assert judge("forward", results("forward")).state == "right"
    carried = [harness.from_json(harness.to_json(arrays)) for arrays in results("forward")]
    assert judge("forward", carried) == judge("forward", results("forward"))
    assert judge("forward", carried).share == 1


def test_the_first_difference_is_the_first_in_the_order_of_computation(results):
    got = results("forward")
    got[0]["p"][:, 1] += 1
    got[0]["a"][2, 3] += 1
    said = judge("forward", got)
    assert said.text.startswith(
        "Correct: step 1, z, a, h, y of step 2. First difference: p at step 2 (index 1 in Python)"
    )
    assert said.share == 0.6
    got = results("errors")
    got[0]["e_y"][:, 1] += 1
    assert "Correct: steps 3 to 6. First difference: e_y at step 2" in judge("errors", got).text


def test_right_numbers_without_scan_count_half(results):
    got = results("squares")
    for arrays in got:
        arrays[harness.SCANS] = arrays[harness.SCANS] * 0
    said = judge("squares", got)
    assert (said.state, said.share) == ("not right", 0.5)
    assert "there is no scan" in said.text


def test_a_chain_that_is_normalised_is_not_right(results):
    got = results("markov")
    for arrays in got:
        arrays["s"] /= arrays["s"].sum(axis=1, keepdims=True)
    assert judge("markov", got).state == "not right"


def test_a_difference_for_other_inputs_alone_is_found(results):
    got = results("gradients")
    got[2]["dW_e"][:, 997] *= 0.5
    said = judge("gradients", got)
    assert said.state == "not right"
    assert "1 of 3 rows" not in said.text
    assert "1 of 1000 columns differ" in said.text


def test_rounding_is_relative_to_the_largest_number(results):
    got = results("forward")
    got[0]["a"] *= 1 + 1e-10
    assert judge("forward", got).state == "right"
    got[0]["a"] *= 1 + 1e-6
    assert judge("forward", got).state == "not right"


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
        (lambda a: a.update(p=a["p"].argmax(0)), "These are the most likely tags, argmax"),
        (lambda a: a.update(p=a["p"][:, -1]), "It seems to be one step only: return all steps."),
        (lambda a: a.update(p=a["p"].astype("float32")), "p is correct only in float32 precision; expected float64."),
        (lambda a: a.update(a=a["a"].astype(int)), "a has the dtype int64, which drops fractions; expected float64."),
        (lambda a: a.update({harness.CHANGED: np.array(["W_h"])}), "W_h is changed in place"),
    ],
)
def test_forms_and_places_are_said(results, spoil, text):
    got = results("forward")
    spoil(got[0])
    said = judge("forward", got)
    assert said.state == "not right"
    assert text in said.text


def test_what_is_missing_or_zero_is_not_yet_and_a_failure_says_why(results):
    got = results("forward")
    for arrays in got:
        arrays["y"] *= 0
        del arrays["p"]
    assert judge("forward", got).text == "Fill in y, p."
    assert judge("forward", got).state == "not yet"
    failure = Verdict("not right", "ValueError: bad", 0.0)
    assert judge("forward", results("forward")[:1], failure=failure) == failure


def test_a_gradient_that_autograd_does_not_reach_is_not_unfilled(results):
    got = results("rnn")
    for arrays in got:
        arrays.update({name: 0 * value for name, value in arrays.items() if name == "dW_h"})
    said = judge("rnn", got)
    assert said.state == "not right"
    assert "First difference: dW_h" in said.text


def test_texts_and_counts_are_compared_too(results):
    got = results("unknown_words")
    assert judge("unknown_words", got).share == 1
    got[0]["new dev"][1] = "the <unk>"
    assert "sentence" in judge("unknown_words", got).text or "new dev" in judge("unknown_words", got).text
    got = results("early_stopping")
    got[0]["epochs trained"] += 1
    said = judge("early_stopping", got)
    assert "with accuracies = [0.5, 0.6, 0.7" in said.text
    assert "patience = 3, epochs trained is 7, expected 6" in said.text


def test_another_seed_has_other_expected_arrays_and_is_described():
    assert judge("clip", expected("clip", 5), 5).state == "right"
    assert judge("clip", expected("clip", 5)).state == "not right"
    n = inputs.cases("squares", 3)[0]["n"]
    said = judge("squares", expected("squares"), 3).text
    assert said == f"with n = {n}, squares has shape (5,), expected (n,) = ({n},)."


def test_who_changes_arguments_earns_no_share(results):
    got = results("forward")
    got[3][harness.CHANGED] = np.array(["W_h"])
    got[0]["y"] *= 2
    assert judge("forward", got).share == 0
