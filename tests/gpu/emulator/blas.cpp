/* cuBLAS, as far as libgpuarray 0.7.6 loads it, by the definitions, with the checks that its documentation names.
 * Matrices are in column order. */
#include <stddef.h>

#include <algorithm>

#include "context.h"

enum { NO_HANDLE = 1, INVALID_ARGUMENT = 7, EXECUTION_FAILED = 13 }; /* cublasStatus_t */
enum { AS_IT_IS, TRANSPOSED };

#define BEGIN(handle)                                           \
  const std::lock_guard<std::recursive_mutex> alone(one_call);  \
  if ((handle) == NULL) return NO_HANDLE;                       \
  if (entry(CONTEXT) != OK) return EXECUTION_FAILED

template <class T> struct Matrix {
  T *data;
  int leading, operation;
  T &at(ptrdiff_t i, ptrdiff_t j) const {
    return operation == AS_IT_IS ? data[i + j * leading] : data[j + i * leading];
  }
};

/* Whether the columns of a matrix in memory, `rows` long, or its rows where it is transposed, do not overlap. */
template <class T> static bool fits(const Matrix<T> &A, int rows, int columns) {
  return A.leading >= std::max(1, A.operation == AS_IT_IS ? rows : columns);
}

template <class T> static Matrix<T> row(T *data, int step) { return {data, step, AS_IT_IS}; }
template <class T> static Matrix<T> column(T *data, int step) { return {data, step, TRANSPOSED}; }

/* Calls so far, for a test to look at. */
extern "C" { long emulated_products; }

/* C (m, n) = alpha A B + beta C; where beta is 0, C is not read */
template <class T>
static int product(int m, int n, int k, T alpha, Matrix<const T> A, Matrix<const T> B, T beta, Matrix<T> C) {
  if (is_dead()) return OK;
  for (int i = 0; i < m; i++)
    for (int j = 0; j < n; j++) {
      T sum = 0;
      for (int l = 0; l < k; l++) sum += A.at(i, l) * B.at(l, j);
      C.at(i, j) = alpha * sum + (beta == 0 ? 0 : beta * C.at(i, j));
    }
  return OK;
}

template <class T>
static bool shapes_fit(int m, int n, int k, const Matrix<const T> &A, const Matrix<const T> &B, const Matrix<T> &C) {
  return m >= 0 && n >= 0 && k >= 0 && fits(A, m, k) && fits(B, k, n) && fits(C, m, n);
}

extern "C" {

int cublasCreate_v2(void **handle) {
  static int anything;
  *handle = &anything;
  BEGIN(*handle);
  return OK;
}
int cublasDestroy_v2(void *handle) { BEGIN(handle); return OK; }
int cublasSetStream_v2(void *handle, void *) { BEGIN(handle); return OK; }
int cublasGetPointerMode_v2(void *handle, int *mode) { BEGIN(handle); *mode = 0; return OK; }
int cublasSetPointerMode_v2(void *handle, int) { BEGIN(handle); return OK; }
int cublasSetAtomicsMode(void *handle, int) { BEGIN(handle); return OK; }
int cublasGetProperty(int, int *part) { *part = 0; return OK; }

#define FOR_TYPE(X, T)                                                                                                \
  int cublas##X##gemm_v2(void *handle, int trans_a, int trans_b, int m, int n, int k, const T *alpha, const T *a,      \
                         int lda, const T *b, int ldb, const T *beta, T *c, int ldc) {                                 \
    BEGIN(handle);                                                                                                     \
    emulated_products++;                                                                                               \
    const Matrix<const T> A = {a, lda, trans_a}, B = {b, ldb, trans_b};                                                \
    const Matrix<T> C = {c, ldc, AS_IT_IS};                                                                            \
    return shapes_fit<T>(m, n, k, A, B, C) ? product<T>(m, n, k, *alpha, A, B, *beta, C) : INVALID_ARGUMENT;           \
  }                                                                                                                    \
  int cublas##X##gemmBatched(void *handle, int trans_a, int trans_b, int m, int n, int k, const T *alpha, const T **a, \
                             int lda, const T **b, int ldb, const T *beta, T **c, int ldc, int count) {                \
    BEGIN(handle);                                                                                                     \
    emulated_products++;                                                                                               \
    if (count < 0) return INVALID_ARGUMENT;                                                                            \
    for (int i = 0; i < count; i++) {                                                                                  \
      const Matrix<const T> A = {a[i], lda, trans_a}, B = {b[i], ldb, trans_b};                                        \
      const Matrix<T> C = {c[i], ldc, AS_IT_IS};                                                                       \
      if (!shapes_fit<T>(m, n, k, A, B, C)) return INVALID_ARGUMENT;                                                   \
      product<T>(m, n, k, *alpha, A, B, *beta, C);                                                                     \
    }                                                                                                                  \
    return OK;                                                                                                         \
  }                                                                                                                    \
  int cublas##X##gemv_v2(void *handle, int trans, int m, int n, const T *alpha, const T *a, int lda, const T *x,       \
                         int incx, const T *beta, T *y, int incy) {                                                    \
    BEGIN(handle);                                                                                                     \
    emulated_products++;                                                                                               \
    if (m < 0 || n < 0 || lda < std::max(1, m) || incx == 0 || incy == 0) return INVALID_ARGUMENT;                     \
    return product<T>(trans ? n : m, 1, trans ? m : n, *alpha, {a, lda, trans}, column(x, incx), *beta,                \
                      column(y, incy));                                                                                \
  }                                                                                                                    \
  int cublas##X##ger_v2(void *handle, int m, int n, const T *alpha, const T *x, int incx, const T *y, int incy, T *a,  \
                        int lda) {                                                                                     \
    BEGIN(handle);                                                                                                     \
    emulated_products++;                                                                                               \
    if (m < 0 || n < 0 || lda < std::max(1, m) || incx == 0 || incy == 0) return INVALID_ARGUMENT;                     \
    return product<T>(m, n, 1, *alpha, column(x, incx), row(y, incy), 1, {a, lda, AS_IT_IS});                          \
  }                                                                                                                    \
  int cublas##X##dot_v2(void *handle, int n, const T *x, int incx, const T *y, int incy, T *result) {                  \
    BEGIN(handle);                                                                                                     \
    emulated_products++;                                                                                               \
    return product<T>(1, 1, n, 1, row(x, incx), column(y, incy), 0, {result, 1, AS_IT_IS});                            \
  }

FOR_TYPE(S, float)
FOR_TYPE(D, double)
}
