"""Common mistakes in an LSTM: without one the computation is the library's, and each one changes its result."""

import numpy as np
import pytest

from lab.exercises import lstm_slips as slips
from lab.exercises.setting import MODEL_SIZES, SENTENCES, model_of
from lxmls_rnn.deep_learning.numpy_lstm import NumpyLSTM
from tests.lab.exercises.mistakes import differs, each

X = SENTENCES[0][0]


@pytest.fixture(scope="module")
def lstm_input():
    rng = np.random.RandomState(0)
    return [*(rng.uniform(-1, 1, MODEL_SIZES[n]) for n in (1, 2, 2)), *model_of(NumpyLSTM).param[1:4]]


@pytest.mark.parametrize("x", [x for x, _ in SENTENCES])
def test_the_lstm_is_the_models(x):
    model = model_of(NumpyLSTM)
    assert np.allclose(slips.lstm_forward(x, model.param)["p"], model.forward(x), rtol=1e-12)


@each(slips.GATE_SLIPS)
def test_a_mistake_changes_the_gates(mistake, lstm_input):
    assert differs(slips.lstm_gates(*lstm_input, **mistake), slips.lstm_gates(*lstm_input))


@each(slips.LSTM_SLIPS)
def test_a_mistake_changes_the_step_of_an_lstm(mistake, lstm_input):
    assert differs(slips.lstm_step(*lstm_input, **mistake), slips.lstm_step(*lstm_input))


@each(slips.LSTM_SENTENCE_SLIPS)
def test_a_mistake_changes_the_lstm(mistake):
    param = model_of(NumpyLSTM).param
    assert differs(slips.lstm_forward(X, param, **mistake), slips.lstm_forward(X, param))
