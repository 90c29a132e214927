"""Adapter, at the path from which the lab guide imports: its models, and two functions for its loss curve."""

from __future__ import annotations

from lxmls_rnn.deep_learning.guide import get_rnn_loss_range as get_rnn_loss_range
from lxmls_rnn.deep_learning.guide import get_rnn_parameter_handlers as get_rnn_parameter_handlers
from lxmls_rnn.deep_learning.models import MODELS, library_class
from lxmls_rnn.deep_learning.numpy_lstm import NumpyLSTM as NumpyLSTM
from lxmls_rnn.deep_learning.numpy_rnn import NumpyRNN as NumpyRNN
from lxmls_rnn.deep_learning.parameters import Model


def __getattr__(name: str) -> type[Model]:
    """Return a model's class; its framework is imported with its first use."""
    if name in MODELS:
        return library_class(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
