"""Initialisation of parameters: the lab guide's, Glorot's, or with orthogonal recurrent matrices."""

from __future__ import annotations

import numpy as np

from lxmls_rnn import memory
from lxmls_rnn.deep_learning.parameters import Model, check_choice

INITS = ("uniform01", "glorot", "orthogonal")


def initialise(model: Model, init: str, seed: int | None = None, keep_embeddings: bool = False) -> None:
    """Draw the parameters of a model again, in place.

    Parameters
    ----------
    model
        Any tagger.
    init
        'uniform01' keeps the parameters that the constructor drew, between 0 and 1 as in the lab guide. 'glorot' draws
        each matrix uniformly from -r to r, r = sqrt(6 / (rows + columns)), so that states and gradients neither grow
        nor vanish at first (Glorot & Bengio 2010). Each gate of an LSTM counts as a matrix, and W_e as a matrix with
        one column, because a word uses one. 'orthogonal' is 'glorot' except that each gate of W_h and W_c is a random
        orthogonal matrix, which keeps the norm of the vector that it multiplies (Saxe, McClelland & Ganguli 2014).
    seed
        Seed of the generator; None draws differently each time.
    keep_embeddings
        Do not change W_e.

    Raises
    ------
    ValueError
        `init` is unknown.
    MemoryError
        A copy of the parameters and the drawn numbers do not fit into memory.
    """
    if check_choice("init", init, INITS) == "uniform01":
        return
    H, shapes = model.sizes.n_hidd, model.shapes(model.sizes).values()
    # a QR decomposition holds its matrix, both factors and copies
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
    return q * np.sign(np.diag(r))  # without the signs the distribution would not be uniform
