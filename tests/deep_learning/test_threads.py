"""Threads that share the sentences of a batch: the same numbers as one, and none where one is enough."""

import ctypes
import json
import os
import shutil
import subprocess
import sys
from functools import cache

import numpy as np
import pytest
import theano
import theano.tensor as T
from threadpoolctl import threadpool_limits

from lxmls_rnn.deep_learning import rnn as rnns
from lxmls_rnn.deep_learning.ops.cpu.lstm_layer import LSTMLayer
from lxmls_rnn.deep_learning.ops.cpu.rnn_layer import RNNLayer

LAYERS = {"rnn": RNNLayer("tanh"), "lstm": LSTMLayer()}
# sentences and hidden units: enough work for three threads, for equal parts of two and three, for one thread
LARGE, EQUAL_PARTS, SMALL = (40, 350), (96, 350), (40, 30)


# Counts the threads that are made, before libc.
COUNTER = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>

int created;

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*begin)(void *), void *argument)
{
    int (*next)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) = dlsym(RTLD_NEXT, "pthread_create");
    __atomic_add_fetch(&created, 1, __ATOMIC_RELAXED);
    return next(thread, attributes, begin, argument);
}
"""
PASSES = [(2, EQUAL_PARTS), (3, EQUAL_PARTS), (1, LARGE), (4, SMALL)]  # threads of BLAS, sizes of a batch


def compiled(kind):
    """Return functions of B and H: the states, and with them all gradients."""
    layer = LAYERS[kind]
    inputs = [T.TensorType("float64", (False,) * len(shape))() for shape in layer.inputs.values()]
    h = layer(*inputs)
    h = h[0] if isinstance(h, list) else h
    gradients = theano.grad(T.sum(h * h), inputs)

    @cache
    def arguments(sizes):
        steps = 10 if kind == "rnn" else 3  # as much work for both
        rng, numbers = np.random.RandomState(0), {"T": steps, "B": sizes[0], "H": sizes[1]}
        shapes = [[eval(size, numbers.copy()) for size in shape] for shape in layer.inputs.values()]
        return [rng.uniform(-0.1, 0.1, shape) for shape in shapes]

    @cache
    def compute(*outputs):
        return theano.function(inputs, list(outputs))

    return lambda sizes: compute(h)(*arguments(sizes))[0], lambda sizes: compute(h, *gradients)(*arguments(sizes))


@pytest.fixture(scope="module", params=LAYERS)
def passes(request):
    return compiled(request.param)


def created(forward):
    """Return how many threads each of `PASSES` makes, in a process with COUNTER."""
    counter, found = ctypes.c_int.in_dll(ctypes.CDLL(None), "created"), []
    for threads, sizes in PASSES:
        with threadpool_limits(threads, "blas"):
            forward(sizes)  # BLAS makes its own threads
            before = counter.value
            forward(sizes)
            found.append(counter.value - before)
    return found


def test_a_large_batch_is_shared_by_as_many_threads_as_blas_has_and_small_work_is_not(tmp_path):
    if shutil.which("gcc") is None:
        pytest.skip("there is no gcc")
    library = tmp_path / "counter.so"
    build = ["gcc", "-shared", "-fPIC", "-x", "c", "-", "-o", library, "-ldl"]
    subprocess.run(build, input=COUNTER, text=True, check=True)
    environ = {**os.environ, "LD_PRELOAD": str(library)}
    done = subprocess.run([sys.executable, __file__], env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for two, three, one, small in json.loads(done.stdout):
        assert 0 < two < three
        assert one == small == 0


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
            step = model.make_step(batched=True)
            costs = [step(x, y, np.full(x.shape, 1 / 320), 0.1)[0] for _ in range(3)]
        return [costs, *model.get_values().values()]

    for one, two, again in zip(trained(1), trained(2), trained(2), strict=True):
        assert np.allclose(one, two, rtol=1e-10, atol=1e-12)
        assert np.array_equal(two, again)


if __name__ == "__main__":
    print(json.dumps([created(compiled(kind)[0]) for kind in LAYERS]))
