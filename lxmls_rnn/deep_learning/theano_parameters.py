"""Parameters of a tagger in Theano, as shared variables; no pass, so that students' code can be marked with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from lxmls_rnn import theano_env  # noqa: F401  refuses a stock Theano, so it comes first
from lxmls_rnn.deep_learning import parameters
from lxmls_rnn.deep_learning.frameworks import THEANO

import theano  # isort: skip


class SharedParameters(parameters.Model):
    """Base of the models in Theano: `param` holds shared variables, [W_e, W_x, W_h, W_y]."""

    framework = THEANO

    def __init__(self, *sizes: npt.ArrayLike, dtype: str | None = None, **options: Any) -> None:
        super().__init__(*sizes, dtype=dtype or theano.config.floatX, **options)

    def _create(self, values: Mapping[str, np.ndarray]) -> None:
        named = zip(self.shapes(self.sizes), self._copies(values), strict=True)
        self.param = self.param_type(theano.shared(W, name=name, borrow=True) for name, W in named)

    def get_values(self) -> dict[str, np.ndarray]:
        """Return copies of the parameters by name."""
        return {W.name: W.get_value() for W in self.param}

    def _place(self, values: Mapping[str, np.ndarray]) -> None:
        """Overwrite the parameters."""
        for W, value in zip(self.param, self._copies(values), strict=True):
            W.set_value(value, borrow=True)
