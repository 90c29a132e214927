"""A call with other environment variables, waits for what other processes do, and what they say on a busy machine."""

import os
import re
import time
from unittest import mock

HANG_SECONDS = 600  # the limit where one has to be given: what says nothing for so long hangs


def within(environ, call):
    """Return what a function returns where only these variables are set, and HOME."""
    with mock.patch.dict(os.environ, {"HOME": os.environ.get("HOME", "/"), **environ}, clear=True):
        return call()


def wait_until(condition):
    """Wait until something is true; pytest's limit ends a wait in vain."""
    while not condition():
        time.sleep(0.01)  # between two questions


def without_waits(errors):
    """The lines of a program's errors, but those of waiting: for a slow compiler, or for one of another process."""
    waits = re.compile(r"Theano has waited |.* has not returned for \S+ s; still waiting, ")
    return [line for line in errors.splitlines() if not waits.match(line)]
