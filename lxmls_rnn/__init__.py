"""Recurrent part-of-speech taggers in NumPy and in Theano, for day 6 of the Lisbon Machine Learning School."""

from lxmls_rnn import _theano_hook

__version__ = "0.1.0"

_theano_hook.install()
