"""Threads that share the sentences of a batch: the same numbers as one, and none where one is enough."""

import os
import subprocess
import sys
from contextlib import contextmanager

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
LARGE, SMALL = (10, 40, 350), (10, 40, 30)


@pytest.fixture(scope="module", params=LAYERS)
def passes(request):
    """Return functions of T, B and H: the states, and with them all gradients."""
    layer = LAYERS[request.param]
    inputs = [T.TensorType("float64", (False,) * len(shape))() for shape in layer.inputs.values()]
    h = layer(*inputs)
    h = h[0] if isinstance(h, list) else h
    gradients = theano.grad(T.sum(h * h), inputs)

    def call(function, sizes):
        rng = np.random.RandomState(0)
        numbers = dict(zip("TBH", sizes, strict=True))
        shapes = [[eval(size, numbers) for size in shape] for shape in layer.inputs.values()]
        return function(*(rng.uniform(-0.1, 0.1, shape) for shape in shapes))

    forward, both = theano.function(inputs, h), theano.function(inputs, [h, *gradients])
    return lambda sizes: call(forward, sizes), lambda sizes: call(both, sizes)


# prints a line when it looks, and ends when it has seen so many threads of a process
LOOK = """
import os, sys
folder, many = f"/proc/{sys.argv[1]}/task", int(sys.argv[2])
print("looks", flush=True)
while len(os.listdir(folder)) < many:
    pass
"""


@contextmanager
def looking_for(more):
    """Start a process that ends when it has seen so many threads more than there are; yields it."""
    many = len(os.listdir("/proc/self/task")) + more
    arguments = [sys.executable, "-S", "-c", LOOK, str(os.getpid()), str(many)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        yield process
        process.kill()


@pytest.mark.parametrize("threads", [2, 3])
def test_a_large_batch_is_shared_by_as_many_threads_as_blas_has(passes, threads):
    forward, _ = passes
    with threadpool_limits(threads, "blas"), looking_for(threads - 1) as process:
        while process.poll() is None:
            forward(LARGE)


@pytest.mark.parametrize(("threads", "sizes"), [(1, LARGE), (4, SMALL)])
def test_one_thread_and_small_work_stay_alone(passes, threads, sizes):
    forward, _ = passes
    with threadpool_limits(threads, "blas"), looking_for(1) as process:
        for _ in range(30):
            forward(sizes)
        assert process.poll() is None


@pytest.mark.parametrize("threads", [2, 3])
def test_the_numbers_are_those_of_one_thread(passes, threads):
    _, both = passes
    with threadpool_limits(1, "blas"):
        one = both(LARGE)
    with threadpool_limits(threads, "blas"):
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
