"""Initialisation of parameters: as the lab guide draws them, or so that signals keep their size."""

from __future__ import annotations

import numpy as np

from lxmls_rnn import memory
from lxmls_rnn.deep_learning.interface import Model

INITS = ("uniform01", "glorot", "orthogonal")


def check_init(name: str) -> str:
    """Return `name` if parameters can begin so, else raise ValueError."""
    if name not in INITS:
        raise ValueError(f"init must be one of {', '.join(INITS)}, got {name!r}")
    return name


def initialise(model: Model, init: str, seed: int | None = None, keep_embeddings: bool = False) -> None:
    """Draw the parameters of a model anew, in place.

    Parameters
    ----------
    model
        Any tagger.
    init
        'uniform01' leaves them as the constructor has drawn them, like the lab guide: between 0 and 1. 'glorot' draws
        each matrix uniformly from -r to r, r = sqrt(6 / (rows + columns)), so that neither states nor gradients grow or
        fade at first (Glorot & Bengio 2010); a gate of an LSTM is a matrix of its own, and of W_e one column is in use,
        so it counts as one. 'orthogonal' does so too, but for W_h and W_c, whose gates are random orthogonal matrices:
        they keep the length of what they multiply (Saxe, McClelland & Ganguli 2014).
    seed
        Of the numbers; None draws differently each time.
    keep_embeddings
        Leave W_e as it is.

    Raises
    ------
    ValueError
        There is no such `init`.
    MemoryError
        A copy of the parameters, and what is drawn, do not fit into memory.
    """
    if check_init(init) == "uniform01":
        return
    H, shapes = model.sizes.n_hidd, model.shapes(model.sizes).values()
    # a QR decomposition has its matrix, both factors and copies
    takes = [5 * memory.size_of([(H, H)], "float64") if init == "orthogonal" else 0]
    takes += [memory.size_of([shape], "float64") for shape in shapes]
    memory.check(f"drawing with init {init}", memory.size_of(shapes, model.dtype) + max(takes))
    rng, values = np.random.RandomState(seed), model.get_values()
    for name, W in values.items():
        rows, columns = W.shape
        if name == "W_e":
            drawn = _uniform(rng, rows, columns, 6 / (rows + 1))
            W[...] = W if keep_embeddings else drawn
        elif name == "W_y":
            W[...] = _uniform(rng, rows, columns, 6 / (rows + columns))
        else:
            for gate in range(0, rows, H):
                square = init == "orthogonal" and name in ("W_h", "W_c")
                W[gate : gate + H] = _orthogonal(rng, H) if square else _uniform(rng, H, columns, 6 / (H + columns))
    model.set_values(values)


def _uniform(rng: np.random.RandomState, rows: int, columns: int, squared: float) -> np.ndarray:
    return rng.uniform(-1, 1, (rows, columns)) * squared**0.5


def _orthogonal(rng: np.random.RandomState, n: int) -> np.ndarray:
    q, r = np.linalg.qr(rng.normal(size=(n, n)))
    return q * np.sign(np.diag(r))  # else not all orthogonal matrices are as likely
