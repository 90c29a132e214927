/* A long short-term memory over all steps of a padded batch. Arrays are contiguous, a row a sentence: (T, B, n).

   FLOAT is double or float, GEMM is BLAS's gemm for it; PEEPHOLES is 1 or 0: then W_c and what goes with it are NULL.
   Gates are stacked i, f, g, o in a, W_h and `gates`; peepholes i, f, o in W_c. */

/* i, f, o = logistic(a + W_h h_{t-1} + W_c c_{t-1}), g = tanh(a + W_h h_{t-1})
   c_t = f * c_{t-1} + i * g,  h_t = o * tanh(c_t).  peep: (B, 3 H) */
HOT static void forward(npy_intp T, npy_intp B, npy_intp H, const FLOAT *a, const FLOAT *W_h, const FLOAT *W_c,
                        const FLOAT *h0, const FLOAT *c0, FLOAT *h, FLOAT *c, FLOAT *gates, FLOAT *peep, FLOAT *room_h,
                        FLOAT *room_c)
{
    const Matrix from_h = matrix(T, B, H, 4 * H, W_h, 1, room_h);
    const Matrix from_c = PEEPHOLES ? matrix(T, B, H, 3 * H, W_c, 1, room_c) : from_h;
    const FLOAT *h_before = h0, *c_before = c0;
    for (npy_intp t = 0; t < T; ++t) {
        memcpy(gates, a, sizeof(FLOAT) * B * 4 * H);
        add_product(h_before, from_h, gates);
        if (PEEPHOLES) {
            memset(peep, 0, sizeof(FLOAT) * B * 3 * H);
            add_product(c_before, from_c, peep);
        }
        for (npy_intp b = 0; b < B; ++b) {
            FLOAT *gate = gates + b * 4 * H;
            const FLOAT *__restrict__ peep_b = PEEPHOLES ? peep + b * 3 * H : NULL;
            for (npy_intp n = 0; n < 2 * H; ++n) /* i and f */
                gate[n] = logistic(PEEPHOLES ? gate[n] + peep_b[n] : gate[n]);
            for (npy_intp n = 2 * H; n < 3 * H; ++n)
                gate[n] = hyperbolic(gate[n]);
            for (npy_intp n = 3 * H; n < 4 * H; ++n)
                gate[n] = logistic(PEEPHOLES ? gate[n] + peep_b[n - H] : gate[n]);
            const FLOAT *__restrict__ i = gate, *__restrict__ f = i + H, *__restrict__ g = f + H, *__restrict__ o = g + H;
            const FLOAT *__restrict__ before = c_before + b * H;
            FLOAT *__restrict__ c_b = c + b * H, *__restrict__ h_b = h + b * H;
#pragma GCC ivdep /* more arrays than the compiler would check for overlap: without this it uses no vectors */
            for (npy_intp n = 0; n < H; ++n) {
                c_b[n] = f[n] * before[n] + i[n] * g[n];
                h_b[n] = o[n] * hyperbolic(c_b[n]);
            }
        }
        h_before = h, c_before = c;
        h += B * H, c += B * H, a += B * 4 * H, gates += B * 4 * H;
    }
}

/* e_o = e_h tanh(c),  e_c += e_h o (1 - tanh(c)^2),  e_i = e_c g,  e_f = e_c c_{t-1},  e_g = e_c i, each times the
   derivative of its gate gives e_a_t;  e_h_{t-1} += W_h^T e_a_t,  e_c_{t-1} = f e_c + W_c^T e_b_t, e_b = e_a[i, f, o];
   dW_h = sum_t e_a_t h_{t-1}^T,  dW_c = sum_t e_b_t c_{t-1}^T.
   `e` and `e_c` hold the errors of h_t and c_t, then of h_{t-1} and c_{t-1}, at last of h_0 and c_0: (B, H);
   e_b: (T, B, 3 H). */
HOT static void backward(npy_intp T, npy_intp B, npy_intp H, const FLOAT *W_h, const FLOAT *W_c, const FLOAT *h,
                         const FLOAT *h0, const FLOAT *c, const FLOAT *c0, const FLOAT *gates, const FLOAT *e_h,
                         FLOAT *e_a, FLOAT *e, FLOAT *e_c, FLOAT *g_W_h, FLOAT *g_W_c, FLOAT *e_b, FLOAT *room_h, FLOAT *room_c)
{
    const npy_intp step = B * H;
    const Matrix to_h = matrix(T, B, 4 * H, H, W_h, 0, room_h);
    const Matrix to_c = PEEPHOLES ? matrix(T, B, 3 * H, H, W_c, 0, room_c) : to_h;
    memset(e, 0, sizeof(FLOAT) * step);
    memset(e_c, 0, sizeof(FLOAT) * step);
    for (npy_intp t = T - 1; t >= 0; --t) {
        const FLOAT *c_t = c + t * step, *c_before = t ? c_t - step : c0, *from_above = e_h + t * step;
        for (npy_intp b = 0; b < B; ++b) {
            const FLOAT *i = gates + (t * step + b * H) * 4, *f = i + H, *g = f + H, *o = g + H;
            FLOAT *__restrict__ e_i = e_a + (t * step + b * H) * 4, *__restrict__ e_f = e_i + H;
            FLOAT *__restrict__ e_g = e_f + H, *__restrict__ e_o = e_g + H;
            FLOAT *__restrict__ b_t = PEEPHOLES ? e_b + (t * step + b * H) * 3 : NULL;
            FLOAT *__restrict__ e_c_b = e_c + b * H, *__restrict__ e_h_b = e + b * H;
#pragma GCC ivdep /* more arrays than the compiler would check for overlap: without this it uses no vectors */
            for (npy_intp n = 0; n < H; ++n) {
                const npy_intp bn = b * H + n;
                const FLOAT tanh_c = hyperbolic(c_t[bn]), e_h_t = e_h_b[n] + from_above[bn];
                const FLOAT e_c_t = e_c_b[n] + e_h_t * o[n] * (1 - tanh_c * tanh_c);
                e_i[n] = e_c_t * g[n] * i[n] * (1 - i[n]);
                e_f[n] = e_c_t * c_before[bn] * f[n] * (1 - f[n]);
                e_g[n] = e_c_t * i[n] * (1 - g[n] * g[n]);
                e_o[n] = e_h_t * tanh_c * o[n] * (1 - o[n]);
                e_c_b[n] = f[n] * e_c_t;
                e_h_b[n] = 0;
                if (PEEPHOLES)
                    b_t[n] = e_i[n], b_t[H + n] = e_f[n], b_t[2 * H + n] = e_o[n];
            }
        }
        add_product(e_a + t * step * 4, to_h, e);
        if (PEEPHOLES)
            add_product(e_b + t * step * 3, to_c, e_c);
    }
    set_outer_of_steps(T, B, 4 * H, H, e_a, h0, h, g_W_h);
    if (PEEPHOLES)
        set_outer_of_steps(T, B, 3 * H, H, e_b, c0, c, g_W_c);
}
