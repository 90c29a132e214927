"""Recurrent part-of-speech taggers in NumPy and in Theano, for a day of the Lisbon Machine Learning School."""

__version__ = "0.9.0"
