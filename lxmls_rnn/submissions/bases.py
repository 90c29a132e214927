"""The module `lxmls_rnn.deep_learning.rnn` of a student's process: base classes of models in Theano, without a pass."""

from typing import Any

from lxmls_rnn.deep_learning import parameters
from lxmls_rnn.submissions import stand_in


def library_class(name: str) -> Any:
    """Return a base class by its name."""
    return __getattr__(name)


def __getattr__(name: str) -> Any:
    if name not in ("RNN", "LSTM"):
        return stand_in.__getattr__(name)
    from lxmls_rnn.deep_learning.theano_parameters import SharedParameters

    bases = (SharedParameters,) if name == "RNN" else (parameters.LSTMOptions, SharedParameters)
    return globals().setdefault(name, type(name, bases, {}))
