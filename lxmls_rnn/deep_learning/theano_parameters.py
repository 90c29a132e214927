"""Parameters of a tagger in Theano, as shared variables; no pass, so that students' code can be marked with it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from lxmls_rnn import theano_env  # noqa: F401  refuses a stock Theano, so it comes first
from lxmls_rnn.deep_learning import parameters
from lxmls_rnn.deep_learning.frameworks import THEANO

import theano  # isort: skip


class SharedParameters(parameters.RNNOptions):
    """Base of the models in Theano: `param` holds shared variables, [W_e, W_x, W_h, W_y]."""

    framework = THEANO

    def __init__(
        self, *sizes: npt.ArrayLike, seed: int | None = None, activation: str | None = None, dtype: str | None = None
    ) -> None:
        super().__init__(*sizes, seed=seed, activation=activation, dtype=dtype or theano.config.floatX)

    def _set_up(
        self, sizes: parameters.Sizes, values: dict[str, np.ndarray], activation: str | None, dtype: str
    ) -> None:
        self.sizes, self.dtype = sizes, dtype
        self.activation = parameters.check_activation(activation, self.activations)
        self.param = self.param_type(
            theano.shared(np.array(values[name], dtype, order="F" if name == "W_e" else "C"), name=name, borrow=True)
            for name in self.shapes(sizes)
        )

    def get_values(self) -> dict[str, np.ndarray]:
        """Return copies of the parameters by name."""
        return {W.name: W.get_value() for W in self.param}

    def _place(self, values: Mapping[str, np.ndarray]) -> None:
        """Overwrite the parameters."""
        for W in self.param:
            W.set_value(np.array(values[W.name], self.dtype, order="F" if W.name == "W_e" else "C"), borrow=True)
