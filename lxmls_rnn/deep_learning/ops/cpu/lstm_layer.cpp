/* A long short-term memory over all steps of a padded batch. Arrays are contiguous, one row per sentence: (T, B, n).

   FLOAT is double or float, GEMM is BLAS's gemm for it; PEEPHOLES is 1 or 0; with 0, W_c and its arrays are NULL.
   Gates are stacked i, f, g, o in a, W_h and `gates`; peepholes i, f, o in W_c. */
#include "elementary.hpp"
#include "product.hpp"

/* i, f, o = logistic(a + W_h h_{t-1} + W_c c_{t-1}), g = tanh(a + W_h h_{t-1})
   c_t = f * c_{t-1} + i * g,  h_t = o * tanh(c_t), for the sentences begin .. end.  peep: (B, 3 H) */
HOT static void forward_some(npy_intp begin, npy_intp end, npy_intp T, npy_intp B, npy_intp H, const FLOAT *a,
                             Matrix from_h, Matrix from_c, const FLOAT *h0, const FLOAT *c0, FLOAT *h, FLOAT *c,
                             FLOAT *gates, FLOAT *peep)
{
    const npy_intp rows = end - begin;
    FLOAT *peep_begin = PEEPHOLES ? peep + begin * 3 * H : NULL;
    for (npy_intp t = 0; t < T; ++t) {
        const npy_intp at = (t * B + begin) * H;
        const FLOAT *h_before = t ? h + at - B * H : h0 + at, *c_before = t ? c + at - B * H : c0 + at;
        set_product(rows, a + at * 4, h_before, from_h, gates + at * 4);
        if (PEEPHOLES)
            set_product(rows, NULL, c_before, from_c, peep_begin);
        for (npy_intp b = 0; b < rows; ++b) {
            FLOAT *gate = gates + (at + b * H) * 4;
            const FLOAT *peep_b = PEEPHOLES ? peep_begin + b * 3 * H : NULL;
            each(2 * H, [=](npy_intp n) { /* i and f */
                gate[n] = logistic(PEEPHOLES ? gate[n] + peep_b[n] : gate[n]);
            });
            FLOAT *i = gate, *f = i + H, *g = f + H, *o = g + H;
            const FLOAT *before = c_before + b * H;
            FLOAT *c_b = c + at + b * H, *h_b = h + at + b * H;
            each(H, [=](npy_intp n) {
                g[n] = hyperbolic(g[n]);
                o[n] = logistic(PEEPHOLES ? o[n] + peep_b[2 * H + n] : o[n]);
                c_b[n] = f[n] * before[n] + i[n] * g[n];
                h_b[n] = o[n] * hyperbolic(c_b[n]);
            });
        }
    }
}

/* forward_some for all sentences, which the threads share */
static void forward(npy_intp T, npy_intp B, npy_intp H, const FLOAT *a, const FLOAT *W_h, const FLOAT *W_c,
                    const FLOAT *h0, const FLOAT *c0, FLOAT *h, FLOAT *c, FLOAT *gates, FLOAT *peep, FLOAT *room_h,
                    FLOAT *room_c)
{
    const int threads = threads_for_rows(T, B, (PEEPHOLES ? 7.0 : 4.0) * (double)H * (double)H);
    const Matrix from_h = matrix(threads, B, H, 4 * H, W_h, 1, room_h);
    const Matrix from_c = PEEPHOLES ? matrix(threads, B, H, 3 * H, W_c, 1, room_c) : from_h;
    share(threads, B, GRAIN, [=](npy_intp begin, npy_intp end) {
        forward_some(begin, end, T, B, H, a, from_h, from_c, h0, c0, h, c, gates, peep);
    });
}

/* e_o = e_h tanh(c),  e_c += e_h o (1 - tanh(c)^2),  e_i = e_c g,  e_f = e_c c_{t-1},  e_g = e_c i, each times the
   derivative of its gate gives e_a_t;  e_h_{t-1} += W_h^T e_a_t,  e_c_{t-1} = f e_c + W_c^T e_b_t, e_b = e_a[i, f, o],
   for the sentences begin .. end. `e` and `e_c` (B, H) hold the errors of h_t and c_t, then of h_{t-1} and c_{t-1},
   and in the end of h_0 and c_0;  e_b: (T, B, 3 H). */
HOT static void backward_some(npy_intp begin, npy_intp end, npy_intp T, npy_intp B, npy_intp H, Matrix to_h, Matrix to_c,
                              const FLOAT *c, const FLOAT *c0, const FLOAT *gates, const FLOAT *e_h, FLOAT *e_a,
                              FLOAT *e, FLOAT *e_c, FLOAT *e_b)
{
    const npy_intp rows = end - begin;
    memset(e + begin * H, 0, sizeof(FLOAT) * rows * H);
    memset(e_c + begin * H, 0, sizeof(FLOAT) * rows * H);
    for (npy_intp t = T - 1; t >= 0; --t) {
        const npy_intp at = (t * B + begin) * H;
        for (npy_intp b = begin; b < end; ++b) {
            const npy_intp tb = (t * B + b) * H;
            const FLOAT *c_t = c + tb, *c_before = t ? c_t - B * H : c0 + tb, *from_above = e_h + tb;
            const FLOAT *i = gates + tb * 4, *f = i + H, *g = f + H, *o = g + H;
            FLOAT *e_i = e_a + tb * 4, *e_f = e_i + H, *e_g = e_f + H, *e_o = e_g + H;
            FLOAT *b_t = PEEPHOLES ? e_b + tb * 3 : NULL, *e_c_b = e_c + b * H;
            const FLOAT *e_h_b = e + b * H;
            each(H, [=](npy_intp n) {
                const FLOAT i_n = i[n], f_n = f[n], g_n = g[n], o_n = o[n];
                const FLOAT tanh_c = hyperbolic(c_t[n]), e_h_t = e_h_b[n] + from_above[n];
                const FLOAT e_c_t = e_c_b[n] + e_h_t * o_n * (1 - tanh_c * tanh_c);
                e_i[n] = e_c_t * g_n * i_n * (1 - i_n);
                e_f[n] = e_c_t * c_before[n] * f_n * (1 - f_n);
                e_g[n] = e_c_t * i_n * (1 - g_n * g_n);
                e_o[n] = e_h_t * tanh_c * o_n * (1 - o_n);
                e_c_b[n] = f_n * e_c_t;
                if (PEEPHOLES)
                    b_t[n] = e_i[n], b_t[H + n] = e_f[n], b_t[2 * H + n] = e_o[n];
            });
        }
        set_product(rows, NULL, e_a + at * 4, to_h, e + begin * H);
        if (PEEPHOLES)
            set_product(rows, e_c + begin * H, e_b + at * 3, to_c, e_c + begin * H);
    }
}

/* backward_some for all sentences, then dW_h = sum_t e_a_t h_{t-1}^T,  dW_c = sum_t e_b_t c_{t-1}^T */
static void backward(npy_intp T, npy_intp B, npy_intp H, const FLOAT *W_h, const FLOAT *W_c, const FLOAT *h,
                     const FLOAT *h0, const FLOAT *c, const FLOAT *c0, const FLOAT *gates, const FLOAT *e_h, FLOAT *e_a,
                     FLOAT *e, FLOAT *e_c, FLOAT *g_W_h, FLOAT *g_W_c, FLOAT *e_b, FLOAT *room_h, FLOAT *room_c,
                     Use use = AS_IT_IS)
{
    const int threads = threads_for_rows(T, B, (PEEPHOLES ? 7.0 : 4.0) * (double)H * (double)H);
    const Matrix to_h = matrix(threads, B, 4 * H, H, W_h, 0, room_h);
    const Matrix to_c = PEEPHOLES ? matrix(threads, B, 3 * H, H, W_c, 0, room_c) : to_h;
    share(threads, B, GRAIN, [=](npy_intp begin, npy_intp end) {
        backward_some(begin, end, T, B, H, to_h, to_c, c, c0, gates, e_h, e_a, e, e_c, e_b);
    });
    use_outer_of_steps(threads, T, B, 4 * H, H, e_a, h0, h, use, g_W_h);
    if (PEEPHOLES)
        use_outer_of_steps(threads, T, B, 3 * H, H, e_b, c0, c, use, g_W_c);
}
