"""Requests of a training step to a CUDA device, counted by the emulated one; docs/gpu.md has these numbers.

theano.scan asks anew for every word, a fused layer once for all of them.
"""

import ctypes

import numpy as np
import pytest

from lxmls_rnn.deep_learning import rnn as rnns
from lxmls_rnn.deep_learning.sgd import make_step

WORDS, TAGS = 100, 12


def count(step, length, batch):
    """Return the kernels, products, copies to and from the device, and waits for it of one step."""
    driver = ctypes.CDLL("libcuda.so")
    names = "launches", "products", "to_device", "to_host", "waits"
    counters = [ctypes.c_long.in_dll(driver, f"emulated_{name}") for name in names]
    shape = (batch, length) if batch else (length,)
    x, y = np.arange(np.prod(shape), dtype="int32").reshape(shape) % WORDS, np.zeros(shape, "int32")
    before = [counter.value for counter in counters]
    step(x, y, np.ones(shape, "float32"), 0.1)
    return [counter.value - start for counter, start in zip(counters, before, strict=True)]


@pytest.mark.parametrize(
    ("name", "options", "batch", "kernels_and_products"),
    [
        ("FastRNN", {}, 0, 16),
        ("FastRNN", {}, 32, 19),
        ("FastLSTM", {}, 0, 20),
        ("FastLSTM", {}, 32, 23),
        ("FastLSTM", {"peepholes": False}, 0, 16),
        ("FastLSTM", {"peepholes": False}, 32, 19),
    ],
)
def test_a_fused_layer_whatever_the_length(name, options, batch, kernels_and_products):
    step = make_step(rnns.model_class(name)(WORDS, 50, 20, TAGS, **options), batched=bool(batch))
    for length in (2, 10, 40):
        kernels, products, *copies, waits = count(step, length, batch)
        assert kernels + products == kernels_and_products
        assert copies == [3, 2]  # words; tags with weights; rate. Cost; how many are right
        assert waits == 2  # for these two


@pytest.mark.parametrize(("batch", "to_host"), [(0, 4), (32, 3)])
def test_clipping_waits_for_the_norm(batch, to_host):
    """And for one sentence, whose updates are products, for the rate that it makes of the norm."""
    step = make_step(rnns.model_class("FastRNN")(WORDS, 50, 20, TAGS), batched=bool(batch), clip=1.0)
    *_, to_device, copied_back, waits = count(step, 10, batch)
    assert (to_device, copied_back, waits) == (6, to_host, to_host)


@pytest.mark.parametrize(
    ("name", "batch", "for_10_words"), [("RNN", 0, 66), ("RNN", 32, 68), ("LSTM", 0, 299), ("LSTM", 32, 300)]
)
def test_scan_for_every_word(name, batch, for_10_words):
    step = make_step(rnns.model_class(name)(WORDS, 50, 20, TAGS), batched=bool(batch))
    totals = [sum(count(step, length, batch)[:2]) for length in (10, 20, 30)]
    assert totals[0] == for_10_words
    assert totals[2] - totals[1] == totals[1] - totals[0] > 10
