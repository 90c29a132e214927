"""A recurrent tagger as textbooks, and the school's 2016 toolkit, write it: what `NumpyRNN` is timed against.

One step after the other, each quantity a dict from step to vector, a gradient of the size of every parameter that
each step adds to. Right, easy to follow, and slow: no product covers more than one step.
"""

import numpy as np


class TextbookRNN:
    """`param` is [W_e, W_x, W_h, W_y] with the shapes of `NumpyRNN.param`; the activation is tanh."""

    def __init__(self, param):
        self.param = [np.array(W, order="C") for W in param]

    def forward(self, x):
        """Return z, h and the probabilities p of the tags, each a dict of vectors by step; h[-1] = 0."""
        W_e, W_x, W_h, W_y = self.param
        z, h, p = {}, {-1: np.zeros(len(W_h), W_h.dtype)}, {}
        for t in range(len(x)):
            z[t] = W_e[:, x[t]]
            h[t] = np.tanh(W_x.dot(z[t]) + W_h.dot(h[t - 1]))
            y = W_y.dot(h[t])
            exp_y = np.exp(y - np.max(y))
            p[t] = exp_y / np.sum(exp_y)
        return z, h, p

    def grads(self, x, y):
        """Return the mean cross-entropy of a sentence and its gradient for every parameter."""
        _, W_x, W_h, W_y = self.param
        z, h, p = self.forward(x)
        cost = 0.0
        dW_e, dW_x, dW_h, dW_y = gradients = [np.zeros(W.shape, W.dtype) for W in self.param]
        from_later = np.zeros_like(h[-1])
        for t in reversed(range(len(x))):
            cost -= np.log(p[t][y[t]])
            e_y = p[t].copy()
            e_y[y[t]] -= 1
            e_a = (1 - h[t] ** 2) * (W_y.T.dot(e_y) + from_later)
            from_later = W_h.T.dot(e_a)
            dW_y += np.outer(e_y, h[t])
            dW_h += np.outer(e_a, h[t - 1])
            dW_x += np.outer(e_a, z[t])
            dW_e[:, x[t]] += W_x.T.dot(e_a)
        return cost / len(x), [dW / len(x) for dW in gradients]

    def step(self, x, y, rate):
        """Make one step of gradient descent on every entry of every parameter; return the cost before it."""
        cost, gradients = self.grads(x, y)
        for W, dW in zip(self.param, gradients, strict=True):
            W -= rate * dW
        return cost
