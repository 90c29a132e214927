"""Files and folders that other processes may be looking at: written whole or not at all, held by one at a time."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

# can be read by setting it only, which no thread should see: so once, at the start
_UMASK = os.umask(0o077)
os.umask(_UMASK)


def write_atomically(path: Path, content: str | Callable[[IO[bytes]], Any]) -> None:
    """Write a file beside `path` and rename it to `path`: there is the old file or the new one, whole.

    Parameters
    ----------
    path
        The file; its folder is made where it is not there.
    content
        A text, or what writes to the binary file that it is given. If that raises, `path` is untouched.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    os.close(descriptor)
    try:
        with open(temporary, "wb") as file:
            if isinstance(content, str):
                file.write(content.encode())
            else:
                content(file)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_UMASK)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


@contextmanager
def locked(folder: Path, busy: Callable[[], None]) -> Iterator[bool]:
    """Hold a folder against other processes that hold it like this.

    The lock is the kernel's, on the folder itself: it leaves no file, and it ends with the process however that ends.

    Parameters
    ----------
    folder
        The folder, which exists.
    busy
        Called where another process holds it: raises to give up, or returns to wait.

    Yields
    ------
    bool
        Whether it is held: False on a file system that has no locks.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        held = True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            busy()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError:
            held = False
        yield held
    finally:
        os.close(descriptor)
