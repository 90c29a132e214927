"""The first difference between two models: a quantity, a word and a gate."""

import numpy as np
import pytest

from lxmls_rnn.deep_learning import model_file
from lxmls_rnn.deep_learning import rnn as rnns
from lxmls_rnn.teaching.first_difference import first_difference, first_differences, quantities
from lxmls_rnn.teaching.gradient_check import random_values
from lxmls_rnn.teaching.mistakes import MISTAKES

compiles_scan = pytest.mark.slow("compiles the probes with scan, ten seconds")
X, Y = np.array([1, 2, 3, 1, 5]), np.array([0, 2, 1, 0, 1])


def model_of(cls, **options):
    model = cls(8, 4, 3, 3, **options)
    model.set_values(random_values(model, np.random.RandomState(1)))
    return model


@pytest.mark.parametrize("cls", [rnns.NumpyRNN, rnns.NumpyLSTM])
def test_the_probes_find_what_numpy_returns(cls):
    model = model_of(cls)
    back = model.backward(X, Y)
    found = dict(quantities(model, X, Y))
    assert np.abs(found["h_t"] - back.forward.h[:, 1:]).max() < 1e-12
    assert np.abs(model.param.W_x.T @ found["e_a_t"] - back.e_z).max() < 1e-12


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[compiles_scan] if model.backend == "scan" else [])
        for name, model in rnns.MODELS.items()
        if model.backend != "numpy"
    ],
)
@pytest.mark.theano
def test_models_of_all_frameworks_do_not_part(name):
    options = {"activation": "tanh", "sizes": (8, 4, 3, 3), "length": 4}
    assert list(first_differences([name], **options)) == []


@pytest.mark.parametrize(
    ("mistake", "where"),
    [
        ("derivative of the activation forgotten", "e_a_t of word 5 "),
        ("error from the later step forgotten", "e_a_t of word 4 "),
        ("h_t instead of h_{t-1} for W_h", "the gradient of W_h "),
        ("error of a repeated word assigned, not added", "the gradient of W_e "),
        ("LSTM: slope of the forget gate forgotten", "e_a_t of word 5, gate f "),
        ("LSTM: errors of i and g exchanged", "e_a_t of word 5, gate i and g "),
        ("LSTM: error along the cell forgotten", "e_a_t of word 4, gate i and f and g "),
        ("LSTM: c_t instead of c_{t-1} for W_c", "the gradient of W_c "),
    ],
)
def test_a_mistake_is_found_where_it_is_made(mistake, where):
    name, cls = MISTAKES[mistake].name, MISTAKES[mistake].model
    found = list(first_differences([name], instead=cls, x=X, y=Y, sizes=(8, 4, 3, 3), activation="tanh"))
    assert f"{name}, tanh: the first difference from {name} is in {where}" in found[0]


def test_every_mistake_is_found():
    for mistake in MISTAKES.values():
        assert list(first_differences([mistake.name], instead=mistake.model, activation="tanh"))


@pytest.mark.parametrize("name", ["JaxLSTM", "TorchLSTM", "FastTorchRNN"])
def test_a_wrong_forward_pass_is_found_in_any_framework(name, monkeypatch):
    model = model_of(rnns.model_class(name))
    right = model_file.convert(model, rnns.numpy_class(name))
    assert first_difference(model, right, X, Y, 1e-8) is None
    right_layer = type(model)._recurrent

    def wrong_layer(self, *args):
        h = right_layer(self, *args)
        return h * np.array([[1], [1], [1.01], *[[1]] * (len(h) - 3)])  # the third word

    if name == "JaxLSTM":
        model = model_file.convert(right, type(model))  # compiled anew
    monkeypatch.setattr(type(model), "_recurrent", wrong_layer)
    found = first_difference(model, right, X, Y, 1e-8)
    assert (found.quantity, found.step, found.gates) == ("h_t", 3, [])
    assert found.in_words().startswith("h_t of word 3 (by ")
