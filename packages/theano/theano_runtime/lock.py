"""Lock of Theano's compile cache by ``flock``, which the kernel releases when the lock holder dies.

Theano's own lock is a folder with a file that names a process id and a host. A killed container leaves a lock whose
host no longer exists or whose id another process has now, and the next process waits for two minutes. After an
interrupt or a failed compilation within Theano's ``lock_ctx`` the process keeps the lock until it ends.
"""

import contextvars
import errno
import fcntl
import os
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

# A waiting thread reports after the first of these times, then at the interval of the second.
FIRST_REPORT_SECONDS, REPORT_SECONDS = 3.0, 60.0
NO_LOCKS_ERRNOS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)


class CacheLock(threading.local):
    """Reentrant lock; each thread has its own state.

    Each thread opens the file itself, so that ``flock`` excludes threads as it excludes processes.
    """

    def __init__(self) -> None:
        self.depth = 0
        self._file: BinaryIO | None = None

    def acquire(self, path: Path) -> None:
        """Acquire the lock with the file `path`, or increase its depth if this thread holds it.

        OSError if the file cannot be opened. On a file system without ``flock`` it warns and does not lock.
        """
        if self.depth > 0:
            self.depth += 1
            return
        self.release(0)  # an interrupt within `release` may have left the file open
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o660), "r+b", buffering=0)
        try:
            try:
                _lock_file(file, path)
            except OSError as error:
                if error.errno not in NO_LOCKS_ERRNOS:
                    raise
                warnings.warn(
                    f"{path.parent} is on a file system without locks: processes may compile the same module twice",
                    RuntimeWarning,
                    stacklevel=2,
                )
            self._file, self.depth = file, 1
        except BaseException:
            _unlock_and_close(file)
            raise

    def release(self, depth: int | None = None) -> None:
        """Decrease the depth by one, or to at most `depth`; unlock at 0."""
        self.depth = max(self.depth - 1, 0) if depth is None else min(self.depth, depth)
        if self.depth == 0 and self._file is not None:
            _unlock_and_close(self._file)
            self._file = None

    @contextmanager
    def released_after(self) -> Iterator[None]:
        """Release the lock after the block to the depth that it had before, also after an exception."""
        before = self.depth
        try:
            yield
        finally:
            self.release(before)


LOCK = CacheLock()


def _lock_file(file: BinaryIO, path: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        with reporting_wait(lambda: f"{_holder(path)} in the same cache, {path.parent}"):
            fcntl.flock(file, fcntl.LOCK_EX)
    with suppress(OSError):  # full disk: other processes cannot name the lock holder
        file.truncate()
        file.write(b"%d" % os.getpid())


def _unlock_and_close(file: BinaryIO) -> None:
    if not file.closed:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(file, fcntl.LOCK_UN)  # closing is not enough if a child process has inherited the file
        file.close()


def _holder(path: Path) -> str:
    try:
        pid = path.read_text() or "unknown"
    except OSError:
        pid = "unknown"
    return "another thread" if pid == str(os.getpid()) else f"process {pid}"


@contextmanager
def reporting_wait(who: Callable[[], str]) -> Iterator[Callable[[], None]]:
    """Report on stderr that this thread waits for `who` if the block takes longer than `FIRST_REPORT_SECONDS`.

    The yielded function ends the reports before the end of the block.
    """
    done = threading.Event()
    start = time.monotonic()

    def report() -> None:
        pause = FIRST_REPORT_SECONDS
        while not done.wait(pause):
            waited = time.monotonic() - start
            print(f"Theano has waited {waited:.0f} s for a compilation by {who()}", file=sys.stderr, flush=True)
            pause = REPORT_SECONDS

    # in this context a notebook shows the reports below the cell that compiles
    reporter = threading.Thread(target=contextvars.copy_context().run, args=(report,), daemon=True)
    try:
        reporter.start()  # an interrupt in this call leaves a thread that runs
        yield done.set
    finally:
        done.set()
