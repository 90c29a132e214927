/* A recurrent layer over all steps of a padded batch. Arrays are contiguous, a row a sentence: (T, B, H).

   FLOAT is double or float, GEMM is BLAS's gemm for it.
   ACTIVATION is LOGISTIC, HYPERBOLIC or RECTIFIER. */

static inline FLOAT f(FLOAT a)
{
#if ACTIVATION == LOGISTIC
    return logistic(a);
#elif ACTIVATION == HYPERBOLIC
    return hyperbolic(a);
#else
    return a > 0 ? a : 0;
#endif
}

/* the derivative as a function of the value h = f(a) */
static inline FLOAT f_prime(FLOAT h)
{
#if ACTIVATION == LOGISTIC
    return h * (1 - h);
#elif ACTIVATION == HYPERBOLIC
    return 1 - h * h;
#else
    return h > 0;
#endif
}

/* h_t = f(a_t + W_h h_{t-1}) */
HOT static void forward(npy_intp T, npy_intp B, npy_intp H, const FLOAT *a, const FLOAT *W_h, const FLOAT *h0,
                        FLOAT *h, FLOAT *room_h)
{
    const Matrix to_next = matrix(T, B, H, H, W_h, 1, room_h);
    const FLOAT *before = h0;
    const npy_intp step = B * H;
    for (npy_intp t = 0; t < T; ++t, before = h, h += step, a += step) {
        memcpy(h, a, sizeof(FLOAT) * step);
        add_product(before, to_next, h);
        for (npy_intp n = 0; n < step; ++n)
            h[n] = f(h[n]);
    }
}

/* e_a_t = f'(a_t) * e_h_t;  e_h_{t-1} += W_h^T e_a_t;  dW_h = sum_t e_a_t h_{t-1}^T.
   `e` holds the error of h_t, then of h_{t-1}, at last of h_0: (B, H). */
HOT static void backward(npy_intp T, npy_intp B, npy_intp H, const FLOAT *W_h, const FLOAT *h, const FLOAT *h0,
                         const FLOAT *e_h, FLOAT *e_a, FLOAT *e, FLOAT *g_W_h, FLOAT *room_h)
{
    const npy_intp step = B * H;
    const Matrix to_before = matrix(T, B, H, H, W_h, 0, room_h);
    memset(e, 0, sizeof(FLOAT) * step);
    for (npy_intp t = T - 1; t >= 0; --t) {
        const FLOAT *h_t = h + t * step, *from_above = e_h + t * step;
        FLOAT *e_a_t = e_a + t * step;
        for (npy_intp n = 0; n < step; ++n)
            e_a_t[n] = f_prime(h_t[n]) * (e[n] + from_above[n]);
        memset(e, 0, sizeof(FLOAT) * step);
        add_product(e_a_t, to_before, e);
    }
    set_outer_of_steps(T, B, H, H, e_a, h0, h, g_W_h);
}
