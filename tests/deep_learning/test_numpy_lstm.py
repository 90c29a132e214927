"""The NumPy LSTM: the lecture's formulas, peepholes; test_numpy_rnn.py tests what it shares with the RNN."""

import numpy as np
import pytest

from lxmls_rnn.deep_learning.numpy_lstm import Cells, NumpyLSTM
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


def test_cells_are_those_of_the_forward_pass_and_bad_words_are_refused(model):
    cells = model.cells([3, 1, 4])
    assert [a.shape for a in cells] == [(5, 3), (5, 3), (5, 3), (5, 3), (5, 4)]
    assert not cells.c[:, 0].any()
    with pytest.raises(IndexError, match="word id 30 in x is outside the 30 words"):
        model.cells([30])
    with pytest.raises(ValueError, match="at least one word"):
        model.cells([])


def test_slopes_are_differences_within_a_step(model):
    rng, step = np.random.RandomState(2), 1e-6
    a, c_last = rng.uniform(-1, 1, (20, 1)), rng.uniform(-1, 1, (5, 1))

    def one_step(a, c_t=None):
        i, f, g, o = (gate[:, None] for gate in model.gates(a[:, 0].copy(), None))
        new = f * c_last + i * g
        return Cells(i, f, g, o, np.hstack([c_last, new])), new, o * np.tanh(new if c_t is None else c_t)

    cells, c_t, _ = one_step(a)
    slopes = model.slopes(cells)
    for n, name in enumerate("ifgo"):
        moved = np.zeros((20, 1))
        moved[5 * n : 5 * (n + 1)] = step
        above, below = one_step(a + moved, c_t), one_step(a - moved, c_t)
        result = 2 if name == "o" else 1  # the output gate changes h_t alone, the others c_t
        assert np.allclose(getattr(slopes, name), (above[result] - below[result]) / (2 * step), atol=1e-9)
    along = (one_step(a, c_t + step)[2] - one_step(a, c_t - step)[2]) / (2 * step)
    assert np.allclose(slopes.c, along, atol=1e-9)


def test_a_subclass_that_cuts_the_way_along_the_cell_is_used(model):
    """The teaching panels override single steps of the pass."""

    class Cut(NumpyLSTM):
        def along_cell(self, t, cells, e_c):
            return 0 * e_c

        def from_peepholes(self, e_a):
            return 0

    cut = Cut(*SIZES)
    cut.set_values(model.get_values())
    e_h = np.random.RandomState(3).normal(size=(5, 4))
    cells = model.cells([3, 1, 4, 1])
    whole, alone = model.back_through_time(cells, e_h.copy()), cut.back_through_time(cells, e_h.copy())
    assert np.array_equal(whole.e_c[:, -1], alone.e_c[:, -1])
    assert not np.allclose(whole.e_c[:, 0], alone.e_c[:, 0])
    assert np.allclose(alone.e_c, alone.e_h * cut.slopes(cells).c)
