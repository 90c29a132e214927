/* What the layers share. */

/* W (rows, columns) -> its transpose (columns, rows) */
static void transpose(int rows, int columns, const FLOAT *W, FLOAT *transposed)
{
    for (int i = 0; i < rows; ++i)
        for (int j = 0; j < columns; ++j)
            transposed[(npy_intp)j * rows + i] = W[(npy_intp)i * columns + j];
}

/* y += x W:  x (B, K), W (K, N), y (B, N). A small product is done before BLAS has looked at its arguments; the inner
   loop runs over independent sums, so that the compiler may use vectors without changing any result. */
static void add_product(int B, int K, int N, const FLOAT *x, const FLOAT *W, FLOAT *y)
{
    if ((npy_intp)B * K * N < 4096) {
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

/* g += e^T h, the gradient of a matrix over N columns at once:  e (N, M), h (N, K), g (M, K) */
static void add_outer(int N, int M, int K, const FLOAT *e, const FLOAT *h, FLOAT *g)
{
    char no = 'N', transposed = 'T';
    FLOAT one = 1;
    if (N > 0)
        GEMM(&no, &transposed, &K, &M, &N, &one, (FLOAT *)h, &K, (FLOAT *)e, &M, &one, g, &K);
}
