/* cuBLAS, as far as libgpuarray 0.7.6 loads it, by the definitions, with the checks that its documentation names.
 * Matrices are in column order. */
#include <stddef.h>

#include <algorithm>

#include "context.h"
#include "device.h"
#include "machine.h"

enum { NO_HANDLE = 1, INVALID_ARGUMENT = 7, EXECUTION_FAILED = 13, NOT_SUPPORTED = 15 }; /* cublasStatus_t */
enum { AS_IT_IS, TRANSPOSED };
enum { ON_HOST, ON_DEVICE };

/* What cublasSetStream and cublasSetPointerMode set. */
struct Setting {
  void *stream;
  int mode; /* whether scalars are on the host or ON_DEVICE */
};
static Handles<Setting> handles;

/* Begin a call with a handle, whose setting and stream it uses. */
#define BEGIN(handle)                                           \
  const std::lock_guard<std::recursive_mutex> alone(one_call);  \
  const auto setting = handles.find(handle);                    \
  if (setting == nullptr) return NO_HANDLE;                     \
  if (entry(CONTEXT) != OK) return EXECUTION_FAILED;            \
  const auto stream = stream_of(setting->stream);               \
  if (stream == nullptr) return EXECUTION_FAILED

#define BEGIN_PRODUCT(handle) \
  BEGIN(handle);              \
  emulated_products++;        \
  if (is_idle()) return OK

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

/* Whether all numbers of a matrix, `rows` of them in each column, are in the device's memory and may be used so. */
template <class T> static bool may_use(const Matrix<T> &A, int rows, int columns, int how) {
  if (Pointer(A.data) % sizeof(T) != 0) {
    fail_later(MISALIGNED_ADDRESS, "cuBLAS: a matrix that is not aligned");
    return false;
  }
  for (int i = 0; i < rows; i++)
    for (int j = 0; j < columns; j++)
      if (!may_touch(&A.at(i, j), sizeof(T), how, "cuBLAS")) return false;
  return true;
}

/* C (m, n) = alpha A B + beta C; where beta is 0, C is not read, and where alpha is 0, neither are A and B */
template <class T>
static void product(int m, int n, int k, T alpha, Matrix<const T> A, Matrix<const T> B, T beta, Matrix<T> C) {
  if (alpha == 0) k = 0;
  if (!may_use(A, m, k, READ) || !may_use(B, k, n, READ) || (beta != 0 && !may_use(C, m, n, READ)) ||
      !may_use(C, m, n, WRITE))
    return;
  for (int i = 0; i < m; i++)
    for (int j = 0; j < n; j++) {
      T sum = 0;
      for (int l = 0; l < k; l++) sum += A.at(i, l) * B.at(l, j);
      C.at(i, j) = alpha * sum + (beta == 0 ? 0 : beta * C.at(i, j));
    }
}

template <class T>
static int multiply(const std::shared_ptr<Stream> &stream, int m, int n, int k, T alpha, Matrix<const T> A,
                    Matrix<const T> B, T beta, Matrix<T> C) {
  enqueue(stream, [=] { product<T>(m, n, k, alpha, A, B, beta, C); });
  return OK;
}

template <class T>
static bool shapes_fit(int m, int n, int k, const Matrix<const T> &A, const Matrix<const T> &B, const Matrix<T> &C) {
  return m >= 0 && n >= 0 && k >= 0 && fits(A, m, k) && fits(B, k, n) && fits(C, m, n);
}

extern "C" {

int cublasCreate_v2(Setting **handle) {
  const std::lock_guard<std::recursive_mutex> alone(one_call);
  if (entry(CONTEXT) != OK) return EXECUTION_FAILED;
  return handles.add(handle, std::make_shared<Setting>());
}
int cublasDestroy_v2(void *handle) { BEGIN(handle); finish(stream); handles.all.erase(handle); return OK; }
int cublasSetStream_v2(void *handle, void *other) { BEGIN(handle); setting->stream = other; return OK; }
int cublasGetPointerMode_v2(void *handle, int *mode) { BEGIN(handle); *mode = setting->mode; return OK; }
int cublasSetPointerMode_v2(void *handle, int mode) { BEGIN(handle); setting->mode = mode; return OK; }
int cublasSetAtomicsMode(void *handle, int) { BEGIN(handle); return OK; }
int cublasGetProperty(int, int *part) { *part = 0; return OK; }

#define FOR_TYPE(X, T)                                                                                                 \
  int cublas##X##gemm_v2(void *handle, int trans_a, int trans_b, int m, int n, int k, const T *alpha, const T *a,      \
                         int lda, const T *b, int ldb, const T *beta, T *c, int ldc) {                                 \
    BEGIN_PRODUCT(handle);                                                                                             \
    const Matrix<const T> A = {a, lda, trans_a}, B = {b, ldb, trans_b};                                                \
    const Matrix<T> C = {c, ldc, AS_IT_IS};                                                                            \
    if (!shapes_fit<T>(m, n, k, A, B, C)) return INVALID_ARGUMENT;                                                     \
    return multiply<T>(stream, m, n, k, *alpha, A, B, *beta, C);                                                       \
  }                                                                                                                    \
  int cublas##X##gemmBatched(void *handle, int trans_a, int trans_b, int m, int n, int k, const T *alpha, const T **a, \
                             int lda, const T **b, int ldb, const T *beta, T **c, int ldc, int count) {                \
    BEGIN_PRODUCT(handle);                                                                                             \
    if (count < 0 || !shapes_fit<T>(m, n, k, {NULL, lda, trans_a}, {NULL, ldb, trans_b}, {NULL, ldc, AS_IT_IS}))       \
      return INVALID_ARGUMENT;                                                                                         \
    enqueue(stream, [=, factor = *alpha, part = *beta] {                                                               \
      for (const void *places : {(const void *)a, (const void *)b, (const void *)c})                                   \
        if (!may_touch(places, count * sizeof a, READ, "cuBLAS")) return;                                              \
      for (int i = 0; i < count; i++)                                                                                  \
        product<T>(m, n, k, factor, {a[i], lda, trans_a}, {b[i], ldb, trans_b}, part, {c[i], ldc, AS_IT_IS});          \
    });                                                                                                                \
    return OK;                                                                                                         \
  }                                                                                                                    \
  int cublas##X##gemv_v2(void *handle, int trans, int m, int n, const T *alpha, const T *a, int lda, const T *x,       \
                         int incx, const T *beta, T *y, int incy) {                                                    \
    BEGIN_PRODUCT(handle);                                                                                             \
    if (m < 0 || n < 0 || lda < std::max(1, m) || incx == 0 || incy == 0) return INVALID_ARGUMENT;                     \
    return multiply<T>(stream, trans ? n : m, 1, trans ? m : n, *alpha, {a, lda, trans}, column(x, incx), *beta,       \
                       column(y, incy));                                                                               \
  }                                                                                                                    \
  int cublas##X##ger_v2(void *handle, int m, int n, const T *alpha, const T *x, int incx, const T *y, int incy, T *a,  \
                        int lda) {                                                                                     \
    BEGIN_PRODUCT(handle);                                                                                             \
    if (m < 0 || n < 0 || lda < std::max(1, m) || incx == 0 || incy == 0) return INVALID_ARGUMENT;                     \
    return multiply<T>(stream, m, n, 1, *alpha, column(x, incx), row(y, incy), 1, {a, lda, AS_IT_IS});                 \
  }                                                                                                                    \
  int cublas##X##dot_v2(void *handle, int n, const T *x, int incx, const T *y, int incy, T *result) {                  \
    BEGIN_PRODUCT(handle);                                                                                             \
    if (setting->mode != ON_DEVICE) return NOT_SUPPORTED;                                                              \
    return multiply<T>(stream, 1, 1, n, 1, row(x, incx), column(y, incy), 0, {result, 1, AS_IT_IS});                   \
  }

FOR_TYPE(S, float)
FOR_TYPE(D, double)
}
