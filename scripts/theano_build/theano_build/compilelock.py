"""The lock of the compile cache, as lxmls_rnn keeps it, under the names of Theano 1.0.5."""

import os
from contextlib import contextmanager
from pathlib import Path

from theano import config

from lxmls_rnn.theano_env.lock import LOCK


def get_lock(lock_dir=None, **_):
    """Take the lock, or hold it once more; Theano's times to wait mean nothing here."""
    LOCK.acquire(Path((lock_dir or os.path.join(config.compiledir, "lock_dir")) + ".flock"))


def release_lock():
    """Hold the lock once less."""
    LOCK.release()


@contextmanager
def lock_ctx(lock_dir=None, keep_lock=False, **_):
    """Hold the lock within the block, however it ends."""
    get_lock(lock_dir)
    try:
        yield
    finally:
        release_lock()


def force_unlock():
    """Do nothing: the kernel lets go of a lock when its holder ends."""
