"""Parameters: the bounds of what is drawn and set, and messages for what does not fit."""

import numpy as np
import pytest

from lxmls_rnn import memory
from lxmls_rnn.deep_learning.numpy_lstm import NumpyLSTM
from lxmls_rnn.deep_learning.numpy_rnn import NumpyRNN

SIZES = 7, 3, 5, 4


@pytest.mark.parametrize("seed", [0, 2**32 - 1, np.int64(7)])
def test_every_seed_that_a_message_promises_is_taken(seed):
    expected = 0.01 * np.random.RandomState(seed).uniform(size=(3, 7))
    assert np.array_equal(NumpyRNN(*SIZES, seed=seed).param.W_e, expected)


def test_a_model_shows_its_sizes_and_options():
    shown = "<NumpyLSTM n_words=7, n_emb=3, n_hidd=5, n_tags=4, activation=tanh, dtype=float32, peepholes=True>"
    assert repr(NumpyLSTM(*SIZES, dtype="float32")) == shown


@pytest.mark.parametrize("cls", [NumpyRNN, NumpyLSTM])
def test_values_of_other_names_or_shapes_are_refused_and_change_nothing(cls):
    model = cls(*SIZES, seed=0)
    before = model.get_values()
    names = ", ".join(before)
    one_less = {name: W for name, W in before.items() if name != "W_h"}
    with pytest.raises(ValueError, match=f"it holds the parameters {', '.join(one_less)}, expected {names}"):
        model.set_values(one_less)
    with pytest.raises(ValueError, match=r"W_y has shape \(4, 6\), expected \(4, 5\)"):
        model.set_values({**before, "W_y": np.zeros((4, 6))})
    with pytest.raises(ValueError, match="W_h holds NaN or infinity"):
        model.set_values({**before, "W_x": np.zeros_like(before["W_x"]), "W_h": before["W_h"] * np.nan})
    assert all(np.array_equal(before[name], W) for name, W in model.get_values().items())


def test_a_model_needs_its_parameters_twice_while_it_is_made(monkeypatch):
    """W_e has 80 MB in float64, and is copied once; in float32 it is drawn in float64."""
    sizes = 10_000, 1000, 1, 1
    for dtype, need in (("float64", 160), ("float32", 120)):
        monkeypatch.setattr(memory, "free", lambda: 10**7)
        with pytest.raises(MemoryError, match=f"n_words 10,000, n_emb 1,000, .* needs about {need} MB"):
            NumpyRNN(*sizes, dtype=dtype)
