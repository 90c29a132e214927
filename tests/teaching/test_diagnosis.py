"""The whole sentences that a gradient check ends with."""

import numpy as np
import pytest

from lxmls_rnn.teaching.diagnosis import diagnose, diagnose_model
from lxmls_rnn.teaching.gradient_check import check_gradients
from lxmls_rnn.teaching.mistakes import MISTAKES

X, Y = [1, 2, 3, 1, 5], [0, 2, 1, 0, 1]


def rows_of(mistake):
    name, model = (MISTAKES[mistake].name, MISTAKES[mistake].model) if mistake else ("NumpyRNN", None)
    options = {"sizes": (8, 4, 3, 3), "x": X, "y": Y, "seed": 1, "activation": "logistic"}
    return list(check_gradients([name], instead=model, **options))


def test_a_whole_sentence_is_read_from_a_mistake():
    assert diagnose_model(rows_of("error from the later step forgotten"), X) == (
        "NumpyRNN: W_e, W_x and W_h differ, W_y agrees. The error e_y at the output is correct, so the mistake is "
        "between the output and the recurrent layer, in e_h or e_a. The last word's error is correct, "
        "earlier ones are not: check the terms from the later step, W_h^T e_a_{t+1}."
    )


def spoilt(factor):
    """The rows of a right model, with gradients that a factor or a function has changed."""
    rows = rows_of(None)
    for row in rows:
        new = factor(row)
        changed = float(np.abs(new - row.expected).max() / max(np.abs(new).max(), np.abs(row.expected).max()))
        object.__setattr__(row, "gradient", new)
        object.__setattr__(row, "difference", changed)
    return rows


@pytest.mark.parametrize("factor", [0.5, -1, 3, 1.001])
def test_a_common_factor_is_found(factor):
    found = diagnose_model(spoilt(lambda row: factor * row.gradient), X)
    assert f"Every entry is {factor:g} times the expected one: a constant factor is wrong." in found
    assert "the sentence has" not in found


def test_gradients_of_nothing_but_zeros_are_no_times_what_they_should_be():
    assert "Every entry is 0 times the expected one" in diagnose_model(spoilt(lambda row: 0 * row.gradient), X)


@pytest.mark.parametrize("size", [1, 1e-9])
def test_another_factor_in_each_parameter_is_no_common_one(size):
    """Everything differs, so the fault is at the output."""
    found = diagnose_model(spoilt(lambda row: size * (2 + (row.parameter == "W_h")) * row.gradient), X)
    assert "times the expected one" not in found
    assert "check e_y" in found


def test_several_products_may_be_wrong_each_by_itself():
    found = diagnose_model(spoilt(lambda row: row.gradient + (row.parameter in ("W_x", "W_h"))), X)
    assert found == (
        "NumpyRNN: W_x and W_h differ, W_e and W_y agree. The errors are correct: check the product of "
        "an error and an input in each of these gradients."
    )


def test_words_that_come_once_and_are_wrong_are_no_matter_of_adding():
    rows = spoilt(lambda row: row.gradient + (row.parameter == "W_e"))
    assert diagnose_model(rows, X).endswith("check e_z_t = W_x^T e_a_t, and how dW_e sums it over the words. ")


def test_each_model_has_a_sentence_of_its_own():
    rows = [*rows_of(None), *rows_of("LSTM: error along the cell forgotten")]
    found = diagnose(rows, X)
    assert [sentence.partition(":")[0] for sentence in found] == ["NumpyRNN", "NumpyLSTM", "NumpyLSTM, no peepholes"]
    assert found[0] == "NumpyRNN: all gradients agree with finite differences."
    assert found[1] == diagnose_model(rows[4:9], X)
