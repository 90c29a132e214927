from types import SimpleNamespace

import numpy as np
import pytest

from lxmls_rnn import distance
from lxmls_rnn.datasets.corpora import corpus_files
from lxmls_rnn.deep_learning.training import EpochDone, Trainer
from lxmls_rnn.distance import DistanceSettings
from lxmls_rnn.experiment import Settings, prepare


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    monkeypatch.setenv("LXMLS_DATA", str(tmp_path))


def last(*arguments, **more):
    return {(one.tagger, one.distance): one.accuracy for one in measure(*arguments, **more)}


def measure(*arguments, **more):
    return distance.measure(DistanceSettings(*arguments, **more))


@pytest.mark.daily("trains two taggers on two corpora, seven seconds")
def test_an_lstm_learns_what_an_rnn_does_not():
    found = last(["RNN, logistic", "LSTM"], [1, 5], 1, epochs=8)
    assert found["RNN, logistic", 1] == found["LSTM", 1] == 1.0
    assert found["RNN, logistic", 5] < 0.7
    assert found["LSTM", 5] > 0.95


def test_each_seed_begins_with_other_weights_and_the_same_seed_with_the_same(monkeypatch):
    begun, prepare = [], distance.prepare

    def watched(settings):
        prepared = prepare(settings)
        begun.append(np.concatenate([value.ravel() for value in prepared.tagger.model.get_values().values()]))
        return prepared

    monkeypatch.setattr(distance, "prepare", watched)
    last(["LSTM"], [1], 1, epochs=1)
    last(["LSTM"], [1], 2, epochs=1)
    first, again, other = begun
    assert (first == again).all()
    assert (first != other).all()


def test_each_epoch_of_each_training_is_heard_of_in_order():
    found = [(one.tagger, one.distance, one.seed, one.epoch) for one in measure(["LSTM"], [2, 1], 2, epochs=2)]
    assert found == [("LSTM", k, seed, epoch) for k in (2, 1) for seed in (0, 1) for epoch in (1, 2)]


def test_a_measured_training_is_that_of_its_settings_in_an_order_of_its_seed():
    train, dev, _ = map(str, corpus_files("reach:4"))
    expected = []
    for seed in (0, 1):
        chosen = {"model": "FastLSTM", "activation": "tanh", "init": "orthogonal", "n_hidd": 5, "max_nr_sent": 200}
        settings = Settings(train, dev, seed=seed, **chosen)
        e = prepare(settings)
        for event in Trainer(epochs=3, shuffle=True, seed=seed).fit(e.tagger.model, e.train):
            if isinstance(event, EpochDone):
                tagged = [(sentence, e.tagger.tag(sentence.words)) for sentence in e.dev]
                right = [words[-2].tag == sentence.tags[-2] for sentence, words in tagged]
                expected.append(sum(right) / len(right))
    found = [one.accuracy for one in measure(["LSTM"], [4], 2, 3, "orthogonal", 5, 200)]
    assert len(set(found)) > 2
    assert found == pytest.approx(expected)


def test_only_the_word_before_the_last_counts():
    model = SimpleNamespace(forward=lambda x: np.eye(3)[np.asarray(x)].T)
    sentences = [SimpleNamespace(x=[0, 1, 2, 0], y=[1, 2, 2, 1]), SimpleNamespace(x=[0, 1, 1, 0, 2], y=[0, 1, 1, 1, 2])]
    assert distance.deciding_accuracy(model, sentences) == 0.5
