import numpy as np


def my_clip(gradients, max_norm):
    norm = np.sqrt(sum((gradient**2).sum() for gradient in gradients))
    factor = max_norm / norm if norm > max_norm else 1
    return [factor * gradient for gradient in gradients]
