"""Arrays of the NumPy taggers: one column per step of a sentence, (n, L), or of a padded batch, (n, B, L), time last.

They are in Fortran order, so that the column of each step is contiguous.
"""

import numpy as np


def zeros(n: int, z: np.ndarray, before: int = 0) -> np.ndarray:
    """Return zeros for the steps of `z` and `before` earlier ones, (n, [B,] before + L)."""
    return np.zeros((n, *z.shape[1:-1], before + z.shape[-1]), z.dtype, order="F")


def columns(a: np.ndarray) -> np.ndarray:
    """Return the columns of all steps and sentences as one matrix: (n, [B,] L) -> (n, steps)."""
    return a.reshape(len(a), -1, order="F")


def flat(ids: np.ndarray) -> np.ndarray:
    """Return ids or weights in the order of `columns`: ([B,] L) -> (steps,)."""
    return ids.reshape(-1, order="F")


def entries(ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the index that finds row ids[t] of each column t in `columns`; ids is ([B,] L)."""
    return flat(ids), np.arange(ids.size)


def lookup(W: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Return the column of W of every id: (n, n_words) and ([B,] L) -> (n, [B,] L)."""
    return W.T[ids.T].T


def linear(W: np.ndarray, a: np.ndarray) -> np.ndarray:
    """Return W a for every column: (m, n) and (n, [B,] L) -> (m, [B,] L)."""
    return columns(a).T.dot(W.T).T.reshape(len(W), *a.shape[1:], order="F")


def outer(e: np.ndarray, a: np.ndarray) -> np.ndarray:
    """Return the sum of e a^T over all columns, a matrix's gradient: (m, [B,] L) and (n, [B,] L) -> (m, n)."""
    return columns(e).dot(columns(a).T)


def sum_by_word(words: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct ids of `words`, (N,), and for each of them the sum of its `rows`, (N, n)."""
    order = np.argsort(words, kind="stable")
    words = words[order]
    first = np.ones(len(words), bool)
    np.not_equal(words[1:], words[:-1], out=first[1:])
    return words[first], np.add.reduceat(rows[order], np.flatnonzero(first), axis=0)
