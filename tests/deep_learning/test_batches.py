"""Batches: which sentences come together, padding, weights."""

from types import SimpleNamespace

import numpy as np
import pytest

from lxmls_rnn.deep_learning.batches import cut


def corpus(n, seed=0):
    """Make sentences of 2 to 8 words without the word and the tag 0, which pad."""
    rng = np.random.RandomState(seed)
    return [sentence(rng.randint(1, 12, rng.randint(2, 9))) for _ in range(n)]


def sentence(words):
    return SimpleNamespace(x=np.array(words), y=np.array(words) % 2 + 1)


def test_batches_hold_sentences_of_similar_length_and_every_sentence_once():
    sentences = corpus(23)
    batches = cut(sentences, 4, "float64")
    assert sum(batch.sentences for batch in batches) == 23
    assert sum(batch.words for batch in batches) == sum(len(s.x) for s in sentences)
    padding = sum(int((batch.weights == 0).sum()) for batch in batches)
    assert padding <= 23
    assert all(batch.weights.sum() == pytest.approx(1) for batch in batches)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_batch_of_one_is_a_sentence_in_its_place_without_padding(dtype):
    sentences = [sentence([3, 4, 5]), sentence([6]), sentence([7, 8])]
    batches = cut(sentences, 1, dtype)
    assert [batch.x.tolist() for batch in batches] == [[3, 4, 5], [6], [7, 8]]
    assert [batch.y.tolist() for batch in batches] == [[2, 1, 2], [1], [2, 1]]
    assert [(batch.sentences, batch.words) for batch in batches] == [(1, 3), (1, 1), (1, 2)]
    assert np.array_equal(batches[0].weights, np.full(3, 1 / 3, dtype))
    assert {batch.x.dtype.name for batch in batches} == {batch.y.dtype.name for batch in batches} == {"int32"}
    assert {batch.weights.dtype.name for batch in batches} == {dtype}


def test_sentences_are_padded_at_the_end_with_zeros_of_no_weight():
    (batch,) = cut([sentence([3, 4]), sentence([5, 6, 7, 8])], 2, "float32")
    assert batch.x.tolist() == [[3, 4, 0, 0], [5, 6, 7, 8]]
    assert batch.y.tolist() == [[2, 1, 0, 0], [2, 1, 2, 1]]
    assert batch.weights.tolist() == [[0.25, 0.25, 0, 0], [0.125] * 4]
    assert (batch.sentences, batch.words) == (2, 6)
    assert (batch.x.dtype, batch.y.dtype, batch.weights.dtype) == ("int32", "int32", "float32")


def test_batches_and_their_sentences_keep_the_order_of_the_corpus():
    lengths = [3, 1, 3, 1, 2]
    sentences = [sentence([n] * length) for n, length in enumerate(lengths, 1)]
    batches = cut(sentences, 2, "float64")
    assert [batch.x[:, 0].tolist() for batch in batches] == [[1, 5], [2, 4], [3]]
