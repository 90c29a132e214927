"""Answers that become named arrays."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import softmax

from lab.exercises.compare import expected
from lab.exercises.exercise import EXERCISES, answer_of
from lab.exercises.inputs import cases
from lab.exercises.run import CHANGED, BadResult, Unfinished, run
from lxmls_rnn.deep_learning.numpy_rnn import NumpyRNN
from lxmls_rnn.teaching.comparison import relative_difference
from lxmls_rnn.teaching.gradient_check import finite_differences

TWO = replace(EXERCISES["forward"], arguments=("a", "b"), results=("sum", "product"))
GIVEN = {"a": np.array([1.0, 2.0]), "b": np.array([3.0, 4.0])}


def test_results_are_named_and_the_inputs_stay_as_they_are():
    got = run(TWO, lambda a, b: (a + b, a * b), GIVEN)
    assert got["sum"].tolist() == [4, 6]
    assert got[CHANGED].size == 0

    def spoil(a, b):
        b[:] = 0
        return a, b

    assert run(TWO, spoil, GIVEN)[CHANGED].tolist() == ["b"]
    assert GIVEN["b"].tolist() == [3, 4]

    def narrow(a, b):
        b[0] = b[0].astype("float32")
        return a, a

    assert run(TWO, narrow, GIVEN | {"b": [GIVEN["b"]]})[CHANGED].tolist() == ["b"]


@pytest.mark.parametrize("answer", [None, ..., lambda a, b: None, lambda a, b: ..., lambda a, b: (None, ...)])
def test_nothing_is_unfinished(answer):
    with pytest.raises(Unfinished):
        run(TWO, answer, GIVEN)


def test_a_part_that_is_missing_is_left_out():
    assert set(run(TWO, lambda a, b: (a, ...), GIVEN)) == {"sum", CHANGED}


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (3, "Expected a function, got int."),
        (lambda a, b: a, "Expected 2 results, sum, product; got an array of shape (2,)."),
        (lambda a, b: (a, b, a), "Expected 2 results, sum, product; got 3 values."),
        (lambda a, b: (a, "text"), "product should be an array of numbers, got str."),
        (lambda a, b: (a, [[1], [2, 3]]), "product should be an array of numbers, got rows of different lengths."),
        (lambda a, b: (a, 1j * b), "product should be an array of numbers, got numbers of dtype complex128."),
    ],
)
def test_what_is_no_result_is_said(answer, message):
    with pytest.raises(BadResult) as error:
        run(TWO, answer, GIVEN)
    assert str(error.value) == message


def test_calls_of_the_cost_are_counted():
    W = np.zeros((2, 2))

    def one_sided(cost, W, step):
        W[0, 0] += 2 * step
        above = cost()
        W[0, 0] -= step
        return (above - cost()) / step + np.zeros_like(W)

    got = run(EXERCISES["numeric"], one_sided, {"W": W, "A": np.ones((1, 2, 2)), "step": 1e-3})
    assert got["smallest step"] == pytest.approx(1e-3)
    assert got["count of changed numbers of W at a call of cost()"] == 1
    assert got["asked above"].tolist() == [[True, False], [False, False]]
    assert not got["asked below"].any()


def test_a_training_loop_is_followed():
    def greedy(model, train_epoch, dev_accuracy, epochs, patience):
        train_epoch()
        values = model.get_values()
        train_epoch()
        model.set_values(values)
        train_epoch()
        model.set_values(values)
        return dev_accuracy()

    got = run(EXERCISES["early_stopping"], greedy, {"accuracies": [0.5, 0.7, 0.6], "patience": 1})
    names = "epochs trained", "epochs from restored parameters", "epoch of the parameters", "best"
    assert {name: value.item() for name, value in got.items()} == dict(zip(names, (3, 1, 1, 0.6), strict=True))


def test_a_tagger_that_reads_both_ways_is_two_networks_one_on_the_reversed_sentence():
    for case, right in zip(cases("both_ways"), expected("both_ways"), strict=True):
        (n_emb, n_words), n_hidd, states = case["W_e"].shape, len(case["W_h"]), {}
        for side, step, names in (("h", 1, ("W_x", "W_h")), ("b", -1, ("V_x", "V_h"))):
            model = NumpyRNN(n_words, n_emb, n_hidd, len(case["W_y"]))
            for W, name in zip(model.param, ("W_e", *names), strict=False):
                W[:] = case[name]
            states[side] = model.forward(case["x"][::step], all_outputs=True).h[:, 1:][:, ::step]
        scores = case["W_y"] @ np.vstack([states["h"], states["b"]])
        for name, value in {**states, "y": scores, "p": softmax(scores, axis=0)}.items():
            np.testing.assert_allclose(right[name], value, rtol=1e-12)


def test_the_gradients_of_both_directions_are_finite_differences():
    forward = answer_of("both_ways")
    small = list(zip(cases("both_ways"), expected("both_ways_gradients"), strict=True))[:2]
    for case, right in small:
        given = {name: case[name].copy() for name in EXERCISES["both_ways"].arguments}

        def cost(given=given, gold=case["gold"]):
            return -np.log(forward(*given.values())[-1][gold, range(len(gold))]).mean()

        for name in list(given)[1:]:
            assert relative_difference(right[f"d{name}"], finite_differences(cost, given[name]))[0] < 1e-8
