import numpy as np


def my_errors(gold, h, p, W_h, W_y):
    L = len(gold)
    e_y = np.zeros_like(p)  # errors of the scores, (n_tags, L)
    e_h = np.zeros((len(W_h), L))  # errors of h_1 ... h_L
    e_a = np.zeros((len(W_h), L))  # errors of what the activation took
    for t in reversed(range(L)):
        e_y[:, t] = p[:, t] / L
        e_y[gold[t], t] -= 1 / L
        e_h[:, t] = W_y.T @ e_y[:, t]
        if t + 1 < L:
            e_h[:, t] += W_h.T @ e_a[:, t + 1]
        e_a[:, t] = h[:, t + 1] * (1 - h[:, t + 1]) * e_h[:, t]
    return e_y, e_h, e_a
