/* A BLAS with two kernels or more, of which SPOILT names the faults: "kernel function fault; ...".

A kernel is chosen when the library is loaded, as OpenBLAS does it: OPENBLAS_CORETYPE, else "native". A function that
is "wrong" has one wrong entry, and one that "crashes" does so. With LD_PRELOAD its CBLAS takes the place of NumPy's. */

#include <stdint.h>
#include <stdlib.h>
#include <string>

static const char *chosen = getenv("OPENBLAS_CORETYPE") ? getenv("OPENBLAS_CORETYPE") : "native";

static bool is_wrong(const char *function)
{
    const std::string faults = getenv("SPOILT") ? getenv("SPOILT") : "", place = std::string(chosen) + " " + function;
    if (faults.find(place + " crashes") != std::string::npos)
        *(volatile int *)0 = 0;
    return faults.find(place + " wrong") != std::string::npos;
}

template <typename T> static void scale(int64_t n, T beta, T *y, int64_t step)
{
    for (int64_t i = 0; i < n; i++)
        y[i * step] = beta == 0 ? 0 : beta * y[i * step];
}

template <typename T> static void axpy(int64_t n, T alpha, const T *x, int64_t x_step, T *y, int64_t y_step)
{
    for (int64_t i = 0; i < n; i++)
        y[i * y_step] += alpha * x[i * x_step];
}

template <typename T>
static void gemm(const char *name, bool turn_A, bool turn_B, int64_t m, int64_t n, int64_t k, T alpha, const T *A,
                 int64_t lda, const T *B, int64_t ldb, T beta, T *C, int64_t ldc)
{
    for (int64_t j = 0; j < n; j++) {
        scale(m, beta, C + j * ldc, 1);
        for (int64_t l = 0; l < k; l++)
            axpy(m, alpha * (turn_B ? B[j + l * ldb] : B[l + j * ldb]), A + l * (turn_A ? 1 : lda), turn_A ? lda : 1,
                 C + j * ldc, 1);
    }
    C[m - 1 + (n - 1) * ldc] += is_wrong(name);
}

extern "C" const char *openblas_get_corename() { return chosen; }

#define FORTRAN(T, s)                                                                                                  \
    extern "C" void s##gemm_(const char *a, const char *b, int *m, int *n, int *k, T *alpha, T *A, int *lda, T *B,      \
                             int *ldb, T *beta, T *C, int *ldc)                                                        \
    {                                                                                                                  \
        gemm<T>(#s "gemm", *a == 'T', *b == 'T', *m, *n, *k, *alpha, A, *lda, B, *ldb, *beta, C, *ldc);                 \
    }                                                                                                                  \
    extern "C" void s##gemv_(const char *a, int *m, int *n, T *alpha, T *A, int *lda, T *x, int *x_step, T *beta, T *y, \
                             int *y_step)                                                                              \
    {                                                                                                                  \
        const bool turn = *a == 'T';                                                                                   \
        scale<T>(turn ? *n : *m, *beta, y, *y_step);                                                                   \
        for (int i = 0; i < (turn ? *n : *m); i++)                                                                     \
            for (int j = 0; j < (turn ? *m : *n); j++)                                                                 \
                y[i * *y_step] += *alpha * (turn ? A[j + i * *lda] : A[i + j * *lda]) * x[j * *x_step];                 \
        y[0] += is_wrong(#s "gemv");                                                                                   \
    }                                                                                                                  \
    extern "C" void s##ger_(int *m, int *n, T *alpha, T *x, int *x_step, T *y, int *y_step, T *A, int *lda)             \
    {                                                                                                                  \
        for (int j = 0; j < *n; j++)                                                                                   \
            axpy<T>(*m, *alpha * y[j * *y_step], x, *x_step, A + j * *lda, 1);                                         \
        A[0] += is_wrong(#s "ger");                                                                                    \
    }                                                                                                                  \
    extern "C" T s##dot_(int *n, T *x, int *x_step, T *y, int *y_step)                                                 \
    {                                                                                                                  \
        T sum = is_wrong(#s "dot");                                                                                    \
        for (int i = 0; i < *n; i++)                                                                                   \
            sum += x[i * *x_step] * y[i * *y_step];                                                                    \
        return sum;                                                                                                    \
    }                                                                                                                  \
    extern "C" void s##axpy_(int *n, T *alpha, T *x, int *x_step, T *y, int *y_step)                                   \
    {                                                                                                                  \
        axpy<T>(*n, *alpha, x, *x_step, y, *y_step);                                                                   \
        y[0] += is_wrong(#s "axpy");                                                                                   \
    }
FORTRAN(float, s)
FORTRAN(double, d)

/* under the names in NumPy 2, NumPy 1.26 and the distributions' NumPy; row-major as column-major with A and B swapped */
#define CBLAS(name, integer)                                                                                           \
    extern "C" void name(int order, int a, int b, integer m, integer n, integer k, double alpha, double *A,             \
                         integer lda, double *B, integer ldb, double beta, double *C, integer ldc)                     \
    {                                                                                                                  \
        if (order == 101)                                                                                              \
            gemm<double>("cblas", b == 112, a == 112, n, m, k, alpha, B, ldb, A, lda, beta, C, ldc);                   \
        else                                                                                                           \
            gemm<double>("cblas", a == 112, b == 112, m, n, k, alpha, A, lda, B, ldb, beta, C, ldc);                   \
    }
CBLAS(scipy_cblas_dgemm64_, int64_t)
CBLAS(cblas_dgemm64_, int64_t)
CBLAS(cblas_dgemm, int)
