/* Calls the C++ code of the Ops on arrays that end where their data ends, for AddressSanitizer to watch. NUMBER comes
   from the compiler's command line, the code of the Ops, with their macros, from ops.h, which the test writes. BLAS is
   replaced by loops over exactly what it may touch. */
#include <cassert>
#include <cerrno>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <math.h>
#include <pthread.h>
#include <vector>

typedef long npy_intp;
typedef int32_t npy_int32;
typedef int64_t npy_int64;
typedef uint64_t npy_uint64;

template <class FLOAT>
static void gemm(char *ta, char *tb, int *m, int *n, int *k, FLOAT *alpha, FLOAT *A, int *lda, FLOAT *B, int *ldb,
                 FLOAT *beta, FLOAT *C, int *ldc)
{
    for (int i = 0; i < *m; ++i)
        for (int j = 0; j < *n; ++j) {
            FLOAT &sum = C[i + (long)j * *ldc];
            sum = *beta ? *beta * sum : 0;
            for (int l = 0; l < *k; ++l)
                sum += *alpha * (*ta == 'N' ? A[i + (long)l * *lda] : A[l + (long)i * *lda]) *
                       (*tb == 'N' ? B[l + (long)j * *ldb] : B[j + (long)l * *ldb]);
        }
}
template <class FLOAT>
static void gemv(char *t, int *m, int *n, FLOAT *alpha, FLOAT *A, int *lda, FLOAT *x, int *incx, FLOAT *beta, FLOAT *y,
                 int *incy)
{
    assert(*alpha == 1 && *incx == 1 && *incy == 1);
    for (int i = 0; !*beta && i < (*t == 'N' ? *m : *n); ++i)
        y[i] = 0;
    for (int i = 0; i < *m; ++i)
        for (int j = 0; j < *n; ++j)
            y[*t == 'N' ? i : j] += A[i + (long)j * *lda] * x[*t == 'N' ? j : i];
}
static const auto dgemv_ = gemv<double>;
static const auto sgemv_ = gemv<float>;
static const auto dgemm_ = gemm<double>;
static const auto sgemm_ = gemm<float>;

static int blas_threads = 1;
extern "C" int openblas_get_num_threads(void)
{
    return blas_threads;
}
extern "C" void openblas_set_num_threads(int threads)
{
    blas_threads = threads;
}

/* Every tenth thread is one too many for the system. */
static long created = 0;
#define pthread_create(...) (++created % 10 ? pthread_create(__VA_ARGS__) : EAGAIN)

/* a heap block of exactly n numbers */
struct Array {
    NUMBER *data;
    explicit Array(long n) : data((NUMBER *)malloc(sizeof(NUMBER) * (n ? n : 1)))
    {
        for (long i = 0; i < n; ++i)
            data[i] = (NUMBER)rand() / RAND_MAX - (NUMBER)0.5;
    }
    ~Array() { free(data); }
    operator NUMBER *() { return data; }
};

/* the arrays of a step, each a heap block of its own instead of a part of the workspace */
static std::vector<NUMBER *> taken;
static NUMBER *take(npy_intp size)
{
    taken.push_back((NUMBER *)malloc(sizeof(NUMBER) * size));
    return taken.back();
}
#define TAKE(size) take(size)
#define WORTH_A_THREAD 1000 /* small work is shared, too */

/* the code of the Ops changes no size or number without saying so */
#pragma GCC diagnostic error "-Wconversion"
#include "ops.h"
#pragma GCC diagnostic ignored "-Wconversion"

/* Threads share whatever is worth it, and only that. */
static void check_threads()
{
    for (int given : {1, 3, 1000}) {
        blas_threads = given;
        assert(rnn::threads_for(1999) == 1 && rnn::threads_for(2000) == (given < 2 ? 1 : 2));
        assert(rnn::threads_for(1e9) == (given < 128 ? given : 128));
    }
    blas_threads = 3;
    assert(rnn::threads_for_rows(5, 12, 1e5) == 3 && rnn::threads_for_rows(5, 8, 1e5) == 2);
    assert(rnn::threads_for_rows(1, 12, 1e5) == 0 && rnn::threads_for_rows(5, 1, 1e5) == 0); /* packed for nothing */
    assert(rnn::threads_for_rows(5, 4, 1e5) == 0);                                           /* a tile for three */
    for (int size : {1, 2, 11, 12, 13})
        for (int threads : {1, 2, 3}) {
            std::vector<int> seen(size);
            const long before = created;
            rnn::share(threads, size, 4, [&](npy_intp begin, npy_intp end) {
                assert(begin % 4 == 0);
                for (npy_intp n = begin; n < end; ++n)
                    ++seen[n];
            });
            assert(created == before + threads - 1 && seen == std::vector<int>(size, 1));
        }
}

static void run(int T, int B, int H)
{
    const long step = (long)B * H;
    Array a(T * step * 4), W_h(4 * H * H), W_c(3 * H * H), h0(step), c0(step), h(T * step), c(T * step);
    Array gates(T * step * 4), room_h(PACKED_SIZE(4 * H, H)), room_c(PACKED_SIZE(3 * H, H)), peep(step * 3);
    Array e_h(T * step);
    Array e_a(T * step * 4), e(step), e_c(step), g_h(4 * H * H), g_c(3 * H * H), e_b(T * step * 3);
    lstm::forward(T, B, H, a, W_h, W_c, h0, c0, h, c, gates, peep, room_h, room_c);
    lstm::backward(T, B, H, W_h, W_c, h, h0, c, c0, gates, e_h, e_a, e, e_c, g_h, g_c, e_b, room_h, room_c);

    plain_lstm::forward(T, B, H, a, W_h, NULL, h0, c0, h, c, gates, NULL, room_h, NULL);
    plain_lstm::backward(T, B, H, W_h, NULL, h, h0, c, c0, gates, e_h, e_a, e, e_c, g_h, NULL, NULL, room_h, NULL);

    Array ra(T * step), rW(H * H), re_a(T * step), rg(H * H);
    rnn::forward(T, B, H, ra, rW, h0, h, room_h);
    rnn::backward(T, B, H, rW, h, h0, e_h, re_a, e, rg, room_h);

    std::vector<npy_int32> gold(T, H - 1);
    Array y(T * H), weights(T), e_y(T * H), cost(1);
    npy_int64 correct;
    assert(plain::softmax_cost(T, H, y, gold.data(), weights, cost, e_y, &correct) == -1);
    gold[T - 1] = H;
    assert(plain::softmax_cost(T, H, y, gold.data(), weights, cost, e_y, &correct) == T - 1);
}

/* A product by a packed matrix against the formula, with panels of one shape. */
template <class Shape, class Product> static void multiply(int B, int K, int N, bool transposed, Product set)
{
    Array x(B * K), W(K * N), base(B * N), y(B * N), packed(PACKED_SIZE(K, N));
    rnn::pack<Shape>(K, N, W, transposed, packed);
    for (bool from_base : {false, true}) {
        set(B, K, N, from_base ? base.data : NULL, x, packed, y);
        for (int b = 0; b < B; ++b)
            for (int n = 0; n < N; ++n) {
                double right = from_base ? base.data[b * N + n] : 0;
                for (int k = 0; k < K; ++k)
                    right += (double)x.data[b * K + k] * W.data[transposed ? n * K + k : k * N + n];
                assert(std::fabs(y.data[b * N + n] - right) < (sizeof(NUMBER) == 8 ? 1e-12 : 1e-4));
            }
    }
}

static void multiply(bool large)
{
    for (int B : {3, 8, 13})
        for (int K : {1, 70, large ? 520 : 71})
            for (int N : {1, 7, 8, 24, 50, 64, 131})
                for (bool transposed : {false, true}) {
                    multiply<rnn::Narrow>(B, K, N, transposed, rnn::set_packed_narrow);
                    if (rnn::is_wide())
                        multiply<rnn::Wide>(B, K, N, transposed, rnn::set_packed_wide);
                }
}

/* With an argument every size is tried in every way, else each in some of them, which takes a third of the time. */
int main(int argc, char **)
{
    const int ways = argc > 1 ? 18 : 5;
    check_threads();
    multiply(argc > 1);
    const std::vector<int> sizes = {1, 2, 3, 7, 17, 40}, some = {7, 40};
    for (int threads : {1, 4}) /* four share eight rows, and leave three to BLAS */
        for (int T : {1, 2, 5})
            for (int B : {1, 3, 8})
                for (int H : threads == 1 ? sizes : some) {
                    blas_threads = threads;
                    run(T, B, H);
                    rnn::run_steps(T, B, H, ways);
                    lstm::run_steps(T, B, H, ways);
                    plain_lstm::run_steps(T, B, H, ways);
                }
    return 0;
}
