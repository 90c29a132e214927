/* What the layers share. */

/* A small product is done before BLAS has looked at its arguments. */
static inline int is_small(int B, int K, int N)
{
    return (npy_intp)B * K * N < 2048;
}

/* y += x W:  x (B, K), W (K, N), y (B, N). The inner loop runs over independent sums, so that the compiler may use
   vectors without changing any result. */
static void add_product(int B, int K, int N, const FLOAT *x, const FLOAT *W, FLOAT *y)
{
    if (is_small(B, K, N)) {
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
        return;
    }
    char no = 'N';
    FLOAT one = 1;
    int step = 1;
    /* BLAS counts columns first, so to it every matrix here is its transpose: y^T += W^T x^T */
    if (B == 1) /* it does not copy W, as a product of matrices does before it begins */
        GEMV(&no, &N, &K, &one, (FLOAT *)W, &N, (FLOAT *)x, &step, &one, y, &step);
    else
        GEMM(&no, &no, &N, &B, &K, &one, (FLOAT *)W, &N, (FLOAT *)x, &K, &one, y, &N);
}

/* Write W^T (K, N) into `transposed` and return it if products of these sizes are small, else return NULL: W (N, K). */
static const FLOAT *transposed_if_small(int B, int K, int N, const FLOAT *W, FLOAT *transposed)
{
    if (!is_small(B, K, N))
        return NULL;
    for (int n = 0; n < N; ++n)
        for (int k = 0; k < K; ++k)
            transposed[k * N + n] = W[n * K + k];
    return transposed;
}

/* y += x W^T:  x (B, K), W (N, K), y (B, N); `small` as `transposed_if_small` gave it */
static void add_product_transposed(int B, int K, int N, const FLOAT *x, const FLOAT *W, const FLOAT *small, FLOAT *y)
{
    if (small) {
        add_product(B, K, N, x, small, y);
        return;
    }
    char no = 'N', yes = 'T';
    FLOAT one = 1;
    int step = 1;
    if (B == 1)
        GEMV(&yes, &K, &N, &one, (FLOAT *)W, &K, (FLOAT *)x, &step, &one, y, &step);
    else
        GEMM(&yes, &no, &N, &B, &K, &one, (FLOAT *)W, &K, (FLOAT *)x, &K, &one, y, &N);
}

/* g += e^T h, the gradient of a matrix over N columns at once:  e (N, M), h (N, K), g (M, K) */
static void add_outer(int N, int M, int K, const FLOAT *e, const FLOAT *h, FLOAT *g)
{
    char no = 'N', transposed = 'T';
    FLOAT one = 1;
    if (N > 0)
        GEMM(&no, &transposed, &K, &M, &N, &one, (FLOAT *)h, &K, (FLOAT *)e, &M, &one, g, &K);
}
