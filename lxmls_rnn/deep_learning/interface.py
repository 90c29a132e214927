"""The interface of a model and of a sentence that training, evaluation and files need."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from lxmls_rnn.deep_learning.frameworks import Framework
from lxmls_rnn.deep_learning.parameters import RNNParameters, Shapes, Sizes
from lxmls_rnn.sequences.sequence_list import Ids


class Sentence(Protocol):
    """Word ids and gold tag ids, (L,)."""

    x: Ids
    y: Ids


class Model(Protocol):
    """A tagger: a class of `rnn.MODELS` or a subclass of one."""

    framework: Framework
    activations: tuple[str, ...]
    sizes: Sizes
    activation: str
    dtype: str

    @property
    def options(self) -> dict[str, Any]: ...
    @property
    def shapes(self) -> Shapes: ...
    @property
    def param(self) -> RNNParameters: ...
    def forward(self, x: npt.ArrayLike) -> Any: ...
    def grads(self, x: npt.ArrayLike, y: npt.ArrayLike) -> list[np.ndarray]: ...
    def quantities(self, x: npt.ArrayLike, y: npt.ArrayLike) -> dict[str, np.ndarray]: ...
    def get_values(self) -> dict[str, np.ndarray]: ...
    def set_values(self, values: Mapping[str, np.ndarray]) -> None: ...
