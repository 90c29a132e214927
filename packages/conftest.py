"""Kinds of the tests of these packages, where tests/conftest.py is not read."""


def pytest_configure(config):
    """Know the marks that the tests use."""
    for name in ("process", "theano", "daily", "nightly"):
        config.addinivalue_line("markers", f"{name}: see tests/conftest.py")
