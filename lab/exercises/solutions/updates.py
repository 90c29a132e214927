import theano.tensor as T


def my_updates(_cost, param, rate):
    return [(W, W - rate * T.grad(_cost, W)) for W in param]
