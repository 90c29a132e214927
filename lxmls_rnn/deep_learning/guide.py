"""The interface of the current lab guide: the base of its models, and the loss as a function of one weight.

The school's toolkit of 2025 has a row of W_e per word, and a row of each quantity per step; the library has columns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

import numpy as np

from lxmls_rnn.deep_learning import numpy_rnn

TOOLKIT_SEED = 1234  # of the toolkit's initial parameters
LOSS_RANGE_POINTS = 200

Arrays = list[np.ndarray]  # parameters, or their gradients
Get = Callable[[Arrays], float]
Set = Callable[[Arrays, float], Arrays]


class GuideRNN:
    """Base of the guide's models, with the toolkit's initial parameters; ValueError for an invalid size.

    Attributes
    ----------
    config
        The arguments of the constructor; `update` reads the learning rate here.
    parameters
        List of W_e (input_size, embedding_size), W_x (hidden_size, embedding_size), W_h (hidden_size, hidden_size) and
        W_y (output_size, hidden_size); the list and its items may be replaced.
    """

    cross_entropy_loss: Callable[..., float]  # of a sentence, of each framework

    def __init__(
        self, *, input_size: int, embedding_size: int, hidden_size: int, output_size: int, learning_rate: float
    ) -> None:
        sizes = {"input_size": input_size, "embedding_size": embedding_size}
        sizes |= {"hidden_size": hidden_size, "output_size": output_size}
        self.config: dict[str, Any] = {**sizes, "learning_rate": learning_rate}
        self._model = numpy_rnn.NumpyRNN(*sizes.values(), seed=TOOLKIT_SEED)
        W_e, *others = self._model.param
        # the toolkit fills W_e with the same numbers in the same order, but in its own shape
        self.parameters: list[Any] = [W_e.ravel().reshape(W_e.T.shape), *others]


def get_rnn_parameter_handlers(layer_index: int, row: int, column: int) -> tuple[Get, Set]:
    """Return functions for one weight: get(parameters) or get(gradients), and set(parameters, value).

    The second function changes the array in place and returns `parameters`.
    """

    def get_parameter(parameters: Arrays) -> float:
        return parameters[layer_index][row, column]

    def set_parameter(parameters: Arrays, value: float) -> Arrays:
        parameters[layer_index][row, column] = value
        return parameters

    return get_parameter, set_parameter


def get_rnn_loss_range(
    model: GuideRNN, get_parameter: Get, set_parameter: Set, batch: Mapping[str, np.ndarray], span: float = 10
) -> tuple[np.ndarray, list[float]]:
    """Return values of one weight, up to `span` from the current one, and the loss of a sentence for each of them.

    `get_parameter` and `set_parameter` come from `get_rnn_parameter_handlers`. The model does not change.
    """
    kept, changed = model.parameters, deepcopy(model.parameters)
    weight_range = float(get_parameter(changed)) + np.linspace(-span, span, LOSS_RANGE_POINTS)
    loss_range = []
    try:
        for value in weight_range:
            model.parameters = set_parameter(changed, value)
            loss_range.append(model.cross_entropy_loss(batch["input"], batch["output"]))
    finally:
        model.parameters = kept
    return weight_range, loss_range
