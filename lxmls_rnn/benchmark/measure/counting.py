r"""Arithmetic operations and memory of a case.

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
"""

from __future__ import annotations

from lxmls_rnn.benchmark.measure.cases import Case
from lxmls_rnn.memory import ITEM_BYTES

# larger cases are checked on a few words only, so that the reference takes a small share of the running time
CHECKED_FLOPS = 4e9


def matrix_numbers(case: Case) -> int:
    """Return M, the number of entries in the matrices that each word is multiplied with."""
    E, H, K = case.n_emb, case.n_hidd, case.n_tags
    gates = 4 if case.layer == "lstm" else 1
    return gates * (E * H + H * H) + (3 * H * H if case.peepholes else 0) + H * K


def activation_numbers(case: Case) -> int:
    """Return A, the number of values per word that the recurrent layer keeps for the backward pass."""
    return case.n_hidd * (6 if case.layer == "lstm" else 1)


def flops(case: Case) -> int:
    """Return the operations of one call of a case, by the formulas of this module."""
    N, M = case.batch * case.length, matrix_numbers(case)
    return {"forward": 2 * N * M, "backward": 6 * N * M, "step": 6 * N * M + 2 * M + 2 * N * case.n_emb, "copy": 0}[
        case.work
    ]


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
