"""A call with other environment variables."""

import os
from unittest import mock


def within(environ, call):
    """Return what a function returns where only these variables are set, and HOME."""
    with mock.patch.dict(os.environ, {"HOME": os.environ.get("HOME", "/"), **environ}, clear=True):
        return call()
