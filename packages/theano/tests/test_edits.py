"""The edits with which Theano is built: each of these failed, or gave something else, with a newer Python or NumPy."""

from importlib import import_module

import numpy as np
import pytest


@pytest.fixture(scope="module")
def T():
    import theano.tensor

    return theano.tensor


def evaluate(variables, inputs, results, mode=None):
    import theano

    return theano.function(variables, results, mode=mode)(*inputs)


def with_gradient(function):
    """Return the sum of a function, and its slope."""
    return lambda T, x: [function(T, x).sum(), T.grad(function(T, x).sum(), x)]


def expm(T, x):
    return import_module("theano.tensor.slinalg").expm(x)


def distinct(T, x):
    return import_module("theano.tensor.extra_ops").Unique(return_inverse=True)(x)


def sparse_product(T, x):
    import_module("theano.sparse")
    import theano

    return [theano.sparse.structured_dot(theano.sparse.csc_from_dense(x), x)]


E, RISING, SLOW = np.exp([1, 2]).tolist(), [[1.0, 5.0], [7.0, 2.0]], "FAST_COMPILE"


@pytest.mark.parametrize(
    ("mode", "function", "dtype", "given", "expected"),
    [
        (None, lambda T, x: [T.cast(x, "bool")], "float64", [0.0, 2.0], [[False, True]]),
        (SLOW, lambda T, x: [T.cast(x, "bool")], "float64", [0.0, 2.0], [[False, True]]),
        (None, lambda T, z: [(z * z + 1) / z], "complex128", [1 + 2j], [[1.2 + 1.6j]]),
        (None, lambda T, x: [T.argmax(x), T.cumsum(x)], "float64", RISING, [2, [1, 6, 13, 15]]),
        (SLOW, distinct, "float64", [[3.0, 1.0], [1.0, 2.0]], [[1, 2, 3], [2, 0, 0, 1]]),
        (None, lambda T, i: [T.constant([1.0, 2.0])[i]], "uint64", [1, 0], [[2, 1]]),
        (None, lambda T, i: [T.inc_subtensor(T.zeros((2, 2))[i], 1.0)], "int32", [1, 1], [[[0, 0], [2, 2]]]),
        (None, sparse_product, "float64", [[1.0, 0.0], [2.0, 3.0]], [[[1, 0], [8, 9]]]),
        (SLOW, with_gradient(lambda T, x: T.arcsin(x)), "float64", [0.5], [np.pi / 6, [2 / 3**0.5]]),
        (SLOW, with_gradient(lambda T, x: T.arctanh(x)), "float64", [0.5], [np.log(3) / 2, [4 / 3]]),
        (SLOW, with_gradient(lambda T, x: T.exp2(x)), "float64", [0.5], [2**0.5, [2**0.5 * np.log(2)]]),
        (SLOW, with_gradient(expm), "float64", [[0.0]], [1, [[1]]]),
        (SLOW, lambda T, x: [T.exp(x) / 1], "int32", [1, 2], [E]),  # means of whole numbers
    ],
)
def test_functions_that_newer_pythons_and_numpys_have_broken(T, mode, function, dtype, given, expected):
    given = np.array(given, dtype)
    x = T.TensorType(dtype, [False] * given.ndim)()
    results = evaluate([x], [given], function(T, x), mode)
    for result, wanted in zip(results, expected, strict=True):
        assert np.allclose(result, wanted, rtol=1e-12, atol=0)


def test_types_and_names(T):
    import theano
    from theano.gpuarray.type import GpuContextType
    from theano.tests.breakpoint import PdbBreakpoint

    assert theano._asarray(300, dtype="int8") == 44  # it wraps
    types = [(1.1, "float64"), (1.5, "float32"), (300, "float32")]  # the smallest that holds a constant
    assert [(T.fvector() + number).dtype for number, _ in types] == [dtype for _, dtype in types]
    assert T.get_scalar_constant_value(T.constant([2.0])) == 2
    assert PdbBreakpoint("stop").name == "stop"
    assert str(GpuContextType()) == "GpuContextType"  # its name in C code contains no address


@pytest.mark.daily("compiles Theano's largest module, of which the lab has no use: eight seconds")
def test_random_numbers_in_c(T):
    from theano.sandbox.rng_mrg import MRG_RandomStreams

    drawn = evaluate([], [], MRG_RandomStreams(3).uniform((3,)))
    assert drawn.tolist() == [0.005768001079559326, 0.20905947731807828, 0.06141556799411774]


def test_products_without_a_compiler_are_numpys(T):
    from theano import Mode
    from theano.tensor.blas import gemv_no_inplace, ger

    A, x, y = T.dmatrix(), T.dvector(), T.dvector()
    numbers = [np.arange(6.0).reshape(2, 3), np.array([1.0, 2.0, 3.0]), np.array([5.0, 7.0])]
    results = [gemv_no_inplace(y, 2.0, A, x, beta) for beta in (1.0, 0.0)] + [ger(A, np.asarray(2.0), y, x)]
    one, none, outer = evaluate([A, x, y], numbers, results, Mode("py", None))
    assert (one.tolist(), none.tolist()) == ([21, 59], [16, 52])
    assert outer.tolist() == (numbers[0] + 2 * np.outer(numbers[2], numbers[1])).tolist()


def test_the_logistic_function_is_exact_where_it_saturates(T):
    x = T.dvector()
    values = np.array([-750.0, -40.0, 18.0, 19.5, 30.0, 36.0, 50.0])
    with np.errstate(over="ignore"):
        expected = 1 / (1 + np.exp(-values))
    assert np.allclose(evaluate([x], [values], T.nnet.sigmoid(x)), expected, rtol=1e-15, atol=0)
