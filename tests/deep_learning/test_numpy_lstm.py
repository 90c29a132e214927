"""The NumPy LSTM: the lecture's formulas, peepholes; test_numpy_rnn.py tests what it shares with the RNN."""

import numpy as np
import pytest

from lxmls_rnn.deep_learning.numpy_lstm import NumpyLSTM
from lxmls_rnn.deep_learning.numpy_rnn import NumpyRNN

SIZES = 30, 6, 5, 4


def test_lstm_cells_obey_the_lectures_formulas():
    model = NumpyLSTM(*SIZES, seed=0)
    x = [3, 1, 4]
    _, _, h, z, _ = model.forward(x, all_outputs=True)
    i, f, g, o, c = model.cells(x)
    _, W_x, W_h, W_c, _ = model.param
    for t in range(3):
        a = W_x @ z[:, t] + W_h @ h[:, t]
        b = W_c @ c[:, t]
        logistic = [1 / (1 + np.exp(-v)) for v in (a[:5] + b[:5], a[5:10] + b[5:10], a[15:] + b[10:])]
        assert np.allclose([i[:, t], f[:, t], o[:, t]], logistic)
        assert np.allclose(g[:, t], np.tanh(a[10:15]))
        assert np.allclose(c[:, t + 1], f[:, t] * c[:, t] + i[:, t] * g[:, t])
        assert np.allclose(h[:, t + 1], o[:, t] * np.tanh(c[:, t + 1]))
    with pytest.raises(IndexError, match="word id 30 in x is outside the 30 words"):
        model.cells([30])


def test_an_lstm_without_peepholes_is_one_whose_peepholes_are_0():
    without, with_them = NumpyLSTM(*SIZES, seed=0, peepholes=False), NumpyLSTM(*SIZES, seed=0)
    with_them.set_values({**without.get_values(), "W_c": np.zeros((15, 5))})
    x, y = [3, 1, 4, 1], [0, 3, 2, 1]
    assert np.array_equal(without.forward(x), with_them.forward(x))
    e_x, e_h, e_y = (with_them.grads(x, y)[n] for n in (1, 2, 4))
    for got, expected in zip(without.grads(x, y)[1:], (e_x, e_h, e_y), strict=True):
        assert np.array_equal(got, expected)


def test_peepholes_are_there_or_not():
    with pytest.raises(ValueError, match="peepholes must be one of True, False, got 'no'"):
        NumpyLSTM(*SIZES, peepholes="no")
    with pytest.raises(TypeError, match="peepholes"):
        NumpyRNN(*SIZES, peepholes=False)


@pytest.fixture
def model():
    """An LSTM whose parameters have both signs."""
    made, rng = NumpyLSTM(*SIZES), np.random.RandomState(1)
    made.set_values({name: rng.uniform(-0.8, 0.8, W.shape) for name, W in made.get_values().items()})
    return made


def test_a_subclass_that_cuts_the_way_along_the_cell_is_used(model):
    """The teaching panels override single steps of the pass."""

    class Cut(NumpyLSTM):
        def along_cell(self, t, cells, e_c):
            return 0 * e_c

        def from_peepholes(self, e_a):
            return 0

    cut = Cut(*SIZES)
    cut.set_values(model.get_values())
    e_h, z = np.random.RandomState(3).normal(size=(5, 4)), model.param.W_e[:, [3, 1, 4, 1]]
    whole, alone = (made.layer(z)[1](e_h.copy())[2] for made in (model, cut))
    assert np.array_equal(whole["e_c"][:, -1], alone["e_c"][:, -1])
    assert not np.allclose(whole["e_c"][:, 0], alone["e_c"][:, 0])
    assert np.allclose(alone["e_c"], alone["e_h"] * cut.slopes(cut.cells([3, 1, 4, 1])).c)
