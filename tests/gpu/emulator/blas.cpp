/* cuBLAS, as far as libgpuarray 0.7.6 loads it, by the definitions. Matrices are in column order. */
#include <stddef.h>

enum { OK = 0 };
enum { AS_IT_IS, TRANSPOSED };

template <class T> struct Matrix {
  T *data;
  int leading, operation;
  T &at(ptrdiff_t i, ptrdiff_t j) const {
    return operation == AS_IT_IS ? data[i + j * leading] : data[j + i * leading];
  }
};

template <class T> static Matrix<T> row(T *data, int step) { return {data, step, AS_IT_IS}; }
template <class T> static Matrix<T> column(T *data, int step) { return {data, step, TRANSPOSED}; }

/* Calls so far, for a test to look at. */
extern "C" { long emulated_products; }

/* C (m, n) = alpha A B + beta C; where beta is 0, C is not read */
template <class T>
static int product(int m, int n, int k, T alpha, Matrix<const T> A, Matrix<const T> B, T beta, Matrix<T> C) {
  for (int i = 0; i < m; i++)
    for (int j = 0; j < n; j++) {
      T sum = 0;
      for (int l = 0; l < k; l++) sum += A.at(i, l) * B.at(l, j);
      C.at(i, j) = alpha * sum + (beta == 0 ? 0 : beta * C.at(i, j));
    }
  return OK;
}

extern "C" {

int cublasCreate_v2(void **handle) { *handle = handle; return OK; }
int cublasDestroy_v2(void *) { return OK; }
int cublasSetStream_v2(void *, void *) { return OK; }
int cublasGetPointerMode_v2(void *, int *mode) { *mode = 0; return OK; }
int cublasSetPointerMode_v2(void *, int) { return OK; }
int cublasSetAtomicsMode(void *, int) { return OK; }
int cublasGetProperty(int, int *part) { *part = 0; return OK; }

#define FOR_TYPE(X, T)                                                                                                \
  int cublas##X##gemm_v2(void *, int trans_a, int trans_b, int m, int n, int k, const T *alpha, const T *A, int lda,   \
                         const T *B, int ldb, const T *beta, T *C, int ldc) {                                          \
    emulated_products++;                                                                                               \
    return product<T>(m, n, k, *alpha, {A, lda, trans_a}, {B, ldb, trans_b}, *beta, {C, ldc, AS_IT_IS});               \
  }                                                                                                                    \
  int cublas##X##gemmBatched(void *, int trans_a, int trans_b, int m, int n, int k, const T *alpha, const T **A,       \
                             int lda, const T **B, int ldb, const T *beta, T **C, int ldc, int count) {                \
    emulated_products++;                                                                                               \
    for (int i = 0; i < count; i++)                                                                                    \
      product<T>(m, n, k, *alpha, {A[i], lda, trans_a}, {B[i], ldb, trans_b}, *beta, {C[i], ldc, AS_IT_IS});           \
    return OK;                                                                                                         \
  }                                                                                                                    \
  int cublas##X##gemv_v2(void *, int trans, int m, int n, const T *alpha, const T *A, int lda, const T *x, int incx,   \
                         const T *beta, T *y, int incy) {                                                              \
    emulated_products++;                                                                                               \
    return product<T>(trans ? n : m, 1, trans ? m : n, *alpha, {A, lda, trans}, column(x, incx), *beta,                \
                      column(y, incy));                                                                                \
  }                                                                                                                    \
  int cublas##X##ger_v2(void *, int m, int n, const T *alpha, const T *x, int incx, const T *y, int incy, T *A,        \
                        int lda) {                                                                                     \
    emulated_products++;                                                                                               \
    return product<T>(m, n, 1, *alpha, column(x, incx), row(y, incy), 1, {A, lda, AS_IT_IS});                          \
  }                                                                                                                    \
  int cublas##X##dot_v2(void *, int n, const T *x, int incx, const T *y, int incy, T *result) {                        \
    emulated_products++;                                                                                               \
    return product<T>(1, 1, n, 1, row(x, incx), column(y, incy), 0, {result, 1, AS_IT_IS});                            \
  }

FOR_TYPE(S, float)
FOR_TYPE(D, double)
}
