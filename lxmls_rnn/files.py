"""Files and folders that other processes may be looking at: written whole or not at all, held by one at a time.

What the disk refuses is said with the name of the file, in one sentence: `naming` and `in_words`.
"""

from __future__ import annotations

import errno
import fcntl
import glob
import gzip
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

# what a user can mend; anything else is a fault of the lab or the library, and is shown whole
EXPECTED = (ValueError, LookupError, ArithmeticError, OSError, RuntimeError, MemoryError)
LONGEST_QUOTE = 100  # characters of what a message quotes
LONGEST_MESSAGE = 1000
GZIP_MAGIC = b"\x1f\x8b"

# can be read by setting it only, which no thread should see: so once, at the start
_UMASK = os.umask(0o077)
os.umask(_UMASK)


@contextmanager
def naming(path: str | os.PathLike[str], instead: bool = False) -> Iterator[None]:
    """Give an OSError from inside that names no file, as those of read and write are, the name of this one.

    With `instead` one that names another too.
    """
    try:
        yield
    except OSError as error:
        if error.errno is None or (error.filename is not None and not instead):
            raise
        raise OSError(error.errno, error.strerror or os.strerror(error.errno), os.fspath(path)) from None


def in_words(error: BaseException) -> str:
    """Return what an error says, as a sentence for a user: of an OSError the file and why, of a KeyError its text."""
    text = str(error)
    if isinstance(error, OSError) and error.strerror:
        text = error.strerror if error.filename is None else f"{os.fsdecode(error.filename)}: {error.strerror}"
    elif isinstance(error, KeyError) and error.args:
        text = str(error.args[0])  # str() of a KeyError is a repr
    elif isinstance(error, MemoryError):
        text = f"not enough memory: {text}" if text else "not enough memory"
    text = text or type(error).__name__
    if len(text) > LONGEST_MESSAGE:
        text = f"{text[:LONGEST_MESSAGE]}..."
    # a name that is no text in UTF-8 can be neither printed nor shown
    return text.encode(errors="backslashreplace").decode()


def counted(number: int, what: str) -> str:
    """Return a number of things in words: "1 epoch", "2 epochs"."""
    return f"{number} {what}{'s' * (number != 1)}"


def quoted(what: object) -> str:
    """Return the repr of what a message quotes, cut where it is long."""
    if isinstance(what, (str, bytes)):
        text = repr(what[:LONGEST_QUOTE])
        return text if len(what) <= LONGEST_QUOTE else f"{text}..."
    try:
        text = repr(what)
    except ValueError:  # a number of too many digits to be written
        return "a very long number"
    return text if len(text) <= LONGEST_QUOTE else f"{text[:LONGEST_QUOTE]}..."


def open_regular(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a file to be read as bytes; OSError if it cannot be opened.

    ValueError if it is a folder, or something that would have to be waited for, such as a pipe.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        os.close(descriptor)
        raise ValueError(f"{path} is {'a folder' if is_folder else 'no regular file'}, expected a file")
    return open(descriptor, "rb")


def unzipped(file: BinaryIO) -> BinaryIO:
    """Return what an open file holds: as it is, or decompressed where it begins as gzip's files do."""
    zipped = file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
    file.seek(0)
    return cast(BinaryIO, gzip.GzipFile(fileobj=file)) if zipped else file


def write_atomically(path: Path, content: str | Callable[[IO[bytes]], Any]) -> None:
    """Write a file beside `path` and rename it to `path`: there is the old file or the new one, whole.

    Its folder is made where it is not there. `content` is a text, or what writes to the binary file that it is given;
    if that raises, `path` is untouched. OSError, with the name `path`, if the disk is full, for instance.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with naming(path, instead=True), _held(path, _new_file) as (temporary, descriptor):
        with open(temporary, "wb") as file:
            if isinstance(content, str):
                file.write(content.encode())
            else:
                content(file)
            file.flush()
            os.fsync(file.fileno())
        os.fchmod(descriptor, 0o666 & ~_UMASK)
        os.replace(temporary, path)


def make_atomically(folder: Path, fill: Callable[[Path], Any]) -> None:
    """Make a folder beside `folder`, let `fill` write into it, and rename it: there is none, or a whole one.

    FileExistsError if there is a `folder` that is not empty, or a file of that name; OSError with a name of what cannot
    be written.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with naming(folder), _held(folder, _new_folder) as (temporary, descriptor):
        fill(Path(temporary))
        os.fchmod(descriptor, 0o777 & ~_UMASK)
        try:
            os.rename(temporary, folder)
        except OSError as error:
            if os.path.lexists(folder):
                raise FileExistsError(errno.EEXIST, "is there already", os.fspath(folder)) from error
            raise


def _new_file(parent: Path, prefix: str, suffix: str) -> tuple[str, int]:
    descriptor, name = tempfile.mkstemp(suffix, prefix, parent)
    return name, descriptor


def _new_folder(parent: Path, prefix: str, suffix: str) -> tuple[str, int]:
    while True:
        name = tempfile.mkdtemp(suffix, prefix, parent)
        with suppress(FileNotFoundError):  # one who sweeps has come between
            return name, os.open(name, os.O_RDONLY | os.O_CLOEXEC)


@contextmanager
def _held(path: Path, make: Callable[[Path, str, str], tuple[str, int]]) -> Iterator[tuple[str, int]]:
    """Make something beside `path`, locked while it is filled; gone where it has not been renamed."""
    prefix = f".{path.name[:100]}."
    _sweep(path.parent, prefix)
    while True:
        with naming(path, instead=True):
            name, descriptor = make(path.parent, prefix, ".tmp")
        try:
            held = _lock(descriptor)
            # one who sweeps may have come between
            if held is None or (held and os.path.exists(name)):
                break
        except BaseException:
            _remove(name)
            os.close(descriptor)
            raise
        os.close(descriptor)
    try:
        yield name, descriptor
    finally:
        _remove(name)
        os.close(descriptor)


def _sweep(parent: Path, prefix: str) -> None:
    """Remove what writers have left that were killed: those that live hold theirs."""
    for name in glob.glob(f"{glob.escape(str(parent / prefix))}*.tmp"):
        with suppress(OSError):
            descriptor = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                if _lock(descriptor):
                    _remove(name)
            finally:
                os.close(descriptor)


def _lock(descriptor: int) -> bool | None:
    """Lock what is open, if nobody has; return whether, or None on a file system that has no locks."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _remove(name: str) -> None:
    """Remove a file or a folder, if it is there and can be removed."""
    with suppress(OSError):
        if os.path.isdir(name):
            shutil.rmtree(name, ignore_errors=True)
        else:
            os.unlink(name)


@contextmanager
def locked(folder: Path, busy: Callable[[], None]) -> Iterator[bool]:
    """Hold a folder, which exists, against other processes that hold it like this; yield whether it is held.

    The lock is the kernel's, on the folder itself: it leaves no file, and it ends with the process however that ends.
    On a file system that has no locks there is none. Where another process holds the folder, `busy` is called: it
    raises to give up, or returns to wait.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        held = _lock(descriptor)
        if held is False:
            busy()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield held is not None
    finally:
        os.close(descriptor)
