/* Repeated products of a few rows with one matrix: y = base + x W at every step of a batch.

   BLAS packs W (copies it into the order in which it reads it) in each call, which takes half of its time for 32 rows.
   Here W is packed once for all steps: in blocks of DEPTH rows, each in panels of a few vectors of columns, each row by
   row. A tile of y, some rows of a panel, stays in registers for a whole block.
   Source: K. Goto, R. van de Geijn, Anatomy of High-Performance Matrix Multiplication, ACM TOMS 34(3), 2008. */
#include "parallel.hpp"

#define INLINED inline __attribute__((always_inline))
#define UNROLLED _Pragma("GCC unroll 8")

enum { GRAIN = 4, DEPTH = 512 }; /* rows that a thread takes at a time; rows in a block */
#define PRODUCTS_PER_PACKED_NUMBER 100.0 /* multiplications that take as long as packing a number */

/* Shapes of a tile: as many rows and vectors as leave registers for x and W, of 16 (AVX and others) or 32 (AVX-512).
   With more rows W is read less often, from the core's second-level cache. */
struct Narrow {
    typedef FLOAT Vector __attribute__((vector_size(32), aligned(sizeof(FLOAT)), may_alias));
    enum { ROWS = 4, VECTORS = 3, LANES = sizeof(Vector) / sizeof(FLOAT), COLUMNS = VECTORS * LANES };
};
struct Wide {
    typedef FLOAT Vector __attribute__((vector_size(64), aligned(sizeof(FLOAT)), may_alias));
    enum { ROWS = 8, VECTORS = 3, LANES = sizeof(Vector) / sizeof(FLOAT), COLUMNS = VECTORS * LANES };
};

/* Size of W (K, N) or its transpose when packed, with alignment to a cache line; a vector or a line has up to 16
   numbers. */
#define PACKED_SIZE(K, N) (((K) + 16) * ((N) + 16) + 16)

static INLINED npy_intp smaller(npy_intp a, npy_intp b)
{
    return a < b ? a : b;
}

template <class Shape> static INLINED npy_intp width(npy_intp columns)
{
    return (columns + Shape::LANES - 1) / Shape::LANES * Shape::LANES;
}

/* Pack W (K, N), or the `transposed` W (N, K), with zeros after its last column. */
template <class Shape> static void pack(npy_intp K, npy_intp N, const FLOAT *W, int transposed, FLOAT *packed)
{
    const int threads = threads_for(PRODUCTS_PER_PACKED_NUMBER * (double)K * (double)N);
    share(threads, N, Shape::COLUMNS, [=](npy_intp begin, npy_intp end) {
        for (npy_intp k = 0; k < K; k += DEPTH)
            for (npy_intp n = begin; n < end; n += Shape::COLUMNS) {
                const npy_intp depth = smaller(DEPTH, K - k), columns = smaller(Shape::COLUMNS, N - n);
                const npy_intp step = width<Shape>(columns);
                FLOAT *panel = packed + k * width<Shape>(N) + depth * n;
                if (columns < step)
                    memset(panel, 0, sizeof(FLOAT) * depth * step);
                if (transposed) /* from 16 rows of W at a time, whose cache lines serve the next d too */
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

/* y = base + x W for ROWS rows and VECTORS vectors of columns; base may be y, or NULL for 0. `next` is memory to
   prefetch, a vector for each row of W, or NULL. */
template <class Shape, int ROWS, int VECTORS>
static INLINED void set_tile(npy_intp K, const FLOAT *x, npy_intp x_step, const FLOAT *W, const FLOAT *next,
                             const FLOAT *base, FLOAT *y, npy_intp y_step)
{
    typedef typename Shape::Vector Vector;
    Vector sum[ROWS][VECTORS] = {};
    if (base)
        UNROLLED for (int b = 0; b < ROWS; ++b)
            UNROLLED for (int v = 0; v < VECTORS; ++v)
                sum[b][v] = ((const Vector *)(base + b * y_step))[v];
    for (npy_intp k = 0; k < K; ++k, W += VECTORS * Shape::LANES) {
        if (next)
            __builtin_prefetch(next + k * Shape::LANES, 0, 2);
        UNROLLED for (int b = 0; b < ROWS; ++b)
            UNROLLED for (int v = 0; v < VECTORS; ++v)
                sum[b][v] += x[b * x_step + k] * ((const Vector *)W)[v];
    }
    UNROLLED for (int b = 0; b < ROWS; ++b)
        UNROLLED for (int v = 0; v < VECTORS; ++v)
            ((Vector *)(y + b * y_step))[v] = sum[b][v];
}

template <class Shape, int ROWS>
static INLINED void set_tile(npy_intp vectors, npy_intp K, const FLOAT *x, npy_intp x_step, const FLOAT *W,
                             const FLOAT *next, const FLOAT *base, FLOAT *y, npy_intp y_step)
{
    switch (vectors) {
    case 1: return set_tile<Shape, ROWS, 1>(K, x, x_step, W, next, base, y, y_step);
    case 2: return set_tile<Shape, ROWS, 2>(K, x, x_step, W, next, base, y, y_step);
    default: return set_tile<Shape, ROWS, 3>(K, x, x_step, W, next, base, y, y_step);
    }
}

template <class Shape>
static INLINED void set_tile(npy_intp rows, npy_intp vectors, npy_intp K, const FLOAT *x, npy_intp x_step,
                             const FLOAT *W, const FLOAT *next, const FLOAT *base, FLOAT *y, npy_intp y_step)
{
    switch (rows) {
    case 1: return set_tile<Shape, 1>(vectors, K, x, x_step, W, next, base, y, y_step);
    case 2: return set_tile<Shape, 2>(vectors, K, x, x_step, W, next, base, y, y_step);
    case 4: return set_tile<Shape, 4>(vectors, K, x, x_step, W, next, base, y, y_step);
    default: return set_tile<Shape, Shape::ROWS>(vectors, K, x, x_step, W, next, base, y, y_step);
    }
}

/* y = base + x W:  x (B, K), W (K, N) packed, y and base, or NULL, (B, N) */
template <class Shape>
static INLINED void set_packed(npy_intp B, npy_intp K, npy_intp N, const FLOAT *base, const FLOAT *x, const FLOAT *W,
                               FLOAT *y)
{
    const int is_far = K * N * (npy_intp)sizeof(FLOAT) > 1 << 20; /* larger than a core's own cache */
    FLOAT edge[Shape::ROWS * Shape::COLUMNS] = {}; /* buffer of a tile that exceeds the last columns of y */
    for (npy_intp k = 0; k < K; k += DEPTH, base = y)
        for (npy_intp n = 0; n < N; n += Shape::COLUMNS) {
            const npy_intp depth = smaller(DEPTH, K - k), columns = smaller(Shape::COLUMNS, N - n);
            const npy_intp step = width<Shape>(columns), vectors = step / Shape::LANES;
            for (npy_intp b = 0, rows = Shape::ROWS, tile = 0; b < B; b += rows, ++tile) {
                while (rows > B - b)
                    rows /= 2;
                const FLOAT *base_b = base ? base + b * N + n : NULL;
                FLOAT *y_b = y + b * N + n, *tile_y = y_b;
                /* each of the first tiles prefetches a part of the next panel */
                const FLOAT *next = is_far && tile < vectors ? W + depth * (step + tile * Shape::LANES) : NULL;
                npy_intp y_step = N;
                if (columns < step) {
                    for (npy_intp r = 0; base && r < rows; ++r)
                        memcpy(edge + r * step, base_b + r * N, sizeof(FLOAT) * columns);
                    base_b = base ? edge : NULL, tile_y = edge, y_step = step;
                }
                set_tile<Shape>(rows, vectors, depth, x + b * K + k, K, W, next, base_b, tile_y, y_step);
                for (npy_intp r = 0; columns < step && r < rows; ++r)
                    memcpy(y_b + r * N, edge + r * step, sizeof(FLOAT) * columns);
            }
            W += depth * step;
        }
}

static void set_packed_narrow(npy_intp B, npy_intp K, npy_intp N, const FLOAT *base, const FLOAT *x, const FLOAT *W,
                              FLOAT *y)
{
    set_packed<Narrow>(B, K, N, base, x, W, y);
}

#ifdef __x86_64__
__attribute__((target("avx512f")))
#endif
static void set_packed_wide(npy_intp B, npy_intp K, npy_intp N, const FLOAT *base, const FLOAT *x, const FLOAT *W,
                            FLOAT *y)
{
    set_packed<Wide>(B, K, N, base, x, W, y);
}

static int is_wide(void)
{
#ifdef __x86_64__
    return __builtin_cpu_supports("avx512f");
#else
    return 0;
#endif
}

/* Pack W into `room`, of PACKED_SIZE; return the aligned beginning. */
static const FLOAT *packed(npy_intp K, npy_intp N, const FLOAT *W, int transposed, FLOAT *room)
{
    FLOAT *begin = (FLOAT *)(((uintptr_t)room + 63) / 64 * 64);
    (is_wide() ? pack<Wide> : pack<Narrow>)(K, N, W, transposed, begin);
    return begin;
}

/* y = base + x W:  x (B, K), W (K, N) from `packed`, y (B, N), base (B, N), which may be y or NULL */
static void set_packed_product(npy_intp B, npy_intp K, npy_intp N, const FLOAT *base, const FLOAT *x, const FLOAT *W,
                               FLOAT *y)
{
    (is_wide() ? set_packed_wide : set_packed_narrow)(B, K, N, base, x, W, y);
}
