"""Every mistake in back-propagation is found, in the parameters that it spoils, and read rightly."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lxmls_rnn.deep_learning.numpy_rnn import NumpyRNN
from lxmls_rnn.deep_learning.rnn import NumpyLSTM
from lxmls_rnn.teaching.diagnosis import diagnose, diagnose_model
from lxmls_rnn.teaching.gradient_check import check_gradients
from lxmls_rnn.teaching.mistakes import MISTAKES

ANSWERS = Path(__file__).parents[2] / "docs/answers.md"
SIZES = (8, 4, 3, 3)
X, Y = [1, 2, 3, 1, 5], [0, 2, 1, 0, 1]
ALL = {"W_e", "W_x", "W_h", "W_y"}
BEHIND_OUTPUT = {"W_e", "W_x", "W_h"}

# mistake: the parameters that differ, words of the reading
FOUND = {
    "derivative of the activation forgotten": (BEHIND_OUTPUT, "check f'(a_t)"),
    "derivative of another activation": (BEHIND_OUTPUT, "check f'(a_t)"),
    "W_h not transposed": (BEHIND_OUTPUT, "W_h^T e_a_{t+1}"),
    "error from the later step forgotten": (BEHIND_OUTPUT, "W_h^T e_a_{t+1}"),
    "h_t instead of h_{t-1} for W_h": ({"W_h"}, "does it use the input of that step?"),
    "error of a repeated word assigned, not added": ({"W_e"}, "must be added"),
    "1/L forgotten": (ALL, "5 times the expected one (the sentence has 5 words)"),
    "gold tag not subtracted": (ALL, "check e_y"),
    "one entry of W_x's gradient has the wrong sign": ({"W_x"}, "entries: [0, 3]"),
}
OF_GRADS = {  # made in `grads`, which takes a single sentence
    "error of a repeated word assigned, not added",
    "1/L forgotten",
    "one entry of W_x's gradient has the wrong sign",
}
THROUGH = BEHIND_OUTPUT | {"W_c"}
GATES = "check e_c_t, and for each gate its slope and the other factors of its error."
LATER = "W_h^T e_a_{t+1} to h_t and f_{t+1} * e_c_{t+1} + W_c^T e_b_{t+1} to c_t."
OF_LSTM = {
    "LSTM: slope of the forget gate forgotten": (THROUGH, GATES),
    "LSTM: slope of the logistic function for g": (THROUGH, GATES),
    "LSTM: slope of tanh(c_t) forgotten": (THROUGH, GATES),
    "LSTM: errors of i and g exchanged": (THROUGH, GATES),
    "LSTM: c_t instead of c_{t-1} for the forget gate": (THROUGH, GATES),
    "LSTM: error of the cell for the output gate": (THROUGH, GATES),
    "LSTM: error along the cell forgotten": (THROUGH, LATER),
    "LSTM: f_t instead of f_{t+1} along the cell": (THROUGH, LATER),
    "LSTM: error from the later gates forgotten": (THROUGH, LATER),
    "LSTM: error through the peepholes forgotten": (THROUGH, LATER),
    "LSTM: peepholes of i, f, g instead of i, f, o": (THROUGH, LATER),
    "LSTM: c_t instead of c_{t-1} for W_c": ({"W_c"}, "does it use the input of that step?"),
}


def rows_of(mistake, x=X, y=Y, activation="logistic", **more):
    model, name = (MISTAKES[mistake].model, MISTAKES[mistake].name) if mistake else (None, "NumpyRNN")
    arguments = {"sizes": SIZES, "x": x, "y": y, "activation": activation, "instead": model, **more}
    return list(check_gradients([name], **arguments))


def wrong(rows):
    return {row.parameter for row in rows if not row.agrees}


def test_every_mistake_is_tried_here_and_has_its_sentence():
    assert set(MISTAKES) == {*FOUND, *OF_LSTM}
    assert all(mistake.why.endswith(".") for mistake in MISTAKES.values())
    assert len({mistake.why for mistake in MISTAKES.values()}) == len(MISTAKES)


@pytest.mark.parametrize(
    ("mistake", "activation"),
    [("derivative of the activation forgotten", activation) for activation in NumpyRNN.activations[1:]]
    + [(mistake, "logistic") for mistake in FOUND],
)
def test_a_mistake_is_found_in_its_parameters_and_read(mistake, activation):
    rows = rows_of(mistake, activation=activation, seed=1)
    parameters, words = FOUND[mistake]
    assert wrong(rows) == parameters
    assert words in diagnose_model(rows, X)


@pytest.mark.parametrize("mistake", OF_LSTM)
def test_a_mistake_in_an_lstm_is_found_in_its_parameters_and_read(mistake):
    rows = rows_of(mistake, seed=1, sizes=(6, 2, 2, 3))
    parameters, words = OF_LSTM[mistake]
    with_peepholes, without = rows[:5], rows[5:]
    assert wrong(with_peepholes) == parameters
    found = diagnose_model(with_peepholes, X)
    assert words in found
    assert ("between the output and the recurrent layer, in e_h, e_c or e_a." in found) == (parameters == THROUGH)
    of_peepholes = "peepholes" in mistake or "W_c" in mistake
    assert wrong(without) == (set() if of_peepholes else parameters - {"W_c"})
    assert of_peepholes or words.replace(" + W_c^T e_b_{t+1}", "") in diagnose_model(without, X)


@pytest.mark.parametrize(
    ("mistake", "gates"),
    [
        ("LSTM: slope of the logistic function for g", "g"),
        ("LSTM: errors of i and g exchanged", "i and g"),
        ("LSTM: error of the cell for the output gate", "o"),
        ("LSTM: slope of tanh(c_t) forgotten", "i and g"),  # c_0 = 0: the forget gate has no error
    ],
)
def test_with_one_word_the_rows_of_the_matrix_tell_the_gate(mistake, gates):
    assert diagnose_model(rows_of(mistake, [1], [0], sizes=(6, 2, 2, 3))[:5], [1]).endswith(
        f"In W_x, only the rows of {gates} differ."
    )


def test_a_mistake_is_in_the_gradient_only():
    for mistake in MISTAKES.values():
        right = NumpyLSTM if mistake.name == "NumpyLSTM" else NumpyRNN
        assert np.array_equal(mistake.model(*SIZES, seed=1).forward(X), right(*SIZES, seed=1).forward(X))


@pytest.mark.parametrize("mistake", sorted({*FOUND, *OF_LSTM} - OF_GRADS))
def test_a_mistake_spoils_a_batch_as_it_spoils_its_sentence(mistake):
    model = MISTAKES[mistake].model(*SIZES, seed=1)
    alone, batch = model.backward(X, Y), model.backward([X], [Y])
    for gradient, expected in zip(batch.gradients, alone.gradients, strict=True):
        assert np.allclose(gradient, expected, rtol=1e-12, atol=1e-15)


def test_a_repeated_word_is_needed_to_see_it_assigned():
    rows = rows_of("error of a repeated word assigned, not added", [1, 2, 3], [0, 1, 2])
    assert [row.agrees for row in rows] == [True] * 4


def test_the_worst_entry_is_located():
    (row,) = (row for row in rows_of("one entry of W_x's gradient has the wrong sign") if not row.agrees)
    assert row.where == (0, 3)
    assert np.argmax(row.differences) == 3


def test_a_last_word_that_comes_twice_hides_the_step():
    rows = rows_of("W_h not transposed", [1, 2, 3, 1], [0, 2, 1, 0])
    assert "a sentence whose last word occurs only once" in diagnose_model(rows, [1, 2, 3, 1])


def test_a_fault_of_the_output_alone_is_its_own_product():
    rows = rows_of(None)
    spoilt = rows[3].gradient + np.eye(3)
    rows[3] = replace(rows[3], gradient=spoilt, difference=1.0)
    assert "W_y's own product" in diagnose_model(rows, X)


def as_other(rows, model, against):
    return [replace(row, model=model, against=against) for row in rows]


def test_of_two_that_differ_finite_differences_tell_which_is_wrong():
    rows = rows_of("h_t instead of h_{t-1} for W_h")
    scan = as_other(rows, "RNN", "NumpyRNN")
    assert "NumpyRNN is the wrong one" in diagnose([*rows, *scan], X)[1]
    assert "they tell which of the two is wrong" in diagnose(scan, X)[0]
    right = rows_of(None)
    assert "W_h's own product" in diagnose([*right, *scan], X)[1]
    assert "RNN: all gradients agree" in diagnose([*right, *as_other(right, "RNN", "NumpyRNN")], X)[1]


@pytest.mark.skipif(not ANSWERS.exists(), reason="students do not get the answers")
def test_the_code_in_the_answers_trains_with_a_mistake(capsys):
    (code,) = re.findall(r"```python\n(.*?)```", ANSWERS.read_text(), re.DOTALL)
    exec(code.replace("epochs=5", "epochs=1"), {})
    assert re.fullmatch(r"1 \d+\.\d+ 0\.\d+\n", capsys.readouterr().out)
