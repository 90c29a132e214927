/* Steps of stochastic gradient descent, one after the other, for a tagger with any recurrent layer.

   FLOAT is double or float. These macros describe the layer:
   MATRICES(DO)         DO(W, size) for every matrix after W_e
   ARRAYS(DO)           DO(name, size) for every array of a step on T words of B sentences: (T, B, n)
   ALIASES(DO)          DO(name, other) for every array that overwrites another one, word by word
   STATES(DO)           DO(name, size) for the arrays that are states before the first word, which are 0
   FORWARD, BACKWARD    the layer's calls, on variables with these names
   GATES                rows of W_x for each hidden unit */
#include "elementary.hpp"
#include "product.hpp"
#include "softmax_cost.hpp"

#ifndef TAKE /* the workspace holds the arrays of a step one after the other */
#define TAKE(size) next; next += size
#endif
#define FIELD(name, size) FLOAT *name;
#define LOCAL(name, size) FLOAT *name = tagger->name;
#define DECLARE(name, size) FLOAT *name = TAKE(size);
#define DECLARE_ALIAS(name, other) FLOAT *name = other;
#define DECLARE_GRADIENT(W, size) FLOAT *g_##W = W; if (first) { g_##W = TAKE(size); }
#define SET_ZERO(name, size) memset(name, 0, sizeof(FLOAT) * (size));
#define ADD_SIZE(name, size) + size
#define ADD_SQUARES(W, size) + squares(size, g_##W)
#define DESCEND(W, size) add_scaled(size, -rate, g_##W, W);

typedef struct {
    npy_intp n_words, E, H, K; /* K tags, embeddings of E dimensions */
    FLOAT *W_e;                /* one row per word */
    MATRICES(FIELD)
} Tagger;

typedef struct {
    FLOAT rate;
    FLOAT clip; /* maximum norm of the whole gradient, or infinity; NaN: the norm is not computed */
    int freeze_embeddings;
} Descent;

/* Size of a step's workspace, in numbers. */
template <class Integer> static Integer workspace_size(Integer T, Integer B, const Tagger *tagger)
{
    const Integer E = (Integer)tagger->E, H = (Integer)tagger->H, K = (Integer)tagger->K;
    return 0 ARRAYS(ADD_SIZE) MATRICES(ADD_SIZE);
}

/* Whether BLAS can count the rows of a step's matrices, and memory for its workspace can be addressed. */
static int is_computable(double T, double B, const Tagger *tagger)
{
    const double E = (double)tagger->E, H = (double)tagger->H, K = (double)tagger->K;
    return is_countable(T * B) && is_countable(E) && is_countable(GATES * H) && is_countable(K) &&
           is_addressable(workspace_size<double>(T, B, tagger));
}

static void add_scaled(npy_intp size, FLOAT scale, const FLOAT *__restrict__ from, FLOAT *__restrict__ to)
{
    for (npy_intp n = 0; n < size; ++n)
        to[n] += scale * from[n];
}

/* The sum of squares, as eight sums, because a single one would wait for each addition. */
static double squares(npy_intp size, const FLOAT *g)
{
    double sums[8] = {}, sum = 0;
    npy_intp n = 0;
    for (; n + 8 <= size; n += 8)
        for (npy_intp k = 0; k < 8; ++k)
            sums[k] += (double)g[n + k] * (double)g[n + k];
    for (; n < size; ++n)
        sum += (double)g[n] * (double)g[n];
    for (npy_intp k = 0; k < 8; ++k)
        sum += sums[k];
    return sum;
}

/* y = x W:  x (N, K), W (K, M) as for `matrix`, y (N, M) */
static void set_outputs(int of_passes, npy_intp N, npy_intp K, npy_intp M, const FLOAT *x, const FLOAT *W,
                        int transposed, FLOAT *room, FLOAT *y)
{
    const Matrix by_W = matrix(of_passes && (double)N > PRODUCTS_PER_PACKED_NUMBER, N, K, M, W, transposed, room);
    share(threads_next_to(of_passes, (double)N * (double)K * (double)M), N, GRAIN,
          [=](npy_intp begin, npy_intp end) { set_product(end - begin, NULL, x + begin * K, by_W, y + begin * M); });
}

/* Sum the rows of all positions of a word, which is the gradient of its embedding, into the row of the first position.
   `first` holds -1 for every word, before and after. */
static void sum_by_word(npy_intp N, npy_intp E, const npy_int32 *words, FLOAT *e_z, npy_int32 *first)
{
    for (npy_intp n = 0; n < N; ++n) {
        const npy_intp m = first[words[n]];
        if (m < 0) {
            first[words[n]] = (npy_int32)n;
        } else {
            add_scaled(E, 1, e_z + n * E, e_z + m * E);
            memset(e_z + n * E, 0, sizeof(FLOAT) * E);
        }
    }
    for (npy_intp n = 0; n < N; ++n)
        first[words[n]] = -1;
}

/* One step on B sentences of T words; words, gold and weights (T, B); padding comes last, with weight 0. Sets the cost
   and the number of correct words, both before the step, and the norm of the gradient before clipping. `first` is for
   `sum_by_word`; it is NULL if no norm is computed. */
HOT static void sgd_step(npy_intp T, npy_intp B, const npy_int32 *words, const npy_int32 *gold,
                         const FLOAT *weights, const Tagger *tagger, const Descent *descent, npy_int32 *first,
                         FLOAT *workspace, FLOAT *cost, npy_int64 *correct, FLOAT *norm_before)
{
    const npy_intp N = T * B, E = tagger->E, H = tagger->H, K = tagger->K;
    const int threads = threads_for_rows(T, B, (double)(0 MATRICES(ADD_SIZE)));
    FLOAT *next = workspace, *W_e = tagger->W_e;
    FLOAT rate = descent->rate;
    const Use use = {first ? 1 : -rate, (FLOAT)(first ? 0 : 1)}; /* of gradients: without a norm W -= rate dW at once */
    MATRICES(LOCAL)
    MATRICES(DECLARE_GRADIENT)
    ARRAYS(DECLARE)
    ALIASES(DECLARE_ALIAS)
    STATES(SET_ZERO)

    /* z_t = W_e[:, w_t],  a_t = W_x z_t,  h_t from the layer,  y_t = W_y h_t */
    for (npy_intp n = 0; n < N; ++n)
        memcpy(z + n * E, W_e + words[n] * E, sizeof(FLOAT) * E);
    set_outputs(threads, N, E, GATES * H, z, W_x, 1, room_x, a);
    FORWARD;
    set_outputs(threads, N, H, K, h, W_y, 1, room_y, y);
    softmax_cost(N, K, y, gold, weights, cost, e_y, correct);

    /* e_h_t = W_y^T e_y_t,  e_a_t from the layer,  e_z_t = W_x^T e_a_t;
       dW_x = sum_t e_a_t z_t^T,  dW_y = sum_t e_y_t h_t^T */
    set_outputs(threads, N, K, H, e_y, W_y, 0, room_y, e_h);
    BACKWARD;
    set_outputs(threads, N, GATES * H, E, e_a, W_x, 0, room_x, e_z);
    use_outer(threads, N, GATES * H, E, e_a, z, use, g_W_x);
    use_outer(threads, N, K, H, e_y, h, use, g_W_y);

    /* W -= rate dW, with the gradient of everything scaled down to the norm `clip` if it is longer */
    if (first) {
        double sum = 0 MATRICES(ADD_SQUARES);
        if (!descent->freeze_embeddings) {
            sum_by_word(N, E, words, e_z, first);
            sum += squares(N * E, e_z);
        }
        const double norm = sqrt(sum);
        *norm_before = (FLOAT)norm;
        if (norm > (double)descent->clip)
            rate = (FLOAT)(rate * (descent->clip / norm));
        MATRICES(DESCEND)
    }
    if (!descent->freeze_embeddings)
        for (npy_intp n = 0; n < N; ++n)
            add_scaled(E, -rate, e_z + n * E, W_e + words[n] * E);
}

/* Memory that is kept between calls, because the system fills new large blocks with zeros, page by page. */
typedef struct {
    FLOAT *data;
    npy_intp size;
} Workspace;

/* Enlarge the workspace to `size` numbers; return whether there is memory for them. */
static int make_room(npy_intp size, Workspace *workspace)
{
    if (size > workspace->size) {
        free(workspace->data);
        workspace->data = (FLOAT *)malloc(sizeof(FLOAT) * size);
        workspace->size = workspace->data ? size : 0;
    }
    return size <= workspace->size;
}

typedef enum { ALL_MADE, OUT_OF_RANGE, NO_MEMORY, TOO_LARGE } Outcome;

/* One step on each of the S batches in `numbers`. The words, gold tags and weights of batch n begin at entry
   batches[n][0]; batches[n][1] is its T, batches[n][2] its B. The steps end after a cost that is not finite and before
   a batch with an id out of range. Costs of steps that are not made are NaN, norms that are not computed 0. No step is
   made if one of the batches is too large. */
HOT static Outcome sgd_steps(npy_intp S, const npy_int64 *numbers, const npy_int64 (*batches)[3],
                             const npy_int32 *words, const npy_int32 *gold, const FLOAT *weights, const Tagger *tagger,
                             const Descent *descent, Workspace *workspace, FLOAT *costs, npy_int64 *correct,
                             FLOAT *norms)
{
    npy_intp largest = 0, s;
    for (s = 0; s < S; ++s) {
        const npy_int64 *batch = batches[numbers[s]];
        if (!is_computable((double)batch[1], (double)batch[2], tagger))
            return TOO_LARGE;
        const npy_intp size = workspace_size<npy_intp>(batch[1], batch[2], tagger);
        largest = size > largest ? size : largest;
        costs[s] = NAN;
        correct[s] = 0;
        norms[s] = 0;
    }
    const int measured = !isnan(descent->clip);
    npy_int32 *first = measured ? (npy_int32 *)malloc(sizeof(npy_int32) * tagger->n_words) : NULL;
    Outcome outcome = make_room(largest, workspace) && (first || !measured) ? ALL_MADE : NO_MEMORY;
    if (first)
        memset(first, -1, sizeof(npy_int32) * tagger->n_words);
    for (s = 0; s < S && outcome == ALL_MADE; ++s) {
        const npy_int64 *batch = batches[numbers[s]];
        const npy_int32 *x = words + batch[0], *y = gold + batch[0];
        for (npy_intp n = 0; n < batch[1] * batch[2]; ++n)
            if (x[n] < 0 || x[n] >= tagger->n_words || y[n] < 0 || y[n] >= tagger->K)
                outcome = OUT_OF_RANGE;
        if (outcome == ALL_MADE)
            sgd_step(batch[1], batch[2], x, y, weights + batch[0], tagger, descent, first, workspace->data, costs + s,
                     correct + s, norms + s);
        if (!isfinite(costs[s]))
            break;
    }
    free(first);
    return outcome;
}
