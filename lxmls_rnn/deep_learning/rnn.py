"""The public names of the taggers. Theano is imported only when a name that needs it is used."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from lxmls_rnn import device
from lxmls_rnn.deep_learning.guide import get_rnn_loss_range, get_rnn_parameter_handlers
from lxmls_rnn.deep_learning.numpy_lstm import NumpyLSTM
from lxmls_rnn.deep_learning.numpy_rnn import NumpyRNN

if TYPE_CHECKING:
    from lxmls_rnn.deep_learning.theano_lstm import LSTM
    from lxmls_rnn.deep_learning.theano_rnn import RNN


class Entry(NamedTuple):
    """Description of a model, available without importing it."""

    module: str  # of this package
    family: str  # 'RNN' or 'LSTM'; models of one family compute the same from the same parameters
    backend: str  # 'numpy'; in Theano 'scan' or 'fused'
    title: str  # for users

    @property
    def in_theano(self) -> bool:
        """Whether the model computes in Theano, which compiles it."""
        return self.backend != "numpy"


MODELS = {
    "NumpyRNN": Entry("numpy_rnn", "RNN", "numpy", "RNN in NumPy"),
    "NumpyLSTM": Entry("numpy_lstm", "LSTM", "numpy", "LSTM in NumPy"),
    "RNN": Entry("theano_rnn", "RNN", "scan", "RNN with scan"),
    "LSTM": Entry("theano_lstm", "LSTM", "scan", "LSTM with scan"),
    "FastRNN": Entry("theano_fast", "RNN", "fused", "RNN, fused layer"),
    "FastLSTM": Entry("theano_fast", "LSTM", "fused", "LSTM, fused layer"),
}

__all__ = [
    "LSTM",
    "RNN",
    "NumpyLSTM",
    "NumpyRNN",
    "check_model_name",
    "device_of",
    "get_rnn_loss_range",
    "get_rnn_parameter_handlers",
    "library_class",
    "model_class",
    "name_of",
    "numpy_class",
    "planned_device",
    "replace",
    "reset_model",
]


def check_model_name(name: str) -> str:
    """Return `name` if it is in `MODELS`, else raise ValueError."""
    if name not in MODELS:
        raise ValueError(f"model must be one of {', '.join(MODELS)}, got {name!r}")
    return name


def model_class(name: str) -> Any:
    """Return the model class of a name in `MODELS`, or its replacement (`replace`); ValueError for another name."""
    return _replaced[name][0] if name in _replaced else library_class(name)


def library_class(name: str) -> Any:
    """Return the library's own class of a name in `MODELS`, even if it is replaced; ValueError for another name."""
    return getattr(importlib.import_module(f"lxmls_rnn.deep_learning.{MODELS[check_model_name(name)].module}"), name)


def numpy_class(name: str) -> Any:
    """Return the NumPy class of a model's family, which accepts its parameters without Theano.

    ValueError as `check_model_name`.
    """
    return model_class(name_of(MODELS[check_model_name(name)].family, "numpy"))


_replaced: dict[str, tuple[Any, str]] = {}  # by model name: the replacement and its description


def replace(name: str | None, cls: Any = None, what: str = "") -> None:
    """Replace a model in this process: `model_class` returns another class for its name.

    Parameters
    ----------
    name
        Name in `MODELS`; None undoes all replacements.
    cls
        Subclass of the model, with the same name.
    what
        Description of the class's passes, for `device_of`.
    """
    if name is None:
        _replaced.clear()
    else:
        _replaced[check_model_name(name)] = cls, what


def name_of(family: str, backend: str) -> str:
    """Return the name in `MODELS` of the model with this family and backend."""
    return next(name for name, model in MODELS.items() if (model.family, model.backend) == (family, backend))


def device_of(name: str) -> str:
    """Return a sentence that names the device of a model, verified by a shared variable; imports Theano if needed."""
    own = f" The passes are those of {_replaced[name][1]}." if name in _replaced else ""
    return _device_of(name) + own


def _device_of(name: str) -> str:
    if not MODELS[name].in_theano:
        return "NumPy computes on the CPU."
    from lxmls_rnn import theano_env

    used = theano_env.device_used()
    if used != "cpu":
        return device.choose(used).sentence
    choice = device.choose()
    return choice.sentence if choice.device == "cpu" else "Theano uses the CPU."


def planned_device(name: str) -> str:
    """Return a sentence about the device that a model will use, without importing Theano; empty once it is imported."""
    if not MODELS[name].in_theano:
        return "NumPy computes on the CPU."
    if "theano" in sys.modules:
        return ""
    found = device.choose().device or "an unavailable device"
    return f"Theano is set to use {found}; the device that it really uses is known when the model is built."


def reset_model(model: Any, seed: int | None = None) -> Any:
    """Return an untrained model with the class, sizes and options of `model`; all its parameters are drawn."""
    return type(model)(*model.sizes, seed=seed, **model.options)


def __getattr__(name: str) -> Any:
    if name in MODELS:
        return library_class(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
