"""The edits with which Theano is built: each of these failed, or gave something else, with a newer Python or NumPy."""

import numpy as np
import pytest


@pytest.fixture(scope="module")
def T():
    import theano.tensor

    return theano.tensor


def evaluate(variables, inputs, result, mode=None):
    import theano

    return theano.function(variables, result, mode=mode)(*inputs)


def test_a_number_that_does_not_fit_wraps(T):
    import theano

    assert theano._asarray(300, dtype="int8") == 44


@pytest.mark.parametrize(("number", "dtype"), [(1.1, "float64"), (1.5, "float32"), (300, "float32")])
def test_a_constant_takes_the_smallest_type_that_holds_it(T, number, dtype):
    assert (T.fvector() + number).dtype == dtype


@pytest.mark.parametrize("mode", ["FAST_RUN", "FAST_COMPILE"])
def test_to_bool(T, mode):
    x = T.dvector()
    assert evaluate([x], [[0.0, 2.0]], T.cast(x, "bool"), mode).tolist() == [False, True]


def test_complex_numbers_in_c(T):
    z = T.zvector()
    assert evaluate([z], [np.array([1 + 2j])], (z * z + 1) / z).tolist() == [1.2 + 1.6j]


def test_the_largest_and_the_sums_along_all_axes(T):
    x = T.dmatrix()
    largest, sums = evaluate([x], [[[1.0, 5.0], [7.0, 2.0]]], [T.argmax(x), T.cumsum(x)])
    assert (largest, sums.tolist()) == (2, [1, 6, 13, 15])


def test_where_the_distinct_numbers_of_a_matrix_are(T):
    from theano.tensor.extra_ops import Unique

    x = T.dmatrix()
    numbers, where = evaluate([x], [[[3.0, 1.0], [1.0, 2.0]]], Unique(return_inverse=True)(x), "FAST_COMPILE")
    assert (numbers.tolist(), where.tolist()) == ([1, 2, 3], [2, 0, 0, 1])


def test_indices_of_64_bits_without_sign(T):
    x, i = T.dvector(), T.TensorType("uint64", [False])()
    assert evaluate([x, i], [[1.0, 2.0], np.array([1, 0], "uint64")], x[i]).tolist() == [2, 1]


def test_a_row_that_is_incremented_twice(T):
    x, i = T.dmatrix(), T.ivector()
    incremented = T.inc_subtensor(x[i], 1.0)
    assert evaluate([x, i], [np.zeros((2, 2)), np.array([1, 1], "int32")], incremented).tolist() == [[0, 0], [2, 2]]


@pytest.mark.daily("compiles Theano's largest module, of which the lab has no use: eight seconds")
def test_random_numbers_in_c(T):
    from theano.sandbox.rng_mrg import MRG_RandomStreams

    drawn = evaluate([], [], MRG_RandomStreams(3).uniform((3,)))
    assert drawn.tolist() == [0.005768001079559326, 0.20905947731807828, 0.06141556799411774]


def test_sparse_products_in_c(T):
    import theano.sparse

    x = T.dmatrix()
    product = theano.sparse.structured_dot(theano.sparse.csc_from_dense(x), x)
    assert evaluate([x], [[[1.0, 0.0], [2.0, 3.0]]], product).tolist() == [[1, 0], [8, 9]]


@pytest.mark.parametrize(
    ("function", "slope"), [("arcsin", 2 / 3**0.5), ("arctanh", 4 / 3), ("exp2", 2**0.5 * np.log(2))]
)
def test_the_slope_of_functions_with_a_constant_in_it(T, function, slope):
    x = T.dscalar()
    assert evaluate([x], [0.5], T.grad(getattr(T, function)(x), x), "FAST_COMPILE") == pytest.approx(slope)


def test_the_slope_of_a_matrix_exponential(T):
    from theano.tensor.slinalg import expm

    x = T.dmatrix()
    assert evaluate([x], [np.zeros((1, 1))], T.grad(expm(x).sum(), x), "FAST_COMPILE") == pytest.approx(1)


def test_a_vector_of_one_number_is_a_constant(T):
    assert T.get_scalar_constant_value(T.constant([2.0])) == 2


def test_means_of_whole_numbers_without_a_compiler(T):
    x = T.ivector()
    assert evaluate([x], [np.array([1, 2], "int32")], T.exp(x) / 1, "FAST_COMPILE").tolist() == np.exp([1, 2]).tolist()


def test_the_breakpoint_op_is_there(T):
    from theano.tests.breakpoint import PdbBreakpoint

    assert PdbBreakpoint("stop").name == "stop"


def test_products_without_a_compiler_are_numpys(T):
    from theano import Mode
    from theano.tensor.blas import gemv_no_inplace, ger

    A, x, y = T.dmatrix(), T.dvector(), T.dvector()
    numbers = [np.arange(6.0).reshape(2, 3), np.array([1.0, 2.0, 3.0]), np.array([5.0, 7.0])]
    results = [gemv_no_inplace(y, 2.0, A, x, beta) for beta in (1.0, 0.0)] + [ger(A, np.asarray(2.0), y, x)]
    one, none, outer = evaluate([A, x, y], numbers, results, Mode("py", None))
    assert (one.tolist(), none.tolist()) == ([21, 59], [16, 52])
    assert outer.tolist() == (numbers[0] + 2 * np.outer(numbers[2], numbers[1])).tolist()


def test_the_name_of_a_type_in_c_code_contains_no_address():
    from theano.gpuarray.type import GpuContextType

    assert str(GpuContextType()) == "GpuContextType"


def test_the_logistic_function_is_exact_where_it_saturates(T):
    import theano

    x = T.dvector("x")
    values = np.array([-750.0, -40.0, 18.0, 19.5, 30.0, 36.0, 50.0])
    with np.errstate(over="ignore"):
        expected = 1 / (1 + np.exp(-values))
    assert np.allclose(theano.function([x], T.nnet.sigmoid(x))(values), expected, rtol=1e-15, atol=0)
