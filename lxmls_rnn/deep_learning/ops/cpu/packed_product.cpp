/* Products of some rows with one matrix, again and again: y += x W at every step of a batch.

   At each call BLAS copies W into the order in which it reads it; for 32 rows that is half of its time. Here W is
   packed once for all steps: blocks of DEPTH rows; in each, panels of some vectors of columns; in each, row after row.
   A tile of y, 4 rows of a panel, stays in registers for a whole block.
   Source: K. Goto, R. van de Geijn, Anatomy of High-Performance Matrix Multiplication, ACM TOMS 34(3), 2008. */

#define INLINED inline __attribute__((always_inline))
#define UNROLLED _Pragma("GCC unroll 8")

enum { ROWS = 4, DEPTH = 512 };
#define MULTIPLICATIONS_A_NUMBER 100.0 /* take as long as to pack it */

/* Shapes of a panel: as many vectors as leave registers for x and W, of 16 (AVX and others) and of 32 (AVX-512). */
struct Narrow {
    typedef FLOAT Vector __attribute__((vector_size(32), aligned(sizeof(FLOAT)), may_alias));
    enum { VECTORS = 3, LANES = sizeof(Vector) / sizeof(FLOAT), COLUMNS = VECTORS * LANES };
};
struct Wide {
    typedef FLOAT Vector __attribute__((vector_size(64), aligned(sizeof(FLOAT)), may_alias));
    enum { VECTORS = 4, LANES = sizeof(Vector) / sizeof(FLOAT), COLUMNS = VECTORS * LANES };
};

/* Numbers that W (K, N) or its transpose takes when packed, from a line of the cache on: a vector, as a line, has up to
   16. */
#define PACKED_SIZE(K, N) (((K) + 16) * ((N) + 16) + 16)

static INLINED npy_intp smaller(npy_intp a, npy_intp b)
{
    return a < b ? a : b;
}

template <class Shape> static INLINED npy_intp width(npy_intp columns)
{
    return (columns + Shape::LANES - 1) / Shape::LANES * Shape::LANES;
}

/* Pack W (K, N), or where it is `transposed` W (N, K), with zeros after its last column. */
template <class Shape> static void pack(npy_intp K, npy_intp N, const FLOAT *W, int transposed, FLOAT *packed)
{
    const int threads = threads_for(MULTIPLICATIONS_A_NUMBER * (double)K * (double)N);
    share(threads, N, Shape::COLUMNS, [=](npy_intp begin, npy_intp end) {
        for (npy_intp k = 0; k < K; k += DEPTH)
            for (npy_intp n = begin; n < end; n += Shape::COLUMNS) {
                const npy_intp depth = smaller(DEPTH, K - k), columns = smaller(Shape::COLUMNS, N - n);
                const npy_intp step = width<Shape>(columns);
                FLOAT *panel = packed + k * width<Shape>(N) + depth * n;
                if (columns < step)
                    memset(panel, 0, sizeof(FLOAT) * depth * step);
                if (transposed) /* from 16 rows of W at a time: what is read of each is still in the cache for the next d */
                    for (npy_intp c = 0; c < columns; c += 16)
                        for (npy_intp d = 0; d < depth; ++d)
                            for (npy_intp i = c; i < smaller(c + 16, columns); ++i)
                                panel[d * step + i] = W[(n + i) * K + k + d];
                else
                    for (npy_intp d = 0; d < depth; ++d)
                        memcpy(panel + d * step, W + (k + d) * N + n, sizeof(FLOAT) * columns);
            }
    });
}

/* y += x W for ROWS rows and VECTORS vectors of columns. `next`, or NULL: what to fetch meanwhile, a vector for each row
   of W. */
template <class Shape, int VECTORS>
static INLINED void add_tile(npy_intp K, const FLOAT *const *x, const FLOAT *W, const FLOAT *next, FLOAT *y,
                             npy_intp y_step)
{
    typedef typename Shape::Vector Vector;
    Vector sum[ROWS][VECTORS];
    UNROLLED for (int b = 0; b < ROWS; ++b)
        UNROLLED for (int v = 0; v < VECTORS; ++v)
            sum[b][v] = ((const Vector *)(y + b * y_step))[v];
    for (npy_intp k = 0; k < K; ++k, W += VECTORS * Shape::LANES) {
        if (next)
            __builtin_prefetch(next + k * Shape::LANES, 0, 2);
        UNROLLED for (int b = 0; b < ROWS; ++b)
            UNROLLED for (int v = 0; v < VECTORS; ++v)
                sum[b][v] += x[b][k] * ((const Vector *)W)[v];
    }
    UNROLLED for (int b = 0; b < ROWS; ++b)
        UNROLLED for (int v = 0; v < VECTORS; ++v)
            ((Vector *)(y + b * y_step))[v] = sum[b][v];
}

template <class Shape>
static INLINED void add_tile(npy_intp vectors, npy_intp K, const FLOAT *const *x, const FLOAT *W, const FLOAT *next,
                             FLOAT *y, npy_intp y_step)
{
    switch (vectors) {
    case 1: return add_tile<Shape, 1>(K, x, W, next, y, y_step);
    case 2: return add_tile<Shape, 2>(K, x, W, next, y, y_step);
    case 3: return add_tile<Shape, 3>(K, x, W, next, y, y_step);
    default: return add_tile<Shape, Shape::VECTORS>(K, x, W, next, y, y_step);
    }
}

/* y += x W:  x (B, K), W (K, N) packed, y (B, N) */
template <class Shape>
static INLINED void add_packed(npy_intp B, npy_intp K, npy_intp N, const FLOAT *x, const FLOAT *W, FLOAT *y)
{
    const int is_far = K * N * (npy_intp)sizeof(FLOAT) > 1 << 20; /* more than a core's own cache keeps */
    FLOAT edge[ROWS * Shape::COLUMNS] = {}; /* a tile that is larger than what is left of y */
    for (npy_intp k = 0; k < K; k += DEPTH)
        for (npy_intp n = 0; n < N; n += Shape::COLUMNS) {
            const npy_intp depth = smaller(DEPTH, K - k), columns = smaller(Shape::COLUMNS, N - n);
            const npy_intp step = width<Shape>(columns), vectors = step / Shape::LANES;
            for (npy_intp b = 0; b < B; b += ROWS) {
                const npy_intp rows = smaller(ROWS, B - b);
                FLOAT *y_b = y + b * N + n;
                const FLOAT *x_b[ROWS];
                for (int r = 0; r < ROWS; ++r)
                    x_b[r] = x + (b + smaller(r, rows - 1)) * K + k;
                const npy_intp tile = b / ROWS; /* each of the first ones fetches a part of the next panel */
                const FLOAT *next = is_far && tile < vectors ? W + depth * (step + tile * Shape::LANES) : NULL;
                if (rows == ROWS && columns == step) {
                    add_tile<Shape>(vectors, depth, x_b, W, next, y_b, N);
                    continue;
                }
                for (npy_intp r = 0; r < rows; ++r)
                    memcpy(edge + r * step, y_b + r * N, sizeof(FLOAT) * columns);
                add_tile<Shape>(vectors, depth, x_b, W, next, edge, step);
                for (npy_intp r = 0; r < rows; ++r)
                    memcpy(y_b + r * N, edge + r * step, sizeof(FLOAT) * columns);
            }
            W += depth * step;
        }
}

static void add_packed_narrow(npy_intp B, npy_intp K, npy_intp N, const FLOAT *x, const FLOAT *W, FLOAT *y)
{
    add_packed<Narrow>(B, K, N, x, W, y);
}

#ifdef __x86_64__
__attribute__((target("avx512f")))
#endif
static void add_packed_wide(npy_intp B, npy_intp K, npy_intp N, const FLOAT *x, const FLOAT *W, FLOAT *y)
{
    add_packed<Wide>(B, K, N, x, W, y);
}

static int is_wide(void)
{
#ifdef __x86_64__
    return __builtin_cpu_supports("avx512f");
#else
    return 0;
#endif
}

/* Pack W into `room`, of PACKED_SIZE; return where it begins. */
static const FLOAT *packed(npy_intp K, npy_intp N, const FLOAT *W, int transposed, FLOAT *room)
{
    FLOAT *begin = (FLOAT *)(((uintptr_t)room + 63) / 64 * 64);
    (is_wide() ? pack<Wide> : pack<Narrow>)(K, N, W, transposed, begin);
    return begin;
}

/* y += x W:  x (B, K), W (K, N) as `packed` made it, y (B, N) */
static void add_packed_product(npy_intp B, npy_intp K, npy_intp N, const FLOAT *x, const FLOAT *W, FLOAT *y)
{
    (is_wide() ? add_packed_wide : add_packed_narrow)(B, K, N, x, W, y);
}
