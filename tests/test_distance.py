import numpy as np
import pytest

from lxmls_rnn import distance

pytestmark = pytest.mark.theano


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    monkeypatch.setenv("LXMLS_DATA", str(tmp_path))


def last(*arguments, **more):
    return {(one.tagger, one.distance): one.accuracy for one in distance.measure(*arguments, **more)}


def test_an_lstm_learns_what_an_rnn_does_not():
    found = last(["RNN, logistic", "LSTM"], [1, 5], 1, epochs=8)
    assert found["RNN, logistic", 1] == found["LSTM", 1] == 1.0
    assert found["RNN, logistic", 5] < 0.7
    assert found["LSTM", 5] > 0.95


def test_with_the_guides_weights_neither_does():
    found = last(["RNN, logistic", "LSTM"], [5], 1, epochs=5, init="uniform01")
    assert max(found.values()) < 0.7


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
    found = [(one.tagger, one.distance, one.seed, one.epoch) for one in distance.measure(["LSTM"], [2, 1], 2, epochs=2)]
    assert found == [("LSTM", k, seed, epoch) for k in (2, 1) for seed in (0, 1) for epoch in (1, 2)]
