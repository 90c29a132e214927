"""Trainings on the emulated CUDA device, which runs the blocks of a kernel in any order, give the same numbers."""

import os

import numpy as np
import pytest

from lxmls_rnn.deep_learning import models
from lxmls_rnn.deep_learning.update_rule import Descent

WORDS, TAGS = 12, 5  # few words, so that each batch has the same word several times
ORDERS = int(os.environ.get("EMULATED_ORDERS", "400"))
SETTINGS = [
    ("FastRNN", {}, False, None),
    ("FastRNN", {}, True, 0.1),
    ("FastLSTM", {}, True, None),
    ("FastLSTM", {"peepholes": False}, False, 0.1),
]


@pytest.mark.parametrize(("name", "options", "batched", "clip"), SETTINGS)
def test_a_training_is_the_same_whatever_the_order_of_blocks(monkeypatch, name, options, batched, clip):
    rng = np.random.RandomState(0)
    model = models.model_class(name)(WORDS, 7, 9, TAGS, seed=1, **options)
    start, step = model.get_values(), model.make_step(Descent(clip), batched=batched)
    shape = (4, 6) if batched else (10,)
    batches = [[rng.randint(0, count, shape).astype("int32") for count in (WORDS, TAGS)] for _ in range(2)]

    def train():
        model.set_values(start)
        seen = [step(x, y, np.full(shape, 1 / x.size, "float32"), 0.5) for x, y in batches]
        return repr(seen), *(W.tobytes() for W in model.get_values().values())

    expected = train()
    for seed in range(ORDERS):
        monkeypatch.setenv("EMULATED_SEED", str(seed))
        assert train() == expected, f"EMULATED_SEED={seed}"
