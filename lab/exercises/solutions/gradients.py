import numpy as np


def my_gradients(x, z, h, e_y, e_a, W_e, W_x):
    dW_e = np.zeros_like(W_e)
    dW_x = np.zeros_like(W_x)
    dW_h = np.zeros((len(h), len(h)))
    dW_y = np.zeros((len(e_y), len(h)))
    for t in range(len(x)):
        dW_e[:, x[t]] += W_x.T @ e_a[:, t]
        dW_x += np.outer(e_a[:, t], z[:, t])
        dW_h += np.outer(e_a[:, t], h[:, t])
        dW_y += np.outer(e_y[:, t], h[:, t + 1])
    return dW_e, dW_x, dW_h, dW_y
