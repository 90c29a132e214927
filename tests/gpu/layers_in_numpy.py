"""The recurrent layers in NumPy, step by step; `f` is the activation, and the other names those of the .cluda files."""

import numpy as np


def logistic(x):
    return 1 / (1 + np.exp(-x))


def rnn_states(f, a, W_h, before):
    """Return the states of all steps."""
    h = np.empty(a.shape)
    for t in range(len(a)):
        h[t] = before = f(a[t] + before @ W_h.T)
    return h


def rnn_errors(f_prime, e_h, W_h, h, h0):
    """Return the errors of the sums, the states before each step, and the error of the first of these."""
    e_a, e = np.empty(h.shape), np.zeros(h0.shape)
    for t in reversed(range(len(h))):
        e_a[t] = f_prime(h[t]) * (e + e_h[t])
        e = e_a[t] @ W_h
    return e_a, np.concatenate([h0[None], h[:-1]]), e


def lstm_states(a, W_h, W_c, h0, c0):
    """Return the states, the cells and the gates of all steps."""
    (T, B, _), H = a.shape, h0.shape[1]
    h, c, gates = np.empty((T, B, H)), np.empty((T, B, H)), np.empty((T, B, 4 * H))
    for t in range(T):
        sums = a[t] + h0 @ W_h.T
        gates[t], h[t], c[t] = lstm_step(sums, c0 @ W_c.T, c0)
        h0, c0 = h[t], c[t]
    return h, c, gates


def lstm_step(sums, peep, c0):
    """Return the gates, the state and the cell of one step from the gates' sums and the peepholes' part."""
    i, f, g, o = np.split(sums, 4, axis=-1)
    p_i, p_f, p_o = np.split(peep, 3, axis=-1)
    i, f, g, o = logistic(i + p_i), logistic(f + p_f), np.tanh(g), logistic(o + p_o)
    c = f * c0 + i * g
    return np.concatenate([i, f, g, o], axis=-1), o * np.tanh(c), c


def lstm_errors(e_h, W_h, W_c, h, h0, c, c0, gates):
    """Return the errors of the gates' sums and peepholes, the states and cells before, and the errors of the first."""
    e_a, e_b = np.empty(gates.shape), np.empty((*h.shape[:2], 3 * h.shape[2]))
    e, e_c = np.zeros(h0.shape), np.zeros(h0.shape)
    for t in reversed(range(len(h))):
        e_a[t], e_c = lstm_step_errors(gates[t], c[t], c[t - 1] if t else c0, e + e_h[t], e_c)
        e_b[t] = without_g(e_a[t])
        e, e_c = e_a[t] @ W_h, e_c + e_b[t] @ W_c
    h_before, c_before = (np.concatenate([first[None], s[:-1]]) for first, s in ((h0, h), (c0, c)))
    return e_a, e_b, h_before, c_before, e, e_c


def lstm_step_errors(gates, c, c0, e_h, e_c):
    """Return the errors of the gates' sums in one step, and of the cell before without the peepholes' part."""
    i, f, g, o = np.split(gates, 4, axis=-1)
    tanh_c = np.tanh(c)
    e_c = e_c + e_h * o * (1 - tanh_c**2)
    e_a = [e_c * g * i * (1 - i), e_c * c0 * f * (1 - f), e_c * i * (1 - g * g), e_h * tanh_c * o * (1 - o)]
    return np.concatenate(e_a, axis=-1), f * e_c


def without_g(e_a):
    i, f, _, o = np.split(e_a, 4, axis=-1)
    return np.concatenate([i, f, o], axis=-1)
