"""The table of models. A framework is imported only when the class of a model that needs it is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypeVar, cast

import numpy as np

from lxmls_rnn import device
from lxmls_rnn.deep_learning.activations import OF_FAST_TORCH, OF_LSTM, OF_RNN
from lxmls_rnn.deep_learning.frameworks import FRAMEWORKS, THEANO, Framework
from lxmls_rnn.deep_learning.parameters import Model, Sizes, check_choice, check_values

if TYPE_CHECKING:
    from lxmls_rnn.deep_learning.numpy_rnn import NumpyRNN


class Entry(NamedTuple):
    """Description of a model, available without importing it."""

    module: str  # of this package
    family: str  # 'RNN' or 'LSTM'; models of one family compute the same from the same parameters
    backend: str  # in `FRAMEWORKS`
    title: str  # for users
    peephole_options: tuple[bool, ...] = (True, False)  # of an LSTM
    rnn_activations: tuple[str, ...] = OF_RNN  # of an RNN

    @property
    def framework(self) -> Framework:
        """The framework that computes the model."""
        return FRAMEWORKS[self.backend]

    @property
    def activations(self) -> tuple[str, ...]:
        """The names of the activations that the model has, in `ACTIVATIONS`; the first is the default."""
        return OF_LSTM if self.family == "LSTM" else self.rnn_activations

    @property
    def label(self) -> str:
        """The title; if the framework is missing, also the command that installs it."""
        return f"{self.title}; needs {self.framework.remedy}" if self.framework.missing else self.title


M = TypeVar("M", bound=Model)

MODELS = {
    "NumpyRNN": Entry("numpy_rnn", "RNN", "numpy", "RNN in NumPy"),
    "NumpyLSTM": Entry("numpy_lstm", "LSTM", "numpy", "LSTM in NumPy"),
    "RNN": Entry("theano_rnn", "RNN", "scan", "RNN with scan"),
    "LSTM": Entry("theano_lstm", "LSTM", "scan", "LSTM with scan"),
    "FastRNN": Entry("theano_fast", "RNN", "fused", "RNN, fused layer"),
    "FastLSTM": Entry("theano_fast", "LSTM", "fused", "LSTM, fused layer"),
    "TorchRNN": Entry("torch_rnn", "RNN", "torch", "RNN in PyTorch"),
    "TorchLSTM": Entry("torch_lstm", "LSTM", "torch", "LSTM in PyTorch"),
    "FastTorchRNN": Entry("torch_fast", "RNN", "torch-fused", "RNN, nn.RNN", rnn_activations=OF_FAST_TORCH),
    "FastTorchLSTM": Entry("torch_fast", "LSTM", "torch-fused", "LSTM, nn.LSTM", (False,)),
}


def check_model_name(name: str) -> str:
    """Return `name` if it is in `MODELS`, else raise ValueError."""
    return check_choice("model", name, MODELS)


def model_class(name: str) -> type[Model]:
    """Return the model class of a name in `MODELS`, or its replacement (`replace`); errors as `library_class`."""
    return own[0] if (own := _replaced.get(name)) else library_class(name)


def activations_of(name: str) -> tuple[str, ...]:
    """Return the activations of a name in `MODELS`, or of its replacement, without importing its framework.

    The first is the default. ValueError as `check_model_name`.
    """
    model = own[0] if (own := _replaced.get(name)) else MODELS[check_model_name(name)]
    return tuple(model.activations)


def available() -> list[str]:
    """Return the names in `MODELS` whose framework is installed."""
    return [name for name, model in MODELS.items() if not model.framework.missing]


def library_class(name: str) -> type[Model]:
    """Return the library's own class of a name in `MODELS`, even if it is replaced.

    ValueError for another name; RuntimeError if its framework is missing.
    """
    if missing := MODELS[check_model_name(name)].framework.missing:
        raise RuntimeError(f"the model {name} is unavailable: {missing}")
    return getattr(importlib.import_module(f"lxmls_rnn.deep_learning.{MODELS[name].module}"), name)


def numpy_class(name: str) -> type[NumpyRNN]:
    """Return the NumPy class of a model's family, which accepts its parameters without Theano.

    ValueError as `check_model_name`.
    """
    return cast("type[NumpyRNN]", model_class(name_of(MODELS[check_model_name(name)].family, "numpy")))


_replaced: dict[str, tuple[type[Model], str]] = {}  # by model name: the replacement and its description


def replace(name: str | None, cls: type[Model] = Model, what: str = "") -> None:
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
    """Return a sentence that names the device of a model, verified by an array; imports its framework if needed."""
    passes = f" The passes are those of {own[1]}." if (own := _replaced.get(name)) else ""
    return _device_of(name) + passes


def _device_of(name: str) -> str:
    if MODELS[name].backend == "numpy":
        return "NumPy computes on the CPU."
    if MODELS[name].framework is not THEANO:
        return str(library_class(name).device_in_words())
    from lxmls_rnn.device.in_use import device_used

    used = device_used()
    if used != "cpu":
        return device.choose(used).sentence
    choice = device.choose()
    return choice.sentence if choice.device == "cpu" else "Theano uses the CPU."


def reset_model(model: M, seed: int | None = None) -> M:
    """Return an untrained model with the class, sizes and options of `model`; all its parameters are drawn."""
    return type(model)(*model.sizes, seed=seed, **model.options)


def build(model_class: type[M], sizes: Sizes, values: Mapping[str, np.ndarray], activation: str, dtype: str) -> M:
    """Build a model from copies of the given parameters; errors as in `check_values`.

    An LSTM has peepholes if `values` has a W_c.
    """
    model = model_class.__new__(model_class)
    model.shapes = partial(model_class.shapes, peepholes="W_c" in values)
    check_values(model.shapes(sizes), values)
    model._set_up(sizes, values, activation, dtype)
    return model


def convert(model: Model, model_class: type[M]) -> M:
    """Return a model of another class of the same family with the same parameters, e.g. a NumpyRNN from an RNN."""
    return build(model_class, model.sizes, model.get_values(), model.activation, model.dtype)
