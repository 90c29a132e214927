"""Kinds of these tests, and their fixtures."""

from fresh_theano import cache, pipe  # noqa: F401


def pytest_configure(config):
    """Know the kinds of these tests also where tests/conftest.py is not read."""
    for name in ("process", "theano", "daily", "nightly"):
        config.addinivalue_line("markers", f"{name}: see tests/conftest.py")
