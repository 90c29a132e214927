"""The whole sentences that a gradient check ends with."""

import numpy as np
import pytest

from lxmls_rnn.teaching.gradient_check import check_gradients
from lxmls_rnn.teaching.mistakes import MISTAKES
from lxmls_rnn.teaching.readings import reading, readings

X, Y = [1, 2, 3, 1, 5], [0, 2, 1, 0, 1]
END = "in {} or e_a. Already the last word's error is wrong, where nothing comes from a later step: look at {}"


def rows_of(mistake):
    name, model = (MISTAKES[mistake].name, MISTAKES[mistake].model) if mistake else ("NumpyRNN", None)
    options = {"sizes": (8, 4, 3, 3), "x": X, "y": Y, "seed": 1, "activation": "logistic"}
    return list(check_gradients([name], instead=model, **options))


@pytest.mark.parametrize(
    ("mistake", "sentence"),
    [
        (None, "NumpyRNN: all gradients agree with finite differences."),
        (
            "derivative of the activation forgotten",
            "NumpyRNN: W_e, W_x and W_h differ, W_y agrees. The error e_y at the output is right, so the fault is "
            "between the output and the recurrent layer, " + END.format("e_h", "f'(a_t) and W_y^T."),
        ),
        (
            "error from the later step forgotten",
            "NumpyRNN: W_e, W_x and W_h differ, W_y agrees. The error e_y at the output is right, so the fault is "
            "between the output and the recurrent layer, in e_h or e_a. The last word's error is right and earlier "
            "ones are not: look at what comes back from the later step, W_h^T e_a_{t+1}.",
        ),
        (
            "h_t instead of h_{t-1} for W_h",
            "NumpyRNN: W_h differs, W_e, W_x and W_y agree. The errors are right, so it is W_h's own product of an "
            "error and an input: is it the input of that step?",
        ),
        (
            "error of a repeated word assigned, not added",
            "NumpyRNN: W_e differs, W_x, W_h and W_y agree. All errors up to e_a are right: it is e_z_t = W_x^T e_a_t, "
            "or how W_e gathers it. Only words that come several times differ: their errors must be added.",
        ),
        (
            "1/L forgotten",
            "NumpyRNN: W_e, W_x, W_h and W_y differ, no parameter agrees. Every entry is 5 times what it should be "
            "(the sentence has 5 words): a factor is missing everywhere.",
        ),
        (
            "one entry of W_x's gradient has the wrong sign",
            "NumpyRNN: W_x differs, W_e, W_h and W_y agree. The errors are right, so it is W_x's own product of an "
            "error and an input, and of its 12 entries only [0, 3].",
        ),
    ],
)
def test_what_is_read_from_a_mistake_of_an_rnn(mistake, sentence):
    assert reading(rows_of(mistake), X) == sentence


def test_what_is_read_from_a_mistake_of_an_lstm():
    with_peepholes = rows_of("LSTM: slope of tanh(c_t) forgotten")[:5]
    assert reading(with_peepholes, X) == (
        "NumpyLSTM: W_e, W_x, W_h and W_c differ, W_y agrees. The error e_y at the output is right, so the fault is "
        "between the output and the recurrent layer, "
        + END.format("e_h, e_c", "e_c_t, and at each gate's slope and what its error is multiplied by.")
    )
    without = rows_of("LSTM: error along the cell forgotten")[5:]
    assert reading(without, X).startswith("NumpyLSTM, no peepholes: W_e, W_x and W_h differ, W_y agrees. ")
    assert reading(without, X).endswith(
        "look at what comes back from the later step, W_h^T e_a_{t+1} to h_t and f_{t+1} * e_c_{t+1} to c_t."
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
    found = reading(spoilt(lambda row: factor * row.gradient), X)
    assert f"Every entry is {factor:g} times what it should be: a factor is missing everywhere." in found
    assert "the sentence has" not in found


def test_gradients_of_nothing_but_zeros_are_no_times_what_they_should_be():
    assert "Every entry is 0 times what it should be" in reading(spoilt(lambda row: 0 * row.gradient), X)


@pytest.mark.parametrize("size", [1, 1e-9])
def test_another_factor_in_each_parameter_is_no_common_one(size):
    """Everything differs, so the fault is at the output."""
    found = reading(spoilt(lambda row: size * (2 + (row.parameter == "W_h")) * row.gradient), X)
    assert "times what it should be" not in found
    assert "look at e_y" in found


def test_several_products_may_be_wrong_each_by_itself():
    found = reading(spoilt(lambda row: row.gradient + (row.parameter in ("W_x", "W_h"))), X)
    assert found == (
        "NumpyRNN: W_x and W_h differ, W_e and W_y agree. The errors are right: each of these gradients is a product "
        "of its own, an error times an input."
    )


def test_words_that_come_once_and_are_wrong_are_no_matter_of_adding():
    rows = spoilt(lambda row: row.gradient + (row.parameter == "W_e"))
    assert reading(rows, X).endswith("it is e_z_t = W_x^T e_a_t, or how W_e gathers it. ")


def test_each_model_has_a_sentence_of_its_own():
    rows = [*rows_of(None), *rows_of("LSTM: error along the cell forgotten")]
    found = readings(rows, X)
    assert [sentence.partition(":")[0] for sentence in found] == ["NumpyRNN", "NumpyLSTM", "NumpyLSTM, no peepholes"]
    assert found[0] == "NumpyRNN: all gradients agree with finite differences."
    assert found[1] == reading(rows[4:9], X)
