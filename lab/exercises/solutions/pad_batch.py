import numpy as np


def my_pad_batch(sentences):
    B, L = len(sentences), max(len(words) for words, _ in sentences)
    x, y = np.zeros((B, L), "int32"), np.zeros((B, L), "int32")
    weights = np.zeros((B, L))
    for b, (words, tags) in enumerate(sentences):
        x[b, : len(words)] = words
        y[b, : len(words)] = tags
        weights[b, : len(words)] = 1 / (B * len(words))
    return x, y, weights
