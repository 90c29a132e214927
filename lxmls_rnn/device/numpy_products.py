"""Products of NumPy's BLAS beside those of its integers, which use no BLAS; `blas_proof.py` runs this file.

They are those of the models: no product of a matrix and its own transpose, for which NumPy has another function.
The numbers are integers so small that every order of summation is exact, and so large that bfloat16 is not.
"""

import sys
from itertools import product

import numpy as np
from threadpoolctl import threadpool_info

SHAPES = (  # of A, (m, k), and B, (k, n)
    *((20, 50, 1), (20, 20, 1), (20, 20, 10), (80, 20, 10), (12, 20, 10), (20, 1, 20), (1, 20, 20), (1, 1, 1)),
    *((7, 13, 5), (33, 65, 17), (3, 385, 1), (40, 390, 10), (64, 400, 70)),
)
LAYOUTS = {"C": np.ascontiguousarray, "F": np.asfortranarray}


def main(numpy: str) -> None:
    """Compute the products; `numpy` is the file of the NumPy that is meant."""
    if numpy != np.__file__:
        sys.exit(f"Python imports {np.__file__} instead of {numpy}")
    loaded = [library for library in threadpool_info() if library["user_api"] == "blas"]
    library = loaded[0] if loaded else {"filepath": np.__file__}
    print(library["filepath"], library.get("architecture") or "", sep="\n")
    rng = np.random.RandomState(0)
    for m, k, n in SHAPES:
        A, B = rng.randint(-1023, 1024, (m, k)), rng.randint(-8, 9, (k, n))
        AB = A @ B
        for dtype in ("float32", "float64"):
            for of_A, of_B in product(LAYOUTS, repeat=2):
                a, b = LAYOUTS[of_A](A, dtype), LAYOUTS[of_B](B, dtype)
                require(f"{dtype} gemm {of_A}{of_B}", a, b, AB)
                require(f"{dtype} gemv {of_A}", a, b[:, 0], AB[:, 0])
                require(f"{dtype} gemv {of_B}", a[0], b, AB[0])
                require(f"{dtype} dot {of_A}{of_B}", a[0], b[:, 0], AB[0, 0])


def require(name: str, a: np.ndarray, b: np.ndarray, right: np.ndarray) -> None:
    """Exit with status 3 unless the product of `a` and `b` is `right`."""
    print(name, a.shape, b.shape, flush=True)
    result = np.full(right.shape, np.nan, a.dtype)
    if not (np.dot(a, b, out=result) == right).all():
        sys.exit(3)


if __name__ == "__main__":
    main(sys.argv[1])
