import theano
import theano.tensor as T


def my_squares(_n):
    _squares, _ = theano.scan(lambda _i: _i**2, sequences=T.arange(_n))
    return _squares
