"""The public names of the taggers. Theano is imported only when a name that needs it is used."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

from lxmls_rnn import device
from lxmls_rnn.deep_learning.numpy_lstm import NumpyLSTM
from lxmls_rnn.deep_learning.numpy_rnn import NumpyRNN

if TYPE_CHECKING:
    from lxmls_rnn.deep_learning.theano_lstm import LSTM
    from lxmls_rnn.deep_learning.theano_rnn import RNN

# class name: the module that defines it
MODELS = {
    "NumpyRNN": "numpy_rnn",
    "NumpyLSTM": "numpy_lstm",
    "RNN": "theano_rnn",
    "LSTM": "theano_lstm",
    "FastRNN": "theano_fast",
    "FastLSTM": "theano_fast",
}

__all__ = [
    "LSTM",
    "RNN",
    "NumpyLSTM",
    "NumpyRNN",
    "check_name",
    "device_of",
    "device_until_made",
    "model_class",
    "numpy_class",
    "reset_model",
]


def check_name(name: str) -> str:
    """Return `name` if it is in `MODELS`, else raise ValueError."""
    if name not in MODELS:
        raise ValueError(f"model must be one of {', '.join(MODELS)}, got {name!r}")
    return name


def model_class(name: str) -> Any:
    """Return the model class of a name in `MODELS`; ValueError for another name."""
    return getattr(importlib.import_module(f"lxmls_rnn.deep_learning.{MODELS[check_name(name)]}"), name)


def numpy_class(name: str) -> Any:
    """Return the NumPy class of a model's family, which can take its numbers without Theano; errors as `check_name`."""
    return NumpyLSTM if check_name(name).endswith("LSTM") else NumpyRNN


def device_of(name: str) -> str:
    """Return a sentence about what a model computes on, proved by a shared variable; imports Theano for its models."""
    if name.startswith("Numpy"):
        return "NumPy computes on the CPU."
    from lxmls_rnn import theano_env

    used = theano_env.device_used()
    if used != "cpu":
        return device.choose(used).sentence
    choice = device.choose()
    return choice.sentence if choice.device == "cpu" else "Theano uses the CPU."


def device_until_made(name: str) -> str:
    """Return what can be said of the device before there is a model, without importing Theano for it."""
    if name.startswith("Numpy"):
        return "NumPy computes on the CPU."
    if "theano" in sys.modules:
        return ""
    found = device.choose().device or "a device that is not there"
    return f"Theano is set to use {found}; which device it really uses is known when the model is made."


def reset_model(model: Any, seed: int | None = None) -> Any:
    """Return a new, untrained model of the class, sizes, activation and dtype of `model`.

    Its parameters are drawn as at construction, the embeddings too.
    """
    return type(model)(*model.sizes, seed=seed, activation=model.activation, dtype=model.dtype)


def __getattr__(name: str) -> Any:
    if name in MODELS:
        return model_class(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
