"""The first difference between two models: a quantity, a word and a gate."""

from dataclasses import replace

import numpy as np
import pytest

from lxmls_rnn.deep_learning import models
from lxmls_rnn.teaching.first_difference import (
    compare_models,
    compare_quantities,
    first_difference,
    in_sentences,
)
from lxmls_rnn.teaching.gradient_check import random_values
from lxmls_rnn.teaching.mistakes import MISTAKES

compiles_scan = pytest.mark.nightly("the same as the fused layers, with scan; test_quantities compares both")
X, Y = np.array([1, 2, 3, 1, 5]), np.array([0, 2, 1, 0, 1])


def model_of(cls, **options):
    model = cls(8, 4, 3, 3, **options)
    model.set_values(random_values(model, np.random.RandomState(1)))
    return model


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[compiles_scan] if model.backend == "scan" else [])
        for name, model in models.MODELS.items()
        if model.backend != "numpy"
    ],
)
def test_models_of_all_frameworks_do_not_part(name):
    options = {"activation": "tanh", "sizes": (8, 4, 3, 3), "length": 4}
    assert list(in_sentences(compare_models([name], **options))) == []


@pytest.mark.parametrize(
    ("mistake", "where"),
    [
        ("derivative of the activation forgotten", "e_a_t of word 5 "),
        ("W_h not transposed", "e_h_t of word 4 "),
        ("error from the later step forgotten", "e_h_t of word 4 "),
        ("gold tag not subtracted", "e_y_t of word 5 "),
        ("h_t instead of h_{t-1} for W_h", "the gradient of W_h "),
        ("error of a repeated word assigned, not added", "the gradient of W_e "),
        ("LSTM: slope of the forget gate forgotten", "e_a_t of word 5, gate f "),
        ("LSTM: error from the later gates forgotten", "e_h_t of word 4 "),
        ("LSTM: errors of i and g exchanged", "e_a_t of word 5, gate i and g "),
        ("LSTM: error along the cell forgotten", "e_a_t of word 4, gate i and f and g "),
        ("LSTM: c_t instead of c_{t-1} for W_c", "the gradient of W_c "),
    ],
)
def test_a_mistake_is_found_where_it_is_made(mistake, where):
    name, cls = MISTAKES[mistake].name, MISTAKES[mistake].model
    found = list(in_sentences(compare_models([name], instead=cls, x=X, y=Y, sizes=(8, 4, 3, 3), activation="tanh")))
    assert f"{name}, tanh: the first difference from {name} is in {where}" in found[0]
    assert all(one.startswith(f"{name}, tanh, no peepholes: the first ") for one in found[1:])


@pytest.mark.parametrize("against", ["TorchRNN"])
def test_a_mistake_is_found_in_the_same_place_from_another_framework(against):
    for mistake in MISTAKES.values():
        options = {"instead": mistake.model, "x": X, "y": Y, "sizes": (8, 4, 3, 3), "activation": "tanh"}
        right = mistake.name.replace("Numpy", against.removesuffix("RNN"))
        from_numpy, found = (
            [sentence.partition(" is in ")[2] for sentence in in_sentences(compare_models([mistake.name], **more))]
            for more in (options, {**options, "against": right})
        )
        assert found
        assert found == from_numpy


def planted(monkeypatch, cls, of_W_x, of_W_h):
    """Let the recurrent layer of a class compute with changed W_x and W_h."""
    right = cls._layer

    def wrong(self, a, *args, **options):
        a, param = of_W_x(a.T).T, self.param
        W_e, W_x, W_h, *others = param
        self.param = type(param)([W_e, W_x, of_W_h(W_h), *others])
        try:
            return right(self, a, *args)
        finally:
            self.param = param

    monkeypatch.setattr(cls, "_layer", wrong)


def found_in(name, activation="tanh", **options):
    """Return the first difference of a model from NumPy's."""
    model = model_of(models.numpy_class(name), activation=activation, **options)
    model, right = (models.convert(model, cls) for cls in (models.model_class(name), models.numpy_class(name)))
    return first_difference(compare_quantities(name, model, right, X, Y, 1e-8))


RNNS = ["TorchRNN", "FastTorchRNN", "FastRNN"]
LSTMS = ["TorchLSTM", "FastTorchLSTM", "FastLSTM"]


@pytest.mark.parametrize("name", [*LSTMS, pytest.param("LSTM", marks=compiles_scan)])
def test_a_wrong_order_of_the_gates_is_found_in_any_framework(name, monkeypatch):
    def reordered(W):
        return W.reshape((4, 3, W.shape[1]))[np.array([0, 1, 3, 2])].reshape(W.shape)

    planted(monkeypatch, models.model_class(name), reordered, reordered)
    where = "h_t" if name == "FastTorchLSTM" else "g_t and o_t"  # nn.LSTM does not return its gates
    found = found_in(name, peepholes=False)
    assert (found.quantity, found.step) == (where, 1)
    assert f"{where} of word 1 (by " in found.in_words()


@pytest.mark.parametrize("name", [*RNNS, pytest.param("RNN", marks=compiles_scan)])
def test_a_transposed_recurrent_matrix_is_found_in_any_framework(name, monkeypatch):
    planted(monkeypatch, models.model_class(name), lambda W_x: W_x, lambda W_h: W_h.T)
    found = found_in(name)
    assert (found.quantity, found.step) == ("h_t", 2)  # W_h h_0 is 0


def test_a_wrong_gradient_of_the_fused_layer_is_found(monkeypatch):
    from lxmls_rnn.deep_learning.ops.cpu.rnn_layer import RNNLayer

    right = RNNLayer.L_op
    monkeypatch.setattr(RNNLayer, "L_op", lambda self, ins, *out: right(self, [ins[0], ins[1].T, ins[2]], *out))
    found = found_in("FastRNN")
    assert (found.quantity, found.step) == ("e_a_t", 4)


def test_every_mistake_is_found():
    for mistake in MISTAKES.values():
        assert list(in_sentences(compare_models([mistake.name], instead=mistake.model, activation="tanh")))


@pytest.mark.parametrize(
    ("against", "other"), [("TorchRNN", "FastTorchRNN"), ("TorchLSTM", "FastTorchLSTM"), ("FastTorchLSTM", "TorchLSTM")]
)
def test_models_of_several_frameworks_are_compared_with_one(against, other):
    numpy = models.numpy_class(other).__name__
    options = {"against": against, "dtype": "float32", "sizes": (8, 4, 3, 3), "length": 4, "activation": "tanh"}
    rows = list(compare_models([numpy, other], **options))
    assert {row.model for row in rows} == {numpy, other}
    assert {row.against for row in rows} == {against}
    assert {row.expected.dtype.name for row in rows if row.parameter[0] in "pW"} == {"float32"}
    peepholes = {"TorchRNN": {None}, "TorchLSTM": {True, False}, "FastTorchLSTM": {False}}
    assert {row.peepholes for row in rows} == peepholes[against]
    assert all(row.agrees for row in rows)
    names = list(dict.fromkeys(row.parameter for row in rows))
    gates = ["i_t", "f_t", "g_t", "o_t", "c_t"] if against == "TorchLSTM" else []  # nn.LSTM returns none
    assert names[: len(gates) + 5] == [*gates, "h_t", "p_t", "e_y_t", "e_h_t", "e_a_t"]
    assert any(row.difference > 0 for row in rows)  # it was not compared with itself
    (one, *_) = in_sentences(replace(row, tolerance=0) for row in rows)
    assert f"the first difference from {against} is in " in one


def test_models_of_two_families_are_not_compared():
    with pytest.raises(ValueError, match="NumpyLSTM and NumpyRNN have different parameters: expected two RNNs or two"):
        list(compare_models(["NumpyLSTM"], "NumpyRNN"))
    with pytest.raises(ValueError, match=r"model must be one of .* got 'GRU'"):
        list(compare_models(against="GRU"))
