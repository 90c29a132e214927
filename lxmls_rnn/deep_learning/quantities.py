"""Names and order of the quantities that a model returns, and the errors that automatic differentiation leaves out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

# of both passes, in the order of the computation; b to c and e_c are those of an LSTM
QUANTITIES = ("z", "a", "b", "i", "f", "g", "o", "c", "h", "y", "p", "e_y", "e_h", "e_c", "e_a", "e_z")


def in_order(values: Mapping[str, np.ndarray], gradients: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return quantities in the order of `QUANTITIES`, then the gradients by parameter."""
    return {**{name: values[name] for name in QUANTITIES if name in values}, **gradients}


def from_rows(
    rows: Mapping[str, np.ndarray], gradients: Mapping[str, np.ndarray], W_h: np.ndarray
) -> dict[str, np.ndarray]:
    """Return the quantities of a model whose framework differentiates, in the form of `NumpyRNN.quantities`.

    Parameters
    ----------
    rows
        Quantities by name, (L, n). A framework returns, as the error of the states h, only the part from the outputs,
        because h_t enters the later steps inside its layer.
    gradients
        The gradient of every parameter.
    W_h
        The recurrent matrix, which adds the part from the later steps, W_h^T e_a_{t+1}.
    """
    e_h = rows["e_h"].copy()
    e_h[:-1] += rows["e_a"][1:] @ W_h
    return in_order({name: values.T for name, values in {**rows, "e_h": e_h}.items()}, gradients)
