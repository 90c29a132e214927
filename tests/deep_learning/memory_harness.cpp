/* Calls the layers' C code on arrays that end where their data ends, for AddressSanitizer to watch. FLOAT and
   ACTIVATION come from the compiler's command line. BLAS is replaced by loops over exactly what it may touch. */
#include <cassert>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

typedef long npy_intp;
typedef int32_t npy_int32;
typedef int64_t npy_int64;
typedef uint64_t npy_uint64;
#define LOGISTIC 1
#define HYPERBOLIC 2
#define RECTIFIER 3

static void GEMM(char *ta, char *tb, int *m, int *n, int *k, FLOAT *alpha, FLOAT *A, int *lda, FLOAT *B, int *ldb,
                 FLOAT *beta, FLOAT *C, int *ldc)
{
    assert(*alpha == 1 && *beta == 1);
    for (int i = 0; i < *m; ++i)
        for (int j = 0; j < *n; ++j)
            for (int l = 0; l < *k; ++l)
                C[i + (long)j * *ldc] += (*ta == 'N' ? A[i + (long)l * *lda] : A[l + (long)i * *lda]) *
                                         (*tb == 'N' ? B[l + (long)j * *ldb] : B[j + (long)l * *ldb]);
}

namespace rnn {
#include "elementary.c"
#include "product.c"
#include "rnn_layer.c"
}
namespace lstm {
#include "elementary.c"
#include "product.c"
#include "lstm_layer.c"
}
#define EXP exp
#define LOG log
#include "softmax_cost.c"

/* a heap block of exactly n numbers */
struct Array {
    FLOAT *data;
    explicit Array(long n) : data((FLOAT *)malloc(sizeof(FLOAT) * (n ? n : 1)))
    {
        for (long i = 0; i < n; ++i)
            data[i] = (FLOAT)rand() / RAND_MAX - (FLOAT)0.5;
    }
    ~Array() { free(data); }
    operator FLOAT *() { return data; }
};

static void run(int T, int B, int H, bool masked)
{
    const long step = (long)B * H;
    Array mask_data(T * B);
    for (int n = 0; n < T * B; ++n)
        mask_data[n] = rand() % 3 > 0;
    FLOAT *mask = masked ? mask_data.data : NULL;
    Array a(T * step * 4), W_h(4 * H * H), W_c(3 * H * H), h0(step), c0(step), h(T * step), c(T * step);
    Array gates(T * step * 4), scratch_h(4 * H * H), scratch_c(3 * H * H), peep(step * 3), e_h(T * step);
    Array e_a(T * step * 4), e(step), e_c(step), g_h(4 * H * H), g_c(3 * H * H), e_b(T * step * 3);
    lstm::forward(T, B, H, a, W_h, W_c, h0, c0, mask, h, c, gates, scratch_h, scratch_c, peep);
    lstm::backward(T, B, H, W_h, W_c, h, h0, c, c0, gates, e_h, mask, e_a, e, e_c, g_h, g_c, e_b);

    Array ra(T * step), rW(H * H), rs(H * H), re_a(T * step), rg(H * H), before(step);
    rnn::forward(T, B, H, ra, rW, h0, mask, h, rs);
    rnn::backward(T, B, H, rW, h, h0, e_h, mask, re_a, e, rg, before);

    std::vector<npy_int32> gold(T, H - 1);
    Array y(T * H), weights(T), e_y(T * H), cost(1);
    npy_int64 correct;
    assert(softmax_cost(T, H, y, gold.data(), weights, cost, e_y, &correct) == -1);
    gold[T - 1] = H;
    assert(softmax_cost(T, H, y, gold.data(), weights, cost, e_y, &correct) == T - 1);
}

int main()
{
    const int sizes[] = {1, 2, 3, 7, 17, 40};
    for (int T : {1, 2, 5})
        for (int B : {1, 3, 8})
            for (int H : sizes)
                for (bool masked : {false, true})
                    run(T, B, H, masked);
    return 0;
}
