"""The table of models: what it says of each, classes that replace one, conversion, the device that is named."""

import numpy as np
import pytest

from lxmls_rnn import device
from lxmls_rnn.deep_learning import models
from lxmls_rnn.deep_learning import rnn as rnns


@pytest.fixture
def replaced():
    """A class in the place of NumpyRNN, whose passes are a student's."""

    class NumpyRNN(rnns.NumpyRNN):
        pass

    models.replace("NumpyRNN", NumpyRNN, "own.py")
    yield NumpyRNN
    models.replace(None)


@pytest.mark.parametrize("name", models.MODELS)
def test_a_name_leads_to_the_class_of_that_name(name):
    assert models.model_class(name).__name__ == getattr(rnns, name).__name__ == name
    assert models.numpy_class(name).__name__ == f"Numpy{models.MODELS[name].family}"


@pytest.mark.parametrize("take", [models.check_model_name, models.model_class, models.numpy_class, models.replace])
def test_an_unknown_name_is_refused_with_those_that_are_known(take):
    with pytest.raises(ValueError, match=r"model must be one of NumpyRNN, NumpyLSTM, RNN, .* got 'GRU'"):
        take("GRU")


def test_a_class_replaces_a_model_until_all_are_put_back(replaced):
    assert models.model_class("NumpyRNN") is models.numpy_class("FastRNN") is replaced
    assert models.library_class("NumpyRNN") is rnns.NumpyRNN is not replaced
    assert models.model_class("NumpyLSTM") is rnns.NumpyLSTM
    assert models.device_of("NumpyRNN") == "NumPy computes on the CPU. The passes are those of own.py."
    models.replace(None)
    assert models.model_class("NumpyRNN") is rnns.NumpyRNN
    assert models.device_of("NumpyRNN") == "NumPy computes on the CPU."


def test_theanos_device_is_named_once_theano_has_chosen_it(monkeypatch):
    monkeypatch.setenv("LXMLS_DEVICE", "cpu")
    assert models.device_of("FastRNN") == f"Theano uses the CPU, as {device.variable()}=cpu asks."


@pytest.mark.parametrize(
    ("family", "options"), [("RNN", {"activation": "relu", "dtype": "float32"}), ("LSTM", {"peepholes": False})]
)
def test_convert_keeps_numbers_options_and_sizes(family, options):
    model = models.numpy_class(family)(7, 3, 4, 5, seed=0, **options)
    there = models.convert(model, models.model_class(f"Fast{family}"))
    assert (there.options, there.sizes) == (model.options, model.sizes)
    assert options.items() <= model.options.items()
    for W, value in zip(models.convert(there, type(model)).param, model.param, strict=True):
        assert np.array_equal(W, value)
