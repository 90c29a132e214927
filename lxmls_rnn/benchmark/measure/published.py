"""Published times of LSTMs without peepholes on graphics cards: forward and backward pass, in float32."""

from __future__ import annotations

from typing import NamedTuple


class PublishedSizes(NamedTuple):
    """Hidden units, sentences in a batch, words in a sentence, numbers in an embedding."""

    n_hidd: int
    batch: int
    length: int
    n_emb: int


class Published(NamedTuple):
    """One program on one card: where its times are from, and what differs from this benchmark's work `backward`."""

    program: str
    card: str
    year: int  # of the card
    source: str
    differs: str
    microseconds: dict[PublishedSizes, float]  # a sentence: those of a batch, divided by its sentences


def _as_wide(batch: int, by_hidden: dict[int, float]) -> dict[PublishedSizes, float]:
    """Return times of sentences of 30 words whose embeddings are as wide as the hidden layer."""
    return {PublishedSizes(n_hidd, batch, 30, n_hidd): time for n_hidd, time in by_hidden.items()}


# Both scripts of the first source have data of the shape (30, batch, hidden), but the LSTM of its rnn.py takes the
# first axis for the batch. So its loop has a step for each of 32 or 128 sentences: with 128 hidden units 0.2 ms each.
_TITAN = "github.com/MaximumEntropy/cudnn_rnn_theano_benchmarks, README.md (depth 1) and {} at 00fd5a4 (2017)"
_BRAUN = (
    "github.com/stefbraun/rnn_benchmarks, 1x320-LSTM/bench_pytorch_cudnnLSTM.py and "
    "results/10/pytorch_comparison/1x320-LSTM_cross-entropy_100.png at eb6358a (2018)"
)

PUBLISHED = (
    Published(
        "Theano",
        "GTX TITAN X",
        2015,
        _TITAN.format("rnn.py"),
        "squared error of the states, no embeddings, no tags, no gradient w.r.t. the input; the script exchanges batch "
        "and words: 32 or 128 steps of 30 sentences, so that the larger batch gains nothing",
        _as_wide(32, {128: 204.5, 512: 530.9, 1024: 1102.0}) | _as_wide(128, {128: 200.8, 512: 491.0, 1024: 1000.1}),
    ),
    Published(
        "cuDNN",
        "GTX TITAN X",
        2015,
        _TITAN.format("cudnn_rnn.py"),
        "called from Theano; squared error of the states, no embeddings, no tags, and no product of the input with "
        "W_x: half of the arithmetic",
        _as_wide(32, {128: 118.8, 512: 223.2, 1024: 601.8}) | _as_wide(128, {128: 33.4, 512: 100.8, 1024: 221.2}),
    ),
    Published(
        "cuDNN",
        "GTX 1080",
        2016,
        _BRAUN,
        "called from PyTorch 0.4; no embeddings, a softmax of 10 classes at the last word only; the copy to the card "
        "and the update by Adam included; 11 ms a batch, in two digits",
        {PublishedSizes(320, 64, 100, 123): 11e3 / 64},
    ),
)
SIZES = sorted({sizes for table in PUBLISHED for sizes in table.microseconds})
