"""Fixtures of these tests."""

from fresh_theano import cache, pipe  # noqa: F401
