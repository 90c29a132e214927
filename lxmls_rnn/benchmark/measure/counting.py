r"""Arithmetic operations and memory traffic of a case.

With E, H, K the sizes of embedding, hidden layer and tag set, N = batch * length words, and g the rows of the recurrent
layer's matrices in units of H (RNN: 1; LSTM: 4, and with peepholes 3 more that look at the cell):

    M       = g E H + g H H [+ 3 H H] + H K             numbers in the matrices W_x, W_h, [W_c,] W_y

Floating point operations, products of matrices only, a multiplication and an addition each; activations and sums, of
order N H, are left out, as is usual:

    forward   2 N M                                     each word goes through each matrix once
    backward  6 N M                                     forward, and twice as much: the gradient w.r.t. the input
                                                        of each product, and w.r.t. the matrix
    step      6 N M + 2 M + 2 N E                       and W - rate * gradient, for the embeddings in use too
    copy      0

Bytes, with s the size of a number: the least traffic between memory and processor. The caches are empty at the start
and hold everything that has been read since. Word and tag ids have 4 bytes.

    forward   s (M + N E + N K) + 4 N                   read matrices, embeddings and ids, write probabilities
    backward  s (3 M + 3 N E + 2 N A + N) + 8 N         read matrices twice and write gradients; read, keep and read
                                                        embeddings as below; write and read activations; weights
    step      s (6 M + 5 N E + 2 N A + N) + 8 N         and read gradient and matrix, write the matrix; read and
                                                        write the embeddings in use
    copy      s (N + N K) + 8 N                         over the bus: ids and weights there, probabilities back

backward's three N E are the embeddings, read once in each direction, and the gradient w.r.t. them, written. A = H for
the RNN (its states), 6 H for the LSTM (states, cells, four gates).
"""

from __future__ import annotations

from dataclasses import dataclass

from lxmls_rnn.benchmark.measure.cases import Case
from lxmls_rnn.memory import ITEM_BYTES

# larger cases are checked on a few words only, so that the reference takes a small share of the running time
CHECKED_FLOPS = 4e9


@dataclass(frozen=True)
class Count:
    """Flops and bytes of main memory traffic of one call."""

    flops: int
    bytes: int


def matrix_numbers(case: Case) -> int:
    """Return M, the number of entries in the matrices that each word is multiplied with."""
    E, H, K = case.n_emb, case.n_hidd, case.n_tags
    gates = 4 if case.layer == "lstm" else 1
    return gates * (E * H + H * H) + (3 * H * H if case.peepholes else 0) + H * K


def activation_numbers(case: Case) -> int:
    """Return A, the number of values per word that the recurrent layer keeps for the backward pass."""
    return case.n_hidd * (6 if case.layer == "lstm" else 1)


def count(case: Case) -> Count:
    """Return the operations and bytes of a case, by the formulas of this module."""
    N, s = case.batch * case.length, ITEM_BYTES[case.dtype]
    M, A, NE = matrix_numbers(case), activation_numbers(case), case.batch * case.length * case.n_emb
    flops = {"forward": 2 * N * M, "backward": 6 * N * M, "step": 6 * N * M + 2 * M + 2 * NE, "copy": 0}[case.work]
    traffic = {
        "forward": s * (M + NE + N * case.n_tags) + 4 * N,
        "backward": s * (3 * M + 3 * NE + 2 * N * A + N) + 8 * N,
        "step": s * (6 * M + 5 * NE + 2 * N * A + N) + 8 * N,
        "copy": s * (N + N * case.n_tags) + 8 * N,
    }[case.work]
    return Count(flops, traffic)


def memory(case: Case) -> int:
    """Estimate the bytes that a worker needs for a case: parameters, gradients, activations, the reference.

    Parameters are held four times (initial values, the model's, gradients, a result to compare) and twice more in
    float64, activations three times.
    """
    s = ITEM_BYTES[case.dtype]
    parameters = matrix_numbers(case) + case.n_emb * case.n_words
    activations = case.batch * case.length * (activation_numbers(case) * 3 + 3 * case.n_emb)
    return parameters * (4 * s + 16) + activations * s


def checked_part(case: Case) -> tuple[int, int]:
    """Return how many sentences, and how many words of each, are compared with the reference before timing."""
    if 6 * case.batch * case.length * matrix_numbers(case) <= CHECKED_FLOPS:
        return case.batch, case.length
    return min(case.batch, 2), min(case.length, 3)


@dataclass(frozen=True)
class Peak:
    """The measured peak of a device: a product of large matrices in flop/s, a copy in bytes/s.

    `cache` is the size in bytes of the processor's last-level cache; 0 if it is unknown or the device is a GPU.
    """

    flops: float
    bytes: float
    cache: int = 0


def share_of_bound(case: Case, seconds: float, peak: Peak) -> float:
    """Return the least time that the device needs, by arithmetic or by bandwidth, divided by the time taken.

    Bandwidth counts only where the bytes do not fit into the cache.
    """
    counted = count(case)
    bounds = [counted.flops / peak.flops]
    if counted.bytes > peak.cache:
        bounds.append(counted.bytes / peak.bytes)
    return max(bounds) / seconds
