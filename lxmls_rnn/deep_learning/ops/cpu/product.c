/* What the layers share. */

/* A small product is done before BLAS has looked at its arguments. */
static inline int is_small(int B, int K, int N)
{
    return (npy_intp)B * K * N < 2048;
}

/* y += x W:  x (B, K), W (K, N), y (B, N). The inner loop runs over independent sums, so that the compiler may use
   vectors without changing any result. */
static void add_small_product(int B, int K, int N, const FLOAT *x, const FLOAT *W, FLOAT *y)
{
    for (int b = 0; b < B; ++b) {
        const FLOAT *x_b = x + b * K;
        FLOAT *__restrict__ sum = y + b * N;
        int k = 0;
        for (; k + 4 <= K; k += 4) { /* four at once: fewer trips of the sums to memory and back */
            const FLOAT x_0 = x_b[k], x_1 = x_b[k + 1], x_2 = x_b[k + 2], x_3 = x_b[k + 3];
            const FLOAT *__restrict__ row = W + k * N;
            for (int n = 0; n < N; ++n)
                sum[n] += x_0 * row[n] + x_1 * row[N + n] + (x_2 * row[2 * N + n] + x_3 * row[3 * N + n]);
        }
        for (; k < K; ++k) {
            const FLOAT *__restrict__ row = W + k * N;
            for (int n = 0; n < N; ++n)
                sum[n] += x_b[k] * row[n];
        }
    }
}

/* OpenBLAS's own, where it is linked. */
extern "C" int openblas_get_num_threads(void) __attribute__((weak));

/* A packed product runs in one thread, twice as fast as BLAS in one: as fast as BLAS in two. */
static int blas_is_faster(void)
{
    return openblas_get_num_threads && openblas_get_num_threads() > 2;
}

/* A matrix (K, N) of products of B rows. `W` holds it, or where it is `transposed` its transpose, (N, K).
   `prepared` is what the products read instead, NULL where that would cost more than it saves. */
typedef struct {
    int B, K, N, transposed;
    const FLOAT *W, *prepared;
} Matrix;

/* Prepare W for some products, `times` of them; `room` is of PACKED_SIZE. */
static Matrix matrix(int times, int B, int K, int N, const FLOAT *W, int transposed, FLOAT *room)
{
    Matrix made = {B, K, N, transposed, W, NULL};
    if (is_small(B, K, N)) {
        made.prepared = transposed ? room : W;
        if (transposed)
            for (int n = 0; n < N; ++n)
                for (int k = 0; k < K; ++k)
                    room[k * N + n] = W[n * K + k];
    } else if (times > 1 && B > 1 && !blas_is_faster()) {
        made.prepared = packed(K, N, W, transposed, room);
    }
    return made;
}

/* Sentences begin with states of 0: what is multiplied with them need not be read. */
static int is_zero(npy_intp size, const FLOAT *x)
{
    npy_intp n = 0;
    while (n < size && x[n] == 0)
        ++n;
    return n >= size;
}

/* y += x W:  x (B, K), y (B, N) */
static void add_product(const FLOAT *x, Matrix W, FLOAT *y)
{
    if (is_zero((npy_intp)W.B * W.K, x))
        return;
    if (is_small(W.B, W.K, W.N)) {
        add_small_product(W.B, W.K, W.N, x, W.prepared, y);
    } else if (W.prepared) {
        add_packed_product(W.B, W.K, W.N, x, W.prepared, y);
    } else { /* to BLAS, which counts columns first, every matrix here is its transpose: y^T += W^T x^T */
        char no = 'N', turned = W.transposed ? 'T' : 'N';
        int rows = W.transposed ? W.K : W.N, columns = W.transposed ? W.N : W.K, step = 1;
        FLOAT one = 1;
        if (W.B == 1)
            GEMV(&turned, &rows, &columns, &one, (FLOAT *)W.W, &rows, (FLOAT *)x, &step, &one, y, &step);
        else
            GEMM(&turned, &no, &W.N, &W.B, &W.K, &one, (FLOAT *)W.W, &rows, (FLOAT *)x, &W.K, &one, y, &W.N);
    }
}

/* g += e^T h, the gradient of a matrix over N columns at once:  e (N, M), h (N, K), g (M, K) */
static void add_outer(int N, int M, int K, const FLOAT *e, const FLOAT *h, FLOAT *g)
{
    char no = 'N', transposed = 'T';
    FLOAT one = 1;
    if (!is_zero((npy_intp)N * K, h))
        GEMM(&no, &transposed, &K, &M, &N, &one, (FLOAT *)h, &K, (FLOAT *)e, &M, &one, g, &K);
}
