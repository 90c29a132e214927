"""Files and folders that other processes may be looking at: written whole or not at all, held by one at a time.

What the disk refuses is said with the name of the file, in one sentence: `naming` and `in_words`.
"""

from __future__ import annotations

import errno
import fcntl
import glob
import gzip
import os
import re
import shutil
import stat
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

# what a user can mend; anything else is a fault of the lab or the library, and is shown whole
USER_ERRORS = (ValueError, LookupError, ArithmeticError, OSError, RuntimeError, MemoryError)
MAX_QUOTE_CHARACTERS = 100  # characters of what a message quotes
MAX_MESSAGE_CHARACTERS = 1000
MAX_LINE_BYTES = 1 << 20  # bytes of a line of text that is read; a word of 10,000 characters has 40,000 at most
GZIP_MAGIC = b"\x1f\x8b"
# characters that a terminal obeys (C0, C1), that end or reorder a line (bidi controls), that are no text (surrogates);
# marks of direction and joiners are part of right-to-left and Indic text
UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")

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
    if len(text) > MAX_MESSAGE_CHARACTERS:
        text = f"{text[:MAX_MESSAGE_CHARACTERS]}..."
    return escaped(text)


def escaped(text: str) -> str:
    """Return a text with each of its `UNSAFE` characters as a backslash escape, so that any screen can show it.

    A name or a word of a file could otherwise move the cursor, add lines that look like messages, or end the printing.
    """
    return UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def counted(number: int, what: str) -> str:
    """Return a number of things in words: "1 epoch", "2 epochs"."""
    return f"{number} {what}{'s' * (number != 1)}"


def quoted(what: object) -> str:
    """Return the repr of what a message quotes, cut where it is long."""
    if isinstance(what, (str, bytes)):
        text = repr(what[:MAX_QUOTE_CHARACTERS])
        return text if len(what) <= MAX_QUOTE_CHARACTERS else f"{text}..."
    try:
        text = repr(what)
    except ValueError:  # a number of too many digits to be written
        return "a very long number"
    return text if len(text) <= MAX_QUOTE_CHARACTERS else f"{text[:MAX_QUOTE_CHARACTERS]}..."


def open_regular(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a file to be read as bytes; OSError if it cannot be opened.

    ValueError if it is a folder, or something that has no end or would have to be waited for, as a device or a pipe.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ENXIO:  # a socket
            raise ValueError(f"{path} is no regular file, expected a file") from None
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        os.close(descriptor)
        raise ValueError(f"{path} is {'a folder' if is_folder else 'no regular file'}, expected a file")
    return open(descriptor, "rb")


def read_regular(path: str | os.PathLike[str], most: int) -> bytes:
    """Return the bytes of a file; errors as `open_regular`, and ValueError if it has more than `most` of them."""
    with naming(path), open_regular(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise ValueError(f"{path}: the file is larger than {most:,} bytes, expected at most so many")
    return content


def lines_of(stream: BinaryIO, name: str | os.PathLike[str]) -> Iterator[tuple[int, bytes]]:
    """Yield (line number, line with its end) of an open stream.

    Only one line is held, of `MAX_LINE_BYTES` bytes at most: ValueError, with `name` and number, for a longer one.
    """
    number = 0
    while line := stream.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(line) > MAX_LINE_BYTES:
            raise ValueError(f"{name}, line {number}: the line is longer than {MAX_LINE_BYTES:,} bytes, expected text")
        yield number, line


def read_lines(path: str | os.PathLike[str]) -> Iterator[tuple[int, bytes]]:
    """Yield (line number, line with its end) of a file, plain or compressed with gzip, whatever its name.

    Errors as `open_regular` and `lines_of`; ValueError if the compressed data are damaged or cut short.
    """
    number = 0
    try:
        with naming(path), open_regular(path) as file:
            zipped = file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
            file.seek(0)
            for number, line in lines_of(cast(BinaryIO, gzip.GzipFile(fileobj=file)) if zipped else file, path):
                yield number, line
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{path}: damaged gzip file, after line {number} ({error})") from None


def make_folder(folder: Path) -> None:
    """Make a folder where there is none; NotADirectoryError, which names it, where there is something else."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise NotADirectoryError(errno.ENOTDIR, "is a file, expected a folder", os.fspath(folder)) from None


def write_atomically(path: Path, content: str | Callable[[IO[bytes]], Any]) -> None:
    """Write a file beside `path` and rename it to `path`: there is the old file or the new one, whole.

    Its folder is made where it is not there. `content` is a text, or what writes to the binary file that it is given;
    if that raises, `path` is untouched. OSError, with the name `path`, if the disk is full, for instance.
    """
    make_folder(path.parent)
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


def append(path: Path, line: bytes) -> None:
    """Append to a file and return when all is on the disk; OSError, which names the file, after a part at most."""
    # unbuffered: a buffer is written again when the file is closed, after the part that the disk has taken
    with naming(path), open(path, "ab", buffering=0) as file:
        while line:
            line = line[file.write(line) :]
        os.fsync(file.fileno())


def make_atomically(folder: Path, fill: Callable[[Path], Any]) -> None:
    """Make a folder beside `folder`, let `fill` write into it, and rename it: there is none, or a whole one.

    FileExistsError if there is a `folder` that is not empty, or a file of that name; OSError with a name of what cannot
    be written.
    """
    make_folder(folder.parent)
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
