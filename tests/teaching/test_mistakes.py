"""Every mistake in back-propagation is found, in the parameters that it spoils, and read rightly."""

from dataclasses import replace

import numpy as np
import pytest

from lxmls_rnn.deep_learning.numpy_rnn import NumpyRNN
from lxmls_rnn.teaching.gradient_check import check_gradients
from lxmls_rnn.teaching.mistakes import MISTAKES, InPieces, reading, readings

SIZES = (8, 4, 3, 3)
X, Y = [1, 2, 3, 1, 5], [0, 2, 1, 0, 1]
ALL = {"W_e", "W_x", "W_h", "W_y"}
BEHIND_OUTPUT = {"W_e", "W_x", "W_h"}

# mistake: the parameters that differ, words of the reading
FOUND = {
    "nothing": (set(), "all gradients agree"),
    "derivative of the activation forgotten": (BEHIND_OUTPUT, "look at f'(a_t)"),
    "derivative of another activation": (BEHIND_OUTPUT, "look at f'(a_t)"),
    "W_h not transposed": (BEHIND_OUTPUT, "W_h^T e_a_{t+1}"),
    "error from the later step forgotten": (BEHIND_OUTPUT, "W_h^T e_a_{t+1}"),
    "h_t instead of h_{t-1} for W_h": ({"W_h"}, "is it the input of that step?"),
    "error of a repeated word assigned, not added": ({"W_e"}, "must be added"),
    "1/L forgotten": (ALL, "5 times what it should be (the sentence has 5 words)"),
    "gold tag not subtracted": (ALL, "look at e_y"),
    "one entry of W_x's gradient has the wrong sign": ({"W_x"}, "only [0, 3]"),
}


def rows_of(mistake, x=X, y=Y, activation="logistic", **more):
    arguments = {"sizes": SIZES, "x": x, "y": y, "activation": activation, "numpy_rnn": MISTAKES[mistake], **more}
    return list(check_gradients(["NumpyRNN"], **arguments))


@pytest.mark.parametrize("activation", NumpyRNN.activations)
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_found_in_its_parameters_and_read(mistake, activation):
    rows = rows_of(mistake, activation=activation, seed=1)
    parameters, words = FOUND[mistake]
    assert {row.parameter for row in rows if not row.agrees} == parameters
    assert words in reading(rows, X)


def test_a_mistake_is_in_the_gradient_only():
    for mistake in MISTAKES.values():
        model, right = mistake(*SIZES, seed=1), NumpyRNN(*SIZES, seed=1)
        assert np.array_equal(model.forward(X), right.forward(X))


def test_the_pieces_are_right_before_one_is_spoilt():
    model, right = InPieces(*SIZES, seed=1), NumpyRNN(*SIZES, seed=1)
    for gradient, expected in zip(model.grads(X, Y), right.grads(X, Y), strict=True):
        assert np.allclose(gradient, expected, rtol=1e-12, atol=1e-15)


def test_a_repeated_word_is_needed_to_see_it_assigned():
    assert all(row.agrees for row in rows_of("error of a repeated word assigned, not added", [1, 2, 3], [0, 1, 2]))


def test_the_worst_entry_is_located():
    (row,) = (row for row in rows_of("one entry of W_x's gradient has the wrong sign") if not row.agrees)
    assert row.where == (0, 3)
    assert np.argmax(row.differences) == 3


def test_a_last_word_that_comes_twice_hides_the_step():
    rows = rows_of("W_h not transposed", [1, 2, 3, 1], [0, 2, 1, 0])
    assert "a last word that comes only once" in reading(rows, [1, 2, 3, 1])


def test_a_fault_of_the_output_alone_is_its_own_product():
    rows = rows_of("nothing")
    spoilt = rows[3].gradient + np.eye(3)
    rows[3] = replace(rows[3], gradient=spoilt, difference=1.0)
    assert "W_y's own product" in reading(rows, X)


def as_other(rows, model, against):
    return [replace(row, model=model, against=against) for row in rows]


def test_of_two_that_differ_finite_differences_tell_which_is_wrong():
    rows = rows_of("h_t instead of h_{t-1} for W_h")
    scan = as_other(rows, "RNN", "NumpyRNN")
    assert "NumpyRNN is the wrong one" in readings([*rows, *scan], X)[1]
    assert "they tell which of the two is wrong" in readings(scan, X)[0]
    right = rows_of("nothing")
    assert "W_h's own product" in readings([*right, *scan], X)[1]
    assert "RNN: all gradients agree" in readings([*right, *as_other(right, "RNN", "NumpyRNN")], X)[1]
