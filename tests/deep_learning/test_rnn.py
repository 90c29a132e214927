"""The table of models: what it says of each, classes that replace one, the device that is named."""

import sys

import pytest

from lxmls_rnn import device
from lxmls_rnn.deep_learning import rnn as rnns


@pytest.fixture
def replaced():
    """A class in the place of NumpyRNN, whose passes are a student's."""

    class NumpyRNN(rnns.NumpyRNN):
        pass

    rnns.replace("NumpyRNN", NumpyRNN, "own.py")
    yield NumpyRNN
    rnns.replace(None)


@pytest.mark.parametrize("name", rnns.MODELS)
def test_a_name_leads_to_the_class_of_that_name(name):
    assert rnns.model_class(name).__name__ == getattr(rnns, name).__name__ == name
    assert rnns.numpy_class(name).__name__ == f"Numpy{rnns.MODELS[name].family}"


@pytest.mark.parametrize("take", [rnns.check_model_name, rnns.model_class, rnns.numpy_class, rnns.replace])
def test_an_unknown_name_is_refused_with_those_that_are_known(take):
    with pytest.raises(ValueError, match=r"model must be one of NumpyRNN, NumpyLSTM, RNN, .* got 'GRU'"):
        take("GRU")


def test_a_class_replaces_a_model_until_all_are_put_back(replaced):
    assert rnns.model_class("NumpyRNN") is rnns.numpy_class("FastRNN") is replaced
    assert rnns.library_class("NumpyRNN") is rnns.NumpyRNN is not replaced
    assert rnns.model_class("NumpyLSTM") is rnns.NumpyLSTM
    assert rnns.device_of("NumpyRNN") == "NumPy computes on the CPU. The passes are those of own.py."
    rnns.replace(None)
    assert rnns.model_class("NumpyRNN") is rnns.NumpyRNN
    assert rnns.device_of("NumpyRNN") == "NumPy computes on the CPU."


def test_theanos_device_is_named_once_theano_has_chosen_it(monkeypatch):
    monkeypatch.setenv("LXMLS_DEVICE", "cpu")
    assert rnns.device_of("FastRNN") == f"Theano uses the CPU, as {device.variable()}=cpu asks."
    assert rnns.planned_device("FastRNN") == ""  # it can be asked


def test_before_theano_is_imported_the_device_is_the_chosen_one(monkeypatch):
    monkeypatch.setenv("LXMLS_DEVICE", "cpu")
    monkeypatch.delitem(sys.modules, "theano", raising=False)
    assert rnns.planned_device("NumpyRNN") == "NumPy computes on the CPU."
    assert rnns.planned_device("RNN").startswith("Theano is set to use cpu; ")
