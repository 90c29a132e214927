"""Counts against small sums done by hand: E = 2, H = 3, K = 5; two sentences of two words, N = 4."""

import pytest

from lxmls_rnn.benchmark.measure.cases import Case
from lxmls_rnn.benchmark.measure.counting import checked_part, flops, memory


def case(model="rnn", work="forward", implementation="fused", device="cpu", dtype="float32", **sizes):
    sizes = {"n_hidd": 3, "batch": 2, "length": 2, "n_words": 7, "n_emb": 2, "n_tags": 5, **sizes}
    return Case(model, implementation, device, dtype, work, **sizes)


# numbers in the matrices. RNN: 3x2 + 3x3 + 5x3 = 30; LSTM: 12x2 + 12x3 + 9x3 + 5x3 = 102, without peepholes 75
@pytest.mark.parametrize(
    ("model", "implementation", "work", "expected"),
    [
        ("rnn", "fused", "forward", 240),  # 4 words, 30 multiplications and 30 additions each
        ("rnn", "fused", "backward", 720),  # and twice more
        ("rnn", "fused", "step", 720 + 60 + 16),  # 30 numbers of matrices and 4 embeddings of 2: rate * g, W - that
        ("lstm", "fused", "forward", 816),
        ("lstm", "torch", "forward", 816),
        ("lstm", "torch-fused", "forward", 600),
        ("lstm", "fused", "backward", 2448),
        ("lstm-no-peepholes", "fused", "forward", 600),
        ("lstm-no-peepholes", "torch-fused", "forward", 600),
    ],
)
def test_flops(model, implementation, work, expected):
    assert flops(case(model, work, implementation)) == expected


@pytest.mark.parametrize(
    ("dtype", "needed"),
    [
        # 30 + 7 embeddings of 2 = 44 numbers, four times in the dtype and twice in float64; 4 words with 3 states and
        # an embedding of 2, three times
        ("float32", 44 * (4 * 4 + 2 * 8) + 4 * (9 + 6) * 4),
        ("float64", 44 * (4 * 8 + 2 * 8) + 4 * (9 + 6) * 8),
    ],
)
def test_memory(dtype, needed):
    assert memory(case(dtype=dtype)) == needed


def test_small_work_is_checked_whole_and_large_work_in_part():
    assert checked_part(case()) == (2, 2)
    assert checked_part(case(n_hidd=2048, batch=64, length=50)) == (2, 3)
    assert checked_part(case(n_hidd=20_000, batch=1, length=2)) == (1, 2)
