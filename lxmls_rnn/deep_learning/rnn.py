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

__all__ = ["LSTM", "RNN", "NumpyLSTM", "NumpyRNN", "model_class", "reset_model"]


def model_class(name: str) -> Any:
    """Return the model class of a name in `MODELS`; ValueError for another name."""
    if name not in MODELS:
        raise ValueError(f"model must be one of {', '.join(MODELS)}, got {name!r}")
    return getattr(importlib.import_module(f"lxmls_rnn.deep_learning.{MODELS[name]}"), name)


def reset_model(model: Any, seed: int | None = None) -> Any:
    """Return a new, untrained model of the class, sizes, activation and dtype of `model`.

    Its parameters are drawn as at construction, the embeddings too.
    """
    return type(model)(*model.sizes, seed=seed, activation=model.activation, dtype=model.dtype)


def __getattr__(name: str) -> Any:
    if name in MODELS:
        return model_class(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
