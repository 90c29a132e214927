"""Updates of parameters in one launch, and copies between host and device that are made together."""

import numpy as np
import pytest
import theano
import theano.tensor as T
from theano.compile.ops import as_op
from theano.gpuarray.basic_ops import GpuFromHost

from lxmls_rnn.deep_learning.ops import lift_to_gpu
from lxmls_rnn.deep_learning.ops.gpu.descent import GpuDescend
from lxmls_rnn.deep_learning.ops.gpu.kernel_source import BLOCK_THREADS
from lxmls_rnn.deep_learning.ops.gpu.transfers import GpuUpload
from lxmls_rnn.deep_learning.theano_rnn import on_host

lift_to_gpu()  # as a model does when it is made

RATE = T.fscalar()
SHAPES = [(3, 5), (11 * BLOCK_THREADS + 1, 1), (1, 1), (0, 4), (4, 0)]  # a block with one entry
VIEWS = {"plain": lambda g: g, "transposed": lambda g: g.T, "backwards": lambda g: g[::-1], "from 1": lambda g: g[1:]}


def numbers(rng, *shape):
    return rng.randint(-9, 10, shape).astype("float32")


@pytest.mark.parametrize("view", VIEWS)
def test_every_matrix_minus_the_rate_times_its_gradient(view):
    rng = np.random.RandomState(0)
    wholes = {"transposed": lambda m, n: (n, m), "from 1": lambda m, n: (m + 1, n)}
    gradients = [numbers(rng, *wholes.get(view, lambda *shape: shape)(*shape)) for shape in SHAPES]
    before = [numbers(rng, *shape) for shape in SHAPES]
    matrices, symbols = [theano.shared(W) for W in before], [T.fmatrix() for _ in SHAPES]
    after = GpuDescend()(RATE, *map(VIEWS[view], symbols), *matrices, return_list=True)
    results = theano.function([RATE, *symbols], after)(0.5, *gradients)
    update = theano.function([RATE, *symbols], updates=list(zip(matrices, after, strict=True)))
    assert [node.op.inplace for node in update.maker.fgraph.toposort() if isinstance(node.op, GpuDescend)] == [True]
    assert all(np.array_equal(W.get_value(), start) for W, start in zip(matrices, before, strict=True))
    update(0.5, *gradients)
    for got, W, start, g in zip(results, matrices, before, gradients, strict=True):
        assert np.array_equal(got, start - np.float32(0.5) * VIEWS[view](g))
        assert np.array_equal(got, W.get_value())


def test_a_gradient_that_does_not_fit_is_an_error():
    W, g = theano.shared(np.ones((2, 3), "float32")), T.fmatrix()
    with pytest.raises(ValueError, match=r"a matrix \(2, 3\) and its gradient \(3, 2\) have different shapes"):
        theano.function([RATE, g], GpuDescend()(RATE, g, W))(1, np.ones((3, 2), "float32"))


@as_op(itypes=[T.ivector, T.fscalar], otypes=[T.ivector])
def backwards(ids, total):
    """Reverse the ids, on the host, if the total is negative."""
    return ids[::-1] if total < 0 else ids


def test_uploads_that_wait_for_no_result_are_made_together():
    W, x, y, ids = theano.shared(np.eye(3, dtype="float32")), T.fmatrix(), T.fvector(), on_host(T.ivector())
    first = T.dot(W, x) + y
    later = backwards(ids, T.sum(first))  # the host knows these rows when the device has computed `first`
    function = theano.function([x, y, ids], [first, W[ids], W[later]])
    uploads = [node for node in function.maker.fgraph.toposort() if isinstance(node.op, GpuUpload | GpuFromHost)]
    assert [len(node.inputs) for node in uploads] == [3, 1]
    a, b, numbers = -np.eye(3, dtype="float32"), np.zeros(3, "float32"), np.array([2, 0, 1], "int32")
    for got, expected in zip(function(a, b, numbers), [a, np.eye(3)[numbers], np.eye(3)[numbers[::-1]]], strict=True):
        assert np.array_equal(got, expected)


def test_a_function_without_the_labs_ops_is_left_as_it_is():
    W, x, y = theano.shared(np.eye(3, dtype="float32")), T.fmatrix(), T.fvector()
    function = theano.function([x, y], T.dot(W, x) + y)
    assert not any(isinstance(node.op, GpuUpload) for node in function.maker.fgraph.toposort())


def test_an_array_that_stays_on_the_gpu_has_memory_of_its_own():
    W, kept = theano.shared(np.eye(3, dtype="float32")), theano.shared(np.zeros(3, "float32"))
    ids = on_host(T.ivector())
    x, y, z = T.fmatrix(), T.fvector(), T.fvector()
    function = theano.function([x, y, z, ids], [T.dot(W, x) + y, W[ids]], updates=[(kept, z)])
    function(np.eye(3, dtype="float32"), np.ones(3, "float32"), np.arange(3, dtype="float32"), np.array([1], "int32"))
    array = kept.get_value(borrow=True, return_internal_type=True)
    assert (array.offset, array.base is None) == (0, True)
    assert np.array_equal(kept.get_value(), [0, 1, 2])
