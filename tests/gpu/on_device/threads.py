"""Trainings on a CUDA device, each in a thread of its own as in the lab: one after the other, and at once."""

import threading

import numpy as np
import pytest
import theano
import theano.tensor as T

from lxmls_rnn.deep_learning import models
from lxmls_rnn.deep_learning.training import EpochDone, Trainer
from lxmls_rnn.device import GpuLost

WORDS, TAGS = 60, 5


class Sentence:
    def __init__(self, rng, length):
        self.x, self.y = rng.randint(0, WORDS, length), rng.randint(0, TAGS, length)


@pytest.fixture(scope="module")
def sentences():
    rng = np.random.RandomState(0)
    return [Sentence(rng, length) for length in range(2, 12)]


def train(sentences, name):
    """Return the costs and the parameters of a small training, whose numbers are always the same."""
    model = models.model_class(name)(WORDS, 7, 9, TAGS, seed=1)
    events = Trainer(epochs=3, rate=0.1).fit(model, sentences)
    costs = [event.cost for event in events if isinstance(event, EpochDone)]
    return costs, [W.tobytes() for W in model.get_values().values()]


def in_threads(*functions):
    """Call functions, each in a new thread, and return what they return."""
    results = [None] * len(functions)

    def call(number):
        try:
            results[number] = functions[number]()
        except Exception as error:
            results[number] = error

    threads = [threading.Thread(target=call, args=(number,)) for number in range(len(functions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_trainings_in_threads_one_after_the_other_and_at_once(sentences):
    """As in a notebook: the main thread too trains, before and after."""
    names = "FastRNN", "FastLSTM"
    expected = [train(sentences, name) for name in names]
    one, other = (lambda name=name: train(sentences, name) for name in names)
    assert in_threads(one) == expected[:1]
    assert in_threads(other) == expected[1:]
    assert in_threads(one, other, one, other) == expected * 2
    assert [train(sentences, name) for name in names] == expected


def test_a_thread_that_only_reads_and_writes_parameters(sentences):
    train(sentences, "FastRNN")

    def write_and_read():
        W = theano.shared(np.zeros(3, "float32"))
        W.set_value(np.arange(3, dtype="float32"))
        return W.get_value().tolist()

    assert in_threads(*[write_and_read] * 3) == [[0, 1, 2]] * 3


def test_a_mistake_of_the_caller_is_still_his_own():
    x, W = T.fvector(), theano.shared(np.ones((3, 2), "float32"))
    product = theano.function([x], T.dot(x, W))
    (error,) = in_threads(lambda: product(np.ones(4, "float32")))
    assert "Inconsistent shapes" in str(error)
    assert not isinstance(error, GpuLost)
    assert product(np.ones(3, "float32")).tolist() == [3, 3]
