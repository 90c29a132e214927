"""Requests of a training step to a CUDA device, counted by the emulated one; docs/gpu.md has these numbers.

theano.scan asks anew for every word, a fused layer once for all of them.
"""

import ctypes

import numpy as np
import pytest

from lxmls_rnn.deep_learning import models
from lxmls_rnn.deep_learning.update_rule import Descent

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
        ("FastRNN", {}, 0, 14),
        ("FastRNN", {}, 32, 14),
        ("FastLSTM", {}, 0, 16),
        ("FastLSTM", {}, 32, 16),
        ("FastLSTM", {"peepholes": False}, 0, 14),
        ("FastLSTM", {"peepholes": False}, 32, 14),
    ],
)
def test_a_fused_layer_whatever_the_length(name, options, batch, kernels_and_products):
    step = models.model_class(name)(WORDS, 50, 20, TAGS, **options).make_step(batched=bool(batch))
    for length in (2, 10, 40):
        kernels, products, *copies, waits = count(step, length, batch)
        many = length * (batch or 1) > 512  # words: softmax and the sum of its costs are two kernels then
        assert kernels + products == kernels_and_products + many
        assert copies == [1, 1]  # words, tags, weights and rate; cost and number of correct words
        assert waits == 1  # for the copy back


@pytest.mark.parametrize("batch", [0, 32])
def test_clipping_waits_for_the_norm(batch):
    step = models.model_class("FastRNN")(WORDS, 50, 20, TAGS).make_step(Descent(clip=1.0), batched=bool(batch))
    *_, to_device, copied_back, waits = count(step, 10, batch)
    assert (to_device, copied_back, waits) == (1, 2, 2)


@pytest.mark.parametrize(
    ("name", "batch", "for_10_words"), [("RNN", 0, 65), ("RNN", 32, 64), ("LSTM", 0, 297), ("LSTM", 32, 295)]
)
def test_scan_for_every_word(name, batch, for_10_words):
    step = models.model_class(name)(WORDS, 50, 20, TAGS).make_step(batched=bool(batch))
    totals = [sum(count(step, length, batch)[:2]) for length in (4, 10, 16)]
    assert totals[1] == for_10_words
    assert totals[2] - totals[1] == totals[1] - totals[0] > 10
