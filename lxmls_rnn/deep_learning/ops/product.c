/* What the layers share. */

/* A small product is done before BLAS has looked at its arguments. */
static inline int is_small(int B, int K, int N)
{
    return (npy_intp)B * K * N < 4096;
}

/* y += x W:  x (B, K), W (K, N), y (B, N). The inner loop runs over independent sums, so that the compiler may use
   vectors without changing any result. */
static void add_product(int B, int K, int N, const FLOAT *x, const FLOAT *W, FLOAT *y)
{
    if (is_small(B, K, N)) {
        for (int b = 0; b < B; ++b)
            for (int k = 0; k < K; ++k) {
                const FLOAT x_bk = x[b * K + k];
                const FLOAT *__restrict__ row = W + k * N;
                FLOAT *__restrict__ sum = y + b * N;
                for (int n = 0; n < N; ++n)
                    sum[n] += x_bk * row[n];
            }
        return;
    }
    char no = 'N';
    FLOAT one = 1;
    /* BLAS counts columns first, so to it every matrix here is its transpose: y^T += W^T x^T */
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
