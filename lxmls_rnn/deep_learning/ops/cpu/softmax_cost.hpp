/* p = softmax(y), cost = -sum_n w_n log p_n[k_n] and its gradient e_y_n = w_n (p_n - onehot(k_n)), over N words with
   their gold tags k and K tags; correct counts the words of positive weight whose highest score is the gold tag's.
   Subtracting the highest score keeps EXP from overflowing. Returns the position of the first tag outside 0 .. K - 1,
   or -1. */
#include "standalone.h"
HOT static npy_intp softmax_cost(npy_intp N, npy_intp K, const FLOAT *y, const npy_int32 *gold, const FLOAT *weights,
                                 FLOAT *cost, FLOAT *e_y, npy_int64 *correct)
{
    double sum_of_costs = 0;
    npy_int64 n_correct = 0;
    for (npy_intp n = 0; n < N; ++n, y += K, e_y += K) {
        const npy_int32 tag = gold[n];
        if (tag < 0 || tag >= K)
            return n;
        npy_intp highest = 0;
        for (npy_intp k = 1; k < K; ++k)
            if (y[k] > y[highest])
                highest = k;
        for (npy_intp k = 0; k < K; ++k)
            e_y[k] = EXP(y[k] - y[highest]);
        FLOAT sum = 0;
        for (npy_intp k = 0; k < K; ++k)
            sum += e_y[k];
        const FLOAT scale = weights[n] / sum;
        for (npy_intp k = 0; k < K; ++k)
            e_y[k] *= scale;
        e_y[tag] -= weights[n];
        sum_of_costs += weights[n] * (LOG(sum) + y[highest] - y[tag]);
        n_correct += highest == tag && weights[n] > 0;
    }
    *cost = (FLOAT)sum_of_costs;
    *correct = n_correct;
    return -1;
}
