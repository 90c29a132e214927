"""Two OpenBLAS libraries in turn, in one process and one thread: python tests/speed/blas.py /path/to/libopenblas.so.0

Prints, for products of the models' shapes, the other library's time divided by that of the package scipy-openblas32.
"""

import ctypes
import itertools
import statistics
import sys
import time

import numpy as np

from lxmls_rnn.theano_env import blas

REALS = {"s": (np.float32, ctypes.c_float), "d": (np.float64, ctypes.c_double)}
# M, N, K of C += A B as BLAS counts them; the second with B transposed, as in the gradient of a matrix
PRODUCTS = [(20, 1, 20), (80, 32, 20), (256, 32, 256), (1024, 32, 256), (1024, 320, 50), (1024, 1024, 1024)]
OUTER = [(20, 20, 10), (256, 1024, 320), (50, 1024, 320)]
VECTORS = [(20, 20), (80, 20), (256, 256), (1024, 256), (4096, 1024)]
SECONDS, ROUNDS = 0.003, 60


def function(library, prefix, name):
    """Return a function of BLAS that takes Python's values by reference."""
    of_blas = getattr(library, f"{prefix}{name}_")

    def pointer(value):
        if isinstance(value, np.ndarray):
            return value.ctypes.data_as(ctypes.c_void_p)
        return ctypes.byref(ctypes.c_int(value) if isinstance(value, int) else value)

    def prepare(*values):
        arguments = [value if isinstance(value, ctypes.c_char_p) else pointer(value) for value in values]
        return lambda: of_blas(*arguments)

    return prepare


def calls(kind, letter, sizes, libraries):
    """Return for each library a function without arguments that makes the product."""
    dtype, real = REALS[letter]
    no, turned = ctypes.c_char_p(b"N"), ctypes.c_char_p(b"T" if kind == "outer" else b"N")
    numbers = np.random.RandomState(0).rand(3, max(a * b for a, b in itertools.combinations(sizes, 2))).astype(dtype)
    A, B, C = numbers
    if kind == "gemv":
        M, N = sizes
        return [function(*one, f"{letter}gemv")(no, M, N, real(1), A, M, B, 1, real(0), C, 1) for one in libraries]
    M, N, K = sizes
    step = N if kind == "outer" else K
    return [
        function(*one, f"{letter}gemm")(no, turned, M, N, K, real(1), A, M, B, step, real(0), C, M) for one in libraries
    ]


def seconds(call, times):
    begin = time.perf_counter()
    for _ in range(times):
        call()
    return (time.perf_counter() - begin) / times


def main():
    libraries = [(ctypes.CDLL(str(blas.library())), "scipy_"), (ctypes.CDLL(sys.argv[1]), "")]
    for library, prefix in libraries:
        config = getattr(library, f"{prefix}openblas_get_config")
        config.restype = ctypes.c_char_p
        print(config().decode())
        getattr(library, f"{prefix}openblas_set_num_threads")(1)
    for letter, (kind, shapes) in itertools.product(REALS, {"gemm": PRODUCTS, "outer": OUTER, "gemv": VECTORS}.items()):
        for sizes in shapes:
            ours, other = calls(kind, letter, sizes, libraries)
            times = max(1, int(SECONDS / seconds(ours, 3)))
            ratios = [seconds(other, times) / seconds(ours, times) for _ in range(ROUNDS)]
            low, median, high = statistics.quantiles(ratios, n=4)
            print(f"{letter}{kind:5} {sizes!s:18} {median:.2f} ({low:.2f} to {high:.2f})", flush=True)


if __name__ == "__main__":
    main()
