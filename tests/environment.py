"""A call with other environment variables, and what a program says on a busy machine."""

import os
from unittest import mock


def within(environ, call):
    """Return what a function returns where only these variables are set, and HOME."""
    with mock.patch.dict(os.environ, {"HOME": os.environ.get("HOME", "/"), **environ}, clear=True):
        return call()


def without_waits(errors):
    """The lines of a program's errors, but those of waiting for what another process of the tests compiles."""
    return [line for line in errors.splitlines() if not line.startswith("Theano has waited ")]
