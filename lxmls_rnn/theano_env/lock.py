"""Lock of Theano's compile cache by ``flock``, which the kernel releases when its holder dies.

Theano's own is a folder with a process id and a host name in it. A killed container leaves one that names a host
that is gone, or an id that another process has now, and the next process waits for two minutes. An interrupt or a
failed compile within Theano's ``lock_ctx`` leaves one too, for as long as the process lives.
"""

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

# A waiting thread reports after the first time, and then at the second interval.
FIRST_REPORT_SECONDS, REPORT_SECONDS = 3.0, 60.0
NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)


class CacheLock(threading.local):
    """The lock as one thread sees it: whether the thread holds it, and how many times over.

    Each thread opens the file for itself, so that ``flock`` keeps threads apart as it does processes.
    """

    def __init__(self) -> None:
        self.depth = 0
        self._file: BinaryIO | None = None

    def acquire(self, path: Path) -> None:
        """Take the lock whose file is `path`, or hold it once more.

        OSError if the file cannot be opened. On a file system without ``flock`` it warns and locks nothing.
        """
        if self.depth > 0:
            self.depth += 1
            return
        self.release(0)  # what an interrupt within `release` has left
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o660), "r+b", buffering=0)
        try:
            try:
                _take(file, path)
            except OSError as error:
                if error.errno not in NO_LOCKS:
                    raise
                warnings.warn(
                    f"{path.parent} is on a file system without locks: processes may compile the same there",
                    RuntimeWarning,
                    stacklevel=2,
                )
            self._file, self.depth = file, 1
        except BaseException:
            _let_go(file)
            raise

    def release(self, depth: int | None = None) -> None:
        """Hold the lock once less, or no more than `depth` times."""
        self.depth = max(self.depth - 1, 0) if depth is None else min(self.depth, depth)
        if self.depth == 0 and self._file is not None:
            _let_go(self._file)
            self._file = None

    @contextmanager
    def released_after(self) -> Iterator[None]:
        """Hold the lock no more often after the block than before, however the block ends."""
        before = self.depth
        try:
            yield
        finally:
            self.release(before)


LOCK = CacheLock()


def _take(file: BinaryIO, path: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        with reporting_wait(lambda: f"{_holder(path)} in the same cache, {path.parent}"):
            fcntl.flock(file, fcntl.LOCK_EX)
    with suppress(OSError):  # a full disk: only the name of who is waited for is lost
        file.truncate()
        file.write(b"%d" % os.getpid())


def _let_go(file: BinaryIO) -> None:
    if not file.closed:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(file, fcntl.LOCK_UN)  # where a child process has inherited the file, closing is not enough
        file.close()


def _holder(path: Path) -> str:
    try:
        pid = path.read_text() or "unknown"
    except OSError:
        pid = "unknown"
    return "another thread" if pid == str(os.getpid()) else f"process {pid}"


@contextmanager
def reporting_wait(who: Callable[[], str]) -> Iterator[Callable[[], None]]:
    """Report on stderr that this thread waits, and for whom, if the block takes longer than `FIRST_REPORT_SECONDS`.

    Calling the yielded function ends the reports before the block ends.
    """
    done = threading.Event()
    start = time.monotonic()

    def tell() -> None:
        pause = FIRST_REPORT_SECONDS
        while not done.wait(pause):
            waited = time.monotonic() - start
            print(f"Theano waits, {waited:.0f} s so far, for a compile by {who()}", file=sys.stderr, flush=True)
            pause = REPORT_SECONDS

    threading.Thread(target=tell, daemon=True).start()
    try:
        yield done.set
    finally:
        done.set()
