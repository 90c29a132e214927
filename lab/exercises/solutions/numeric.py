import numpy as np


def my_numeric_gradient(cost, W, step=1e-4):
    gradient = np.zeros_like(W)
    for i in range(W.shape[0]):
        for j in range(W.shape[1]):
            kept = W[i, j]
            W[i, j] = kept + step
            above = cost()
            W[i, j] = kept - step
            below = cost()
            W[i, j] = kept
            gradient[i, j] = (above - below) / (2 * step)
    return gradient
