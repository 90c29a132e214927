r"""Arithmetic operations and memory traffic of a case.

With E, H, K the sizes of embedding, hidden layer and tag set, N = batch * length words, and g the rows of the recurrent
layer's matrices in units of H (RNN: 1; LSTM: 4, and with peepholes 3 more that look at the cell):

    M       = g E H + g H H [+ 3 H H] + H K             numbers in the matrices W_x, W_h, [W_c,] W_y

Floating point operations, products of matrices only, a multiplication and an addition each; the activations and sums,
of order N H, are left out, as is usual:

    forward   2 N M                                     each word goes through each matrix once
    backward  6 N M                                     forward, and twice as much: the error of what a matrix was
                                                        multiplied with, and the gradient of the matrix
    step      6 N M + 2 M + 2 N E                       and W - rate * gradient, for the embeddings in use too

Bytes, with s the size of a number: what has to go between memory and processor at least, when caches hold nothing at
the start and everything between. Word and tag ids have 4 bytes.

    forward   s (M + N E + N K) + 4 N                   read matrices, embeddings and ids, write probabilities
    backward  s (3 M + 3 N E + 2 N A + N) + 8 N         read matrices twice and write gradients; read, keep and read
                                                        embeddings as below; write and read activations; weights
    step      s (6 M + 5 N E + 2 N A + N) + 8 N         and read gradient and matrix, write the matrix; read and
                                                        write the embeddings in use

where backward's three N E are the embeddings, read once in each direction, and their errors, written; A = H for the RNN
(its states), 6 H for the LSTM (states, cells, four gates).
"""

from __future__ import annotations

from dataclasses import dataclass

from lxmls_rnn.benchmark.measure.cases import Case
from lxmls_rnn.memory import SIZE

# the reference's share of the running time is kept small: larger work is checked on a few words
CHECKED_FLOPS = 4e9


@dataclass(frozen=True)
class Count:
    """Flops, and bytes of main memory traffic, of one call; and bytes that go to the device and back."""

    flops: int
    bytes: int
    to_device: int
    from_device: int


def matrix_numbers(case: Case) -> int:
    """Return M, the numbers in the matrices that each word goes through."""
    E, H, K = case.n_emb, case.n_hidd, case.n_tags
    gates = 4 if case.layer == "lstm" else 1
    return gates * (E * H + H * H) + (3 * H * H if case.peepholes else 0) + H * K


def activation_numbers(case: Case) -> int:
    """Return A, the numbers of a word that the recurrent layer keeps for the way back."""
    return case.n_hidd * (6 if case.layer == "lstm" else 1)


def count(case: Case) -> Count:
    """Count a case by the formulas above.

    The transfers are those of the ids, tags (4 bytes each; PyTorch's have 8) and weights, and of the probabilities or
    the cost; parameters and gradients stay where they are. On the CPU there are none.
    """
    N, s = case.batch * case.length, SIZE[case.dtype]
    M, A, NE = matrix_numbers(case), activation_numbers(case), case.batch * case.length * case.n_emb
    flops = {"forward": 2 * N * M, "backward": 6 * N * M, "step": 6 * N * M + 2 * M + 2 * NE}[case.work]
    moved = {
        "forward": s * (M + NE + N * case.n_tags) + 4 * N,
        "backward": s * (3 * M + 3 * NE + 2 * N * A + N) + 8 * N,
        "step": s * (6 * M + 5 * NE + 2 * N * A + N) + 8 * N,
    }[case.work]
    if case.device == "cpu":
        return Count(flops, moved, 0, 0)
    torch = case.implementation.startswith("torch")
    ids = 8 if torch else 4
    if case.work == "forward":
        return Count(flops, moved, ids * N, s * N * case.n_tags)
    # weights and, for a step, the rate; the peers' cost is a mean, and their rate is on the host
    others = 0 if torch else s * (N + (case.work == "step"))
    return Count(flops, moved, 2 * ids * N + others, s)


def memory(case: Case) -> int:
    """Return roughly the bytes that a worker needs for a case: parameters, gradients, activations, the reference.

    Parameters are there four times (the values, the model's, the gradients, a result to compare) and in float64 twice,
    activations three times.
    """
    s = SIZE[case.dtype]
    parameters = matrix_numbers(case) + case.n_emb * case.n_words
    activations = case.batch * case.length * (activation_numbers(case) * 3 + 3 * case.n_emb)
    return parameters * (4 * s + 16) + activations * s


def checked_part(case: Case) -> tuple[int, int]:
    """Return how many sentences and how many of their words are compared with the reference before timing."""
    if 6 * case.batch * case.length * matrix_numbers(case) <= CHECKED_FLOPS:
        return case.batch, case.length
    return min(case.batch, 2), min(case.length, 3)


@dataclass(frozen=True)
class Peak:
    """What a device can do, as measured: a product of large matrices in flop/s, a copy in bytes/s.

    `cache` is the size in bytes of the processor's last cache, 0 where it is not known or the device is none.
    """

    flops: float
    bytes: float
    cache: int = 0


def share_of_bound(case: Case, seconds: float, peak: Peak) -> float:
    """Return the time that the device would need at least, by arithmetic or by bandwidth, over the time taken.

    Bandwidth counts only where the bytes do not fit into the cache.
    """
    counted = count(case)
    bounds = [counted.flops / peak.flops]
    if counted.bytes > peak.cache:
        bounds.append(counted.bytes / peak.bytes)
    return max(bounds) / seconds
