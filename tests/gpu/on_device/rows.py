"""Rows of a matrix by number on a device, against NumPy: exactly, since they are added in NumPy's order."""

import numpy as np
import pytest
import theano
import theano.tensor as T
from hypothesis import example, given
from hypothesis import strategies as st

from lxmls_rnn.deep_learning.ops import lift_to_gpu
from lxmls_rnn.deep_learning.ops.gpu.kernel_source import BLOCK_THREADS
from lxmls_rnn.deep_learning.ops.gpu.rows import GpuAddRows, GpuTakeRows, RowIndex
from lxmls_rnn.deep_learning.theano_rnn import on_host

lift_to_gpu()  # as a model does when it is made

VIEWS = {
    "as it is": lambda matrix: matrix,
    "transposed": lambda matrix: matrix.T,
    "not from where its memory begins": lambda matrix: matrix[1:, 1:],
    "backwards": lambda matrix: matrix[::-1],
}


def ops(function):
    return [node.op for node in function.maker.fgraph.toposort()]


@pytest.fixture(scope="module", params=VIEWS)
def view_and_compute(request):
    """A view, and a function that takes rows of a view, adds rows to it, and adds rows to that of twice the matrix."""
    view, W, numbers, rows = VIEWS[request.param], theano.shared(np.eye(2, dtype="float32")), T.lvector(), T.fmatrix()
    outputs = [view(W)[numbers], *(T.inc_subtensor(view(matrix)[numbers], rows) for matrix in (W, 2 * W))]
    function = theano.function([on_host(numbers), rows], outputs)
    assert {GpuTakeRows(), RowIndex(), GpuAddRows(), GpuAddRows(inplace=True)} <= set(ops(function))

    def compute(matrix, *inputs):
        W.set_value(matrix)
        results = function(*inputs)
        assert np.array_equal(W.get_value(), matrix)
        return results

    return view, compute


@example(N=1, n=1, m=BLOCK_THREADS + 1, seed=0)  # a block with one entry
@given(N=st.integers(0, 40), n=st.integers(1, 12), m=st.integers(1, 300), seed=st.integers(0, 2**31))
def test_rows_taken_and_added(view_and_compute, N, n, m, seed):
    view, compute = view_and_compute
    rng = np.random.RandomState(seed)
    matrix = rng.uniform(-1, 1, (n + 1, m + 1)).astype("float32")
    n, m = view(matrix).shape
    numbers, rows = rng.randint(-n, n, N), rng.uniform(-1, 1, (N, m)).astype("float32")
    taken, *sums = compute(matrix, numbers, rows)
    assert np.array_equal(taken, view(matrix)[numbers])
    for got, start in zip(sums, (matrix, 2 * matrix), strict=True):
        expected = view(start).copy()
        np.add.at(expected, numbers, rows)
        assert np.array_equal(got, expected)


@pytest.mark.parametrize("number", [3, -4])
def test_numbers_out_of_range_are_an_error(number):
    matrix, numbers = T.fmatrix(), on_host(T.lvector())
    take = theano.function([matrix, numbers], matrix[numbers])
    with pytest.raises(IndexError, match=r"rows are numbered 0 to 2, got .*"):
        take(np.ones((3, 2), "float32"), [0, number, 1])


def test_rows_that_do_not_fit_are_an_error():
    matrix, numbers, rows = T.fmatrix(), on_host(T.lvector()), T.fmatrix()
    add = theano.function([matrix, numbers, rows], T.inc_subtensor(matrix[numbers], rows))
    with pytest.raises(ValueError, match=r"2 numbers of rows with 3 columns, got rows of the shape \(1, 3\)"):
        add(np.ones((4, 3), "float32"), [0, 1], np.ones((1, 3), "float32"))


def test_numbers_that_are_on_the_gpu_are_left_to_theano():
    matrix, numbers = T.fmatrix(), T.lvector()
    function = theano.function([matrix, numbers], matrix[numbers])
    assert not any(isinstance(op, GpuTakeRows) for op in ops(function))
    assert function(np.eye(3, dtype="float32"), [2]).tolist() == [[0, 0, 1]]
