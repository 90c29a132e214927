"""Threads that share the sentences of a batch: the same numbers as one, and none where one is enough."""

import os
import time
from contextlib import suppress
from functools import cache

import numpy as np
import pytest
import theano
import theano.tensor as T
from threadpoolctl import threadpool_limits

from lxmls_rnn.deep_learning import rnn as rnns
from lxmls_rnn.deep_learning.ops.cpu.lstm_layer import LSTMLayer
from lxmls_rnn.deep_learning.ops.cpu.rnn_layer import RNNLayer
from lxmls_rnn.deep_learning.sgd import make_step

pytestmark = pytest.mark.theano

LAYERS = {"rnn": RNNLayer("tanh"), "lstm": LSTMLayer()}
# sentences and hidden units: enough work for three threads, for equal parts of two and three, for one thread
LARGE, EQUAL_PARTS, SMALL = (40, 350), (96, 350), (40, 30)


@pytest.fixture(scope="module", params=LAYERS)
def passes(request):
    """Return functions of B and H: the states, and with them all gradients."""
    layer = LAYERS[request.param]
    inputs = [T.TensorType("float64", (False,) * len(shape))() for shape in layer.inputs.values()]
    h = layer(*inputs)
    h = h[0] if isinstance(h, list) else h
    gradients = theano.grad(T.sum(h * h), inputs)

    @cache
    def arguments(sizes):
        steps = 10 if request.param == "rnn" else 3  # as much work for both
        rng, numbers = np.random.RandomState(0), {"T": steps, "B": sizes[0], "H": sizes[1]}
        shapes = [[eval(size, numbers.copy()) for size in shape] for shape in layer.inputs.values()]
        return [rng.uniform(-0.1, 0.1, shape) for shape in shapes]

    forward, both = theano.function(inputs, h), theano.function(inputs, [h, *gradients])
    return lambda sizes: forward(*arguments(sizes)), lambda sizes: both(*arguments(sizes))


def seconds_of_ended_threads():
    """The processor time of this process that none of its present threads has taken.

    It is the least of several readings: what BLAS's threads take between the clocks counts too.
    """
    found = []
    while len(found) < 5:
        with suppress(OSError):  # a thread has just ended
            clocks = [~int(thread) << 3 | 6 for thread in os.listdir("/proc/self/task")]  # Linux's, of single threads
            of_present = sum(map(time.clock_gettime, clocks))
            found.append(time.process_time() - of_present)
    return min(found)


@pytest.mark.parametrize(("threads", "least"), [(2, 0.35), (3, 0.5)])
def test_a_large_batch_is_shared_by_as_many_threads_as_blas_has(passes, threads, least):
    """Of equal parts this thread does one, and what comes before; of two it would do at least half."""
    forward, _ = passes
    forward(EQUAL_PARTS)
    with threadpool_limits(threads, "blas"):
        before, begin = seconds_of_ended_threads(), time.thread_time()
        for _ in range(3):  # a processor may be slower than the other for a while
            forward(EQUAL_PARTS)
        own, others = time.thread_time() - begin, seconds_of_ended_threads() - before
    assert others / (own + others) > least  # BLAS's own threads may still turn in circles, and count for neither


@pytest.mark.parametrize(("threads", "sizes"), [(1, LARGE), (4, SMALL)])
def test_one_thread_and_small_work_stay_alone(passes, threads, sizes):
    forward, _ = passes
    with threadpool_limits(threads, "blas"):
        before = seconds_of_ended_threads()
        for _ in range(30 if sizes is SMALL else 1):
            forward(sizes)
        assert seconds_of_ended_threads() - before < 5e-4


def test_the_numbers_are_those_of_one_thread(passes):
    _, both = passes
    with threadpool_limits(1, "blas"):
        one = both(LARGE)
    with threadpool_limits(3, "blas"):
        some, again = both(LARGE), both(LARGE)
    for a, b, c in zip(one, some, again, strict=True):
        assert np.abs(a - b).max() <= 1e-13 * np.abs(a).max()
        assert np.array_equal(b, c)
    for a, b in zip(one[:2], some[:2], strict=True):  # a row of these is one thread's
        assert np.array_equal(a, b)


@pytest.mark.filterwarnings("ignore:This process.* is multi-threaded")
def test_a_process_that_was_forked_shares_its_work_too(passes):
    forward, _ = passes
    with threadpool_limits(2, "blas"):
        h = forward(LARGE)
        child = os.fork()
        if child == 0:
            os._exit(0 if np.array_equal(forward(LARGE), h) else 1)
        assert os.waitpid(child, 0)[1] == 0


def test_steps_on_large_batches_are_the_same_each_time():
    sizes = (20, 8, 160, 4)
    rng = np.random.RandomState(0)
    x, y = rng.randint(0, 20, (32, 10)).astype("int32"), rng.randint(0, 4, (32, 10)).astype("int32")

    def trained(threads):
        model = rnns.FastLSTM(*sizes, seed=0, dtype="float64")
        with threadpool_limits(threads, "blas"):
            step = make_step(model, batched=True)
            costs = [step(x, y, np.full(x.shape, 1 / 320), 0.1)[0] for _ in range(3)]
        return [costs, *model.get_values().values()]

    for one, two, again in zip(trained(1), trained(2), trained(2), strict=True):
        assert np.allclose(one, two, rtol=1e-10, atol=1e-12)
        assert np.array_equal(two, again)
