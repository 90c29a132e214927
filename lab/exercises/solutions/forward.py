import numpy as np
from scipy.special import expit as logistic


def my_forward(x, W_e, W_x, W_h, W_y):
    L, n_hidd, n_tags = len(x), len(W_h), len(W_y)
    z = W_e[:, x]  # embeddings, (n_emb, L)
    a = np.zeros((n_hidd, L))  # what the activation takes
    h = np.zeros((n_hidd, L + 1))  # hidden states; column 0 is h_0 = 0
    y = np.zeros((n_tags, L))  # scores
    p = np.zeros((n_tags, L))  # probabilities
    for t in range(L):
        a[:, t] = W_x @ z[:, t] + W_h @ h[:, t]
        h[:, t + 1] = logistic(a[:, t])
        y[:, t] = W_y @ h[:, t + 1]
        p[:, t] = np.exp(y[:, t]) / np.exp(y[:, t]).sum()
    return z, a, h, y, p
