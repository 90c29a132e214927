/* A recurrent layer over all steps of a padded batch. Arrays are contiguous, one row per sentence: (T, B, H).

   FLOAT is double or float, GEMM is BLAS's gemm for it.
   ACTIVATION is f(a) as an expression of a, SLOPE its derivative f'(a) as an expression of the value h = f(a). */
#include "elementary.hpp"
#include "product.hpp"

static inline FLOAT f(FLOAT a)
{
    return ACTIVATION;
}

/* the derivative as a function of the value h = f(a) */
static inline FLOAT f_prime(FLOAT h)
{
    return SLOPE;
}

/* h_t = f(a_t + W_h h_{t-1}) for the sentences begin .. end */
HOT static void forward_some(npy_intp begin, npy_intp end, npy_intp T, npy_intp B, npy_intp H, const FLOAT *a,
                             Matrix to_next, const FLOAT *h0, FLOAT *h)
{
    const npy_intp size = (end - begin) * H;
    for (npy_intp t = 0; t < T; ++t) {
        const npy_intp at = (t * B + begin) * H;
        FLOAT *h_t = h + at;
        set_product(end - begin, a + at, t ? h_t - B * H : h0 + at, to_next, h_t);
        for (npy_intp n = 0; n < size; ++n)
            h_t[n] = f(h_t[n]);
    }
}

/* forward_some for all sentences, which the threads share */
static void forward(npy_intp T, npy_intp B, npy_intp H, const FLOAT *a, const FLOAT *W_h, const FLOAT *h0, FLOAT *h,
                    FLOAT *room_h)
{
    const int threads = threads_for_rows(T, B, (double)H * (double)H);
    const Matrix to_next = matrix(threads, B, H, H, W_h, 1, room_h);
    share(threads, B, GRAIN,
          [=](npy_intp begin, npy_intp end) { forward_some(begin, end, T, B, H, a, to_next, h0, h); });
}

/* e_a_t = f'(a_t) * e_h_t;  e_h_{t-1} += W_h^T e_a_t, for the sentences begin .. end.
   `e` (B, H) holds the error of h_t, then of h_{t-1}, and in the end of h_0. */
HOT static void backward_some(npy_intp begin, npy_intp end, npy_intp T, npy_intp B, npy_intp H, Matrix to_before,
                              const FLOAT *h, const FLOAT *e_h, FLOAT *e_a, FLOAT *e)
{
    const npy_intp size = (end - begin) * H;
    FLOAT *e_b = e + begin * H;
    memset(e_b, 0, sizeof(FLOAT) * size);
    for (npy_intp t = T - 1; t >= 0; --t) {
        const npy_intp at = (t * B + begin) * H;
        const FLOAT *h_t = h + at, *from_above = e_h + at;
        FLOAT *e_a_t = e_a + at;
        for (npy_intp n = 0; n < size; ++n)
            e_a_t[n] = f_prime(h_t[n]) * (e_b[n] + from_above[n]);
        set_product(end - begin, NULL, e_a_t, to_before, e_b);
    }
}

/* backward_some for all sentences, then dW_h = sum_t e_a_t h_{t-1}^T */
static void backward(npy_intp T, npy_intp B, npy_intp H, const FLOAT *W_h, const FLOAT *h, const FLOAT *h0,
                     const FLOAT *e_h, FLOAT *e_a, FLOAT *e, FLOAT *g_W_h, FLOAT *room_h, Use use = AS_IT_IS)
{
    const int threads = threads_for_rows(T, B, (double)H * (double)H);
    const Matrix to_before = matrix(threads, B, H, H, W_h, 0, room_h);
    share(threads, B, GRAIN,
          [=](npy_intp begin, npy_intp end) { backward_some(begin, end, T, B, H, to_before, h, e_h, e_a, e); });
    use_outer_of_steps(threads, T, B, H, H, e_a, h0, h, use, g_W_h);
}
