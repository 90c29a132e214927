"""Base classes of models without a pass, for a student's process: those in Theano, and those of the guide of 2026."""

from typing import Any

from lxmls_rnn.classroom import stand_in
from lxmls_rnn.deep_learning import parameters


def library_class(name: str) -> Any:
    """Return a base class by its name."""
    return __getattr__(name)


class _GuideRNN:
    def __init__(self, **config: Any) -> None:
        self.config: dict[str, Any] = config
        self.parameters: list[Any] = []
        if __name__.split(".")[-2] == "pytorch_models":
            import torch

            self.parameters = [torch.zeros(0, requires_grad=True) for _ in range(4)]


def __getattr__(name: str) -> Any:
    if name in ("NumpyRNN", "PytorchRNN") and "_models." in __name__:
        return _GuideRNN
    if name not in ("RNN", "LSTM"):
        return stand_in.__getattr__(name)
    from lxmls_rnn.deep_learning.theano_parameters import SharedParameters

    bases = (SharedParameters,) if name == "RNN" else (parameters.LSTMOptions, SharedParameters)
    return globals().setdefault(name, type(name, bases, {}))
