"""Products of a BLAS beside those of integers, which use no BLAS; `blas_proof.py` runs this file.

It prints the BLAS's file, the kernel's name and each product before it is computed; the status is 3 after a wrong one.
The products are those of the models. The numbers are integers so small that every order of summation is exact, and so
large that bfloat16 is not.
"""

import ctypes
import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from typing import Any, Literal

import numpy as np
from threadpoolctl import threadpool_info

SHAPES = (  # of A, (m, k), and B, (k, n)
    *((20, 50, 1), (20, 20, 1), (20, 20, 10), (80, 20, 10), (12, 20, 10), (20, 1, 20), (1, 20, 20), (1, 1, 1)),
    *((7, 13, 5), (33, 65, 17), (3, 385, 1), (40, 390, 10), (64, 400, 70)),
)
ORDERS: tuple[Literal["C", "F"], ...] = ("C", "F")
# Its name, its right result, the array for its result, None if that is returned, and a function with its arguments.
Product = tuple[Any, ...]


def main(file: str) -> None:
    """Compute products of NumPy, if `file` is its file, or of the BLAS that the library `file` is linked with."""
    if file.endswith(".py"):
        if file != np.__file__:
            sys.exit(f"Python imports {np.__file__} instead of {file}")
        print(*next(iter(kernels().items()), (file, "")), sep="\n")
        products = numpys
    else:
        linked = ctypes.CDLL(file)
        print(*file_and_kernel(linked), sep="\n")
        products = partial(fortrans, linked)
    rng = np.random.RandomState(0)
    for m, k, n in SHAPES:
        A, B = rng.randint(-1023, 1024, (m, k)), rng.randint(-8, 9, (k, n))
        for dtype in ("float32", "float64"):
            for name, right, result, call, *arguments in products(dtype, A, B, A @ B):
                print(dtype, name, A.shape, B.shape, flush=True)
                returned = call(*arguments)
                if not np.array_equal(returned if result is None else result, right):
                    sys.exit(3)


def kernels() -> dict[str, str]:
    """Return the files of the BLASes in this process in the order of their loading, with their kernels."""
    loaded = [library for library in threadpool_info() if library["user_api"] == "blas"]
    return {library["filepath"]: library.get("architecture") or "" for library in loaded}


def file_and_kernel(linked: ctypes.CDLL) -> tuple[str, str]:
    """Return the file of the BLAS that a library is linked with, and its kernel; empty if it is no OpenBLAS.

    A static one has no kernel: each module of Theano has its own copy, which chooses one when it is loaded.
    """
    linked.file.restype = ctypes.c_char_p
    file = linked.file().decode()
    for name in ("scipy_openblas_get_corename", "openblas_get_corename"):
        if file != linked._name and hasattr(linked, name):
            function = getattr(linked, name)
            function.restype = ctypes.c_char_p
            return file, function().decode()
    return file, ""


def numpys(dtype: str, A: np.ndarray, B: np.ndarray, AB: np.ndarray) -> Iterator[Product]:
    """Yield the products that NumPy itself computes, with whichever functions it calls of whichever BLAS.

    There is none of a matrix and its own transpose, for which NumPy calls another function.
    """
    for of_A, of_B in product(ORDERS, repeat=2):
        a, b = A.astype(dtype, of_A), B.astype(dtype, of_B)
        for name, left, right, result in (
            (f"gemm {of_A}{of_B}", a, b, AB),
            (f"gemv {of_A}", a, b[:, 0], AB[:, 0]),
            (f"gemv {of_B}", a[0], b, AB[0]),
            (f"dot {of_A}{of_B}", a[0], b[:, 0], AB[0, 0]),
        ):
            yield name, result, None, np.dot, left, right, np.full(result.shape, np.nan, dtype)


def fortrans(linked: ctypes.CDLL, dtype: str, A: np.ndarray, B: np.ndarray, AB: np.ndarray) -> Iterator[Product]:
    """Yield the products of the functions of blas_functions.cpp, which Theano's modules call."""
    number = np.ctypeslib.as_ctypes_type(dtype)
    functions = (ctypes.CFUNCTYPE(number) * 5).in_dll(linked, dtype)
    gemm, gemv, ger, dot, axpy = (partial(by_reference, function) for function in functions)
    zero, one, two = np.arange(3, dtype=dtype)
    m, n = AB.shape
    for of_A, of_B in product("NT", repeat=2):
        a, b = turned(A, of_A, dtype), turned(B, of_B, dtype)
        C = np.full((m, n), np.nan, dtype, "F")
        for alpha, beta, right in ((one, zero, AB), (two, one, 3 * AB)):
            name, sizes = f"gemm {of_A}{of_B}", (m, n, A.shape[1])
            yield name, right, C, gemm, of_A, of_B, *sizes, alpha, a, len(a), b, len(b), beta, C, m
    for step in (1, 2):
        x, b, y = (np.repeat(vector.astype(dtype), step) for vector in (A[:, 0], B[:, 0], B[0]))
        for of_A in "NT":
            a, result = turned(A, of_A, dtype), np.full(m * step, np.nan, dtype)
            rest = (*a.shape, one, a, len(a), b, step, zero, result, step)
            yield f"gemv {of_A}", AB[:, 0], result[::step], gemv, of_A, *rest
        C, total = AB.astype(dtype, "F"), np.zeros(m * step, dtype)
        yield "ger", AB + np.outer(A[:, 0], B[0]), C, ger, m, n, one, x, step, y, step, C, m
        yield "dot", AB[0, 0], None, dot, len(B), turned(A, "N", dtype), m, b, step
        yield "axpy", 2 * A[:, 0], total[::step], axpy, m, two, x, step, total, step


def turned(matrix: np.ndarray, of: str, dtype: str) -> np.ndarray:
    """Return a matrix, or with "T" its transpose, in Fortran's order."""
    return np.asfortranarray(matrix.T if of == "T" else matrix, dtype)


def by_reference(function: Callable[..., float], *arguments: object) -> float:
    """Call a function of Fortran with pointers; little-endian int64 serve functions that read 32 bits of them too."""
    values = [np.asarray(argument.encode() if isinstance(argument, str) else argument) for argument in arguments]
    return function(*(value.ctypes.data_as(ctypes.c_void_p) for value in values))


if __name__ == "__main__":
    main(sys.argv[1])
