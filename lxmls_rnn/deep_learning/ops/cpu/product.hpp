/* Loops and matrix products of the layers. */
#include "packed_product.hpp"

/* work(n) for n in 0 .. size, in whole vectors, then in fours, because the compiler would process the remaining numbers
   one by one, which takes as long as some vectors. */
template <class Work> static INLINED void each(npy_intp size, Work work)
{
    const npy_intp whole = size / 16 * 16, fours = size / 4 * 4;
#pragma GCC ivdep /* without this GCC does not vectorise: there are too many arrays to check for overlap */
    for (npy_intp n = 0; n < whole; ++n)
        work(n);
    for (npy_intp n = whole; n < fours; n += 4)
#pragma GCC ivdep
        for (npy_intp k = 0; k < 4; ++k)
            work(n + k);
    for (npy_intp n = fours; n < size; ++n)
        work(n);
}

/* Whether BLAS, which counts in 32 bits, can count so many rows; a double represents products that overflow. */
static inline int is_countable(double rows)
{
    return rows <= INT32_MAX;
}

/* Whether memory for so many numbers can be addressed; a double represents products of sizes that overflow 64 bits. */
static inline int is_addressable(double numbers)
{
    return numbers * sizeof(FLOAT) < 4e18;
}

/* Whether a product is so small that it takes less time than BLAS's checks of its arguments. */
static inline int is_small(npy_intp B, npy_intp K, npy_intp N)
{
    return (double)B * (double)K * (double)N < 2048;
}

/* y += x W:  x (B, K), W (K, N), y (B, N). The inner loop runs over independent sums, so that the compiler may use
   vectors without changing any result. */
static void add_small_product(npy_intp B, npy_intp K, npy_intp N, const FLOAT *x, const FLOAT *W, FLOAT *y)
{
    for (npy_intp b = 0; b < B; ++b) {
        const FLOAT *x_b = x + b * K;
        FLOAT *__restrict__ sum = y + b * N;
        npy_intp k = 0;
        for (; k + 4 <= K; k += 4) { /* four rows at once, so that the sums are loaded and stored less often */
            const FLOAT x_0 = x_b[k], x_1 = x_b[k + 1], x_2 = x_b[k + 2], x_3 = x_b[k + 3];
            const FLOAT *__restrict__ row = W + k * N;
            for (npy_intp n = 0; n < N; ++n)
                sum[n] += x_0 * row[n] + x_1 * row[N + n] + (x_2 * row[2 * N + n] + x_3 * row[3 * N + n]);
        }
        for (; k < K; ++k) {
            const FLOAT *__restrict__ row = W + k * N;
            for (npy_intp n = 0; n < N; ++n)
                sum[n] += x_b[k] * row[n];
        }
    }
}

/* Number of threads that share the rows of `times` products of B rows with matrices of `numbers` entries, packed once;
   0 if BLAS is faster. A packed product of a few rows takes half of BLAS's time, but threads share only its tiles. */
static int threads_for_rows(npy_intp times, npy_intp B, double numbers)
{
    if (times < 2 || B < 2)
        return 0;
    const int wanted = threads_for((double)times * (double)B * numbers);
    const npy_intp most = (B + GRAIN - 1) / GRAIN;
    return wanted > 2 * most ? 0 : (int)smaller(wanted, most);
}

/* A matrix (K, N) of products of B rows. `W` holds it, or if `transposed` its transpose, (N, K).
   `prepared` is the copy of W that the products read; NULL if BLAS computes them. */
typedef struct {
    npy_intp B, K, N;
    int transposed;
    const FLOAT *W, *prepared;
} Matrix;

/* Prepare W for products; `threads` is from `threads_for_rows`, `room` has PACKED_SIZE numbers. */
static Matrix matrix(int threads, npy_intp B, npy_intp K, npy_intp N, const FLOAT *W, int transposed, FLOAT *room)
{
    Matrix made = {B, K, N, transposed, W, NULL};
    if (is_small(B, K, N)) {
        made.prepared = transposed ? room : W;
        if (transposed)
            for (npy_intp n = 0; n < N; ++n)
                for (npy_intp k = 0; k < K; ++k)
                    room[k * N + n] = W[n * K + k];
    } else if (threads) {
        made.prepared = packed(K, N, W, transposed, room);
    }
    return made;
}

/* Whether all numbers are 0, as the first states of sentences; then the matrix need not be read. */
static int is_zero(npy_intp size, const FLOAT *x)
{
    npy_intp n = 0;
    while (n < size && x[n] == 0)
        ++n;
    return n >= size;
}

/* y = base + x W for some or all rows:  x (rows, K), y (rows, N); base may be y, or NULL for 0 */
static INLINED void set_product(npy_intp rows, const FLOAT *base, const FLOAT *x, Matrix W, FLOAT *y)
{
    const int is_nothing = is_zero(rows * W.K, x), is_few = is_small(W.B, W.K, W.N);
    if (W.prepared && !is_few && !is_nothing)
        return set_packed_product(rows, W.K, W.N, base, x, W.prepared, y);
    if (base && base != y)
        memcpy(y, base, sizeof(FLOAT) * rows * W.N);
    if (!base && (is_few || is_nothing))
        memset(y, 0, sizeof(FLOAT) * rows * W.N);
    if (is_nothing)
        return;
    if (is_few) {
        add_small_product(rows, W.K, W.N, x, W.prepared, y);
    } else { /* BLAS is column-major, so every matrix here is its transpose: y^T += W^T x^T */
        char no = 'N', turned = W.transposed ? 'T' : 'N';
        int B = (int)rows, K = (int)W.K, N = (int)W.N, step = 1;
        int first = W.transposed ? K : N, second = W.transposed ? N : K;
        FLOAT one = 1, kept = base ? 1 : 0;
        if (B == 1)
            GEMV(&turned, &first, &second, &one, (FLOAT *)W.W, &first, (FLOAT *)x, &step, &kept, y, &step);
        else
            GEMM(&turned, &no, &N, &B, &K, &one, (FLOAT *)W.W, &first, (FLOAT *)x, &K, &kept, y, &N);
    }
}

/* Number of threads for a BLAS product next to passes with `of_passes` threads. BLAS then uses none of its own, which
   would spin for a while and slow down the passes. */
static int threads_next_to(int of_passes, double work)
{
    return of_passes < 2 ? 0 : threads_for(work);
}

/* How the gradient g of a matrix is stored: G = kept G + scale g. A step that needs no norm updates the matrix at once,
   with the matrix itself as G. */
typedef struct {
    FLOAT scale, kept;
} Use;
static const Use AS_IT_IS = {1, 0};

/* G = kept G + scale e^T h, where e^T h is the gradient over N positions:  e (N, M), h (N, K), G (M, K) */
static void use_outer(int of_passes, npy_intp N, npy_intp M, npy_intp K, const FLOAT *e, const FLOAT *h, Use use,
                      FLOAT *G)
{
    if (is_zero(N * K, h)) {
        if (!use.kept)
            memset(G, 0, sizeof(FLOAT) * M * K);
        return;
    }
    const int threads = threads_next_to(of_passes, (double)N * (double)M * (double)K);
    share(threads, M, 16, [=](npy_intp begin, npy_intp end) {
        char no = 'N', transposed = 'T';
        int rows = (int)N, m = (int)(end - begin), k = (int)K, step = (int)M;
        FLOAT scale = use.scale, kept = use.kept;
        GEMM(&no, &transposed, &k, &m, &rows, &scale, (FLOAT *)h, &k, (FLOAT *)e + begin, &step, &kept, G + begin * K,
             &k);
    });
}

/* G = kept G + scale sum_t e_t s_{t-1}^T:  e (T, B, M), first state (B, K), states (T, B, K), G (M, K) */
static void use_outer_of_steps(int of_passes, npy_intp T, npy_intp B, npy_intp M, npy_intp K, const FLOAT *e,
                               const FLOAT *first, const FLOAT *states, Use use, FLOAT *G)
{
    use_outer(of_passes, smaller(T, 1) * B, M, K, e, first, use, G);
    use.kept = 1;
    use_outer(of_passes, (T - 1) * B, M, K, e + B * M, states, use, G);
}
