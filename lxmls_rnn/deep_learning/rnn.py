"""The public names of the taggers. Theano is imported only when a name that needs it is used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

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

__all__ = ["LSTM", "RNN", "NumpyLSTM", "NumpyRNN", "check_name", "model_class", "numpy_class", "reset_model"]


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


def reset_model(model: Any, seed: int | None = None) -> Any:
    """Return a new, untrained model of the class, sizes, activation and dtype of `model`.

    Its parameters are drawn as at construction, the embeddings too.
    """
    return type(model)(*model.sizes, seed=seed, activation=model.activation, dtype=model.dtype)


def __getattr__(name: str) -> Any:
    if name in MODELS:
        return model_class(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
