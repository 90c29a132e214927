/* In place of what Python defines before the code of an Op, so that an editor or a linter reads each file alone: the
   types of NumPy, the functions of BLAS, and the macros, here those of float64, tanh and an LSTM with peepholes. No Op
   contains this file. */
#pragma once
#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef intptr_t npy_intp;
typedef int32_t npy_int32;
typedef int64_t npy_int64;
typedef uint64_t npy_uint64;

extern "C" void dgemm_(char *, char *, const int *, const int *, const int *, const double *, const double *,
                       const int *, const double *, const int *, const double *, double *, const int *);
extern "C" void dgemv_(char *, const int *, const int *, const double *, const double *, const int *, const double *,
                       const int *, const double *, double *, const int *);

/* c_source.py */
#define FLOAT double
#define FLOAT_BITS 64
#define GEMM dgemm_
#define GEMV dgemv_
#define EXP exp
#define LOG log
#define HOT

/* rnn_layer.py, lstm_layer.py */
#define ACTIVATION hyperbolic(a)
#define SLOPE 1 - h * h
#define PEEPHOLES 1

/* sgd_steps.py: a layer that does nothing */
#define MATRICES(DO) DO(W_x, H * E) DO(W_y, K * H)
#define ARRAYS(DO)                                                                                                     \
    DO(z, T * B * E) DO(a, T * B * H) DO(h, T * B * H) DO(y, T * B * K) DO(e_y, T * B * K) DO(e_h, T * B * H)          \
    DO(e_z, T * B * E) DO(room_x, PACKED_SIZE(H, E)) DO(room_y, PACKED_SIZE(K, H))
#define ALIASES(DO) DO(e_a, a)
#define STATES(DO)
#define FORWARD
#define BACKWARD
#define GATES 1
