"""Atomic writes, bounded reads, checksums, and locks for files that several processes share; private folders.

Errors name the file concerned (`naming`).
"""

from __future__ import annotations

import errno
import glob
import gzip
import hashlib
import os
import shutil
import stat
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import IO, BinaryIO, cast

MAX_LINE_BYTES = 1 << 20  # of a line of text; a word of 10,000 characters has at most 40,000 bytes
LOCK_FILE = ".lock"  # in a folder that is locked for all machines, or where the system cannot lock the folder itself
GZIP_MAGIC = b"\x1f\x8b"
# those that this system has: Windows has only the last one
_READ_FLAGS = os.O_RDONLY
for _name in ("O_NONBLOCK", "O_CLOEXEC", "O_BINARY"):
    _READ_FLAGS |= getattr(os, _name, 0)

_DEVICES = Path("/dev")  # whose links lead to files too: /dev/stdout

# The umask can only be read by setting it, which affects all threads: so it is read once, at import.
_UMASK = os.umask(0o077)
os.umask(_UMASK)


@contextmanager
def naming(path: str | os.PathLike[str], instead: bool = False) -> Iterator[None]:
    """Add the name of a file to an OSError that the block raises without one, as read and write do.

    With `instead`, also replace the name of another file.
    """
    try:
        yield
    except OSError as error:
        if error.errno is None or (error.filename is not None and not instead):
            raise
        raise OSError(error.errno, error.strerror or os.strerror(error.errno), os.fspath(path)) from None


def open_regular(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a regular file for reading bytes.

    Raise OSError if it cannot be opened, and ValueError if it is a link to a missing file, a folder, or a special file
    such as a device or a pipe, which may have no end or block.
    """
    try:
        descriptor = os.open(path, _READ_FLAGS)
    except OSError as error:
        if error.errno == errno.ENXIO:  # a socket
            raise ValueError(f"{path} is not a regular file, expected a file") from None
        if error.errno == errno.ENOENT and os.path.islink(path):
            raise ValueError(f"{path} is a link to {os.readlink(path)}, which does not exist") from None
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        os.close(descriptor)
        raise ValueError(f"{path} is {'a folder' if is_folder else 'not a regular file'}, expected a file")
    return open(descriptor, "rb")


def read_regular(path: str | os.PathLike[str], most: int) -> bytes:
    """Return the content of a file; errors as `open_regular`, and ValueError if it has more than `most` bytes."""
    with naming(path), open_regular(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise ValueError(f"{path}: the file is larger than {most:,} bytes, which is the limit")
    return content


def lines_of(stream: BinaryIO, name: str | os.PathLike[str]) -> Iterator[tuple[int, bytes]]:
    """Yield (line number, line with its line break) of an open stream, holding only one line in memory.

    Raise ValueError, with `name` and the line number, if a line is longer than `MAX_LINE_BYTES`.
    """
    number = 0
    while line := stream.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(line) > MAX_LINE_BYTES:
            raise ValueError(f"{name}, line {number}: the line is longer than {MAX_LINE_BYTES:,} bytes, expected text")
        yield number, line


def read_lines(path: str | os.PathLike[str]) -> Iterator[tuple[int, bytes]]:
    """Yield (line number, line with its line break) of a plain or gzip file, recognised by content, not by name.

    Raise OSError if it cannot be opened, and ValueError if it is not a regular file, a line is longer than
    `MAX_LINE_BYTES`, or the compressed data are damaged or truncated.
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


def digest(path: Path, algorithm: str = "sha256") -> str:
    r"""Return the checksum of a file in hexadecimal, by an algorithm of hashlib or `git-blob`; an OSError names it.

    `git-blob` is git's id of the content: the SHA-1 of ``blob <size>\0`` and the content (Pro Git, section 10.2).
    """
    is_blob = algorithm == "git-blob"
    with naming(path), open_regular(path) as file:
        hasher = hashlib.new("sha1" if is_blob else algorithm, usedforsecurity=False)
        if is_blob:
            hasher.update(b"blob %d\0" % os.fstat(file.fileno()).st_size)
        while piece := file.read(1 << 20):
            hasher.update(piece)
    return hasher.hexdigest()


def make_folder(folder: Path) -> None:
    """Make a folder, with its parents, unless it exists; NotADirectoryError, which names it, if it is a file."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise NotADirectoryError(errno.ENOTDIR, "is a file, expected a folder", os.fspath(folder)) from None


def try_to_write(folder: Path) -> None:
    """Raise OSError, which names the folder, if no file can be written in it; the folder is made if it is missing."""
    make_folder(folder)
    with naming(folder, instead=True), tempfile.TemporaryFile(dir=folder):
        pass


def write_atomically(path: Path, content: str | Callable[[IO[bytes]], object]) -> None:
    """Write a temporary file beside `path` and rename it to `path`: readers see either the old file or the new one.

    The folder is made if it does not exist. `content` is a text, or a function that writes to the open binary file it
    is given; if it raises, `path` is unchanged. Raise OSError, which names `path`, for instance if the disk is full.
    """
    make_folder(path.parent)
    with naming(path, instead=True), _held(path, _new_file) as temporary:
        with open(temporary, "wb") as file:
            _fill(file, content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_UMASK)
        os.replace(temporary, path)


def write_output(path: Path, content: str | Callable[[IO[bytes]], object]) -> None:
    """Write what the user has asked for where the user has asked for it.

    As `write_atomically`, but what is no file, such as /dev/null or a pipe, is not replaced: it is written into.
    """
    if path.parent != _DEVICES and (path.is_file() or path.is_dir() or not path.exists()):
        write_atomically(path, content)
        return
    with naming(path), open(path, "wb") as device:
        _fill(device, content)


def _fill(file: IO[bytes], content: str | Callable[[IO[bytes]], object]) -> None:
    if isinstance(content, str):
        file.write(content.encode())
    else:
        content(file)


def append(path: Path, line: bytes) -> None:
    """Append a line to a file and wait until it is on the disk.

    Raise OSError, which names the file, if that fails; a part of the line may have been written by then.
    """
    # unbuffered: closing a buffered file after a failed write would write the whole buffer again
    with naming(path), open(path, "ab", buffering=0) as file:
        while line:
            line = line[file.write(line) :]
        os.fsync(file.fileno())


def modified(path: Path) -> float:
    """Return the time of a file's last change, in seconds since 1970; 0 if another process has deleted it."""
    with suppress(FileNotFoundError):
        return path.stat().st_mtime
    return 0.0


def make_atomically(folder: Path, fill: Callable[[Path], object]) -> None:
    """Make a temporary folder, let `fill` write into it, and rename it to `folder`: it appears complete or not at all.

    Raise FileExistsError if `folder` is a file or a folder that is not empty, and OSError, which names the file, if
    something cannot be written.
    """
    make_folder(folder.parent)
    with naming(folder), _held(folder, tempfile.mkdtemp) as temporary:
        fill(Path(temporary))
        os.chmod(temporary, 0o777 & ~_UMASK)
        try:
            os.rename(temporary, folder)
        except OSError as error:
            if os.path.lexists(folder):
                raise FileExistsError(errno.EEXIST, "already exists", os.fspath(folder)) from error
            raise


def _new_file(suffix: str, prefix: str, parent: Path) -> str:
    descriptor, name = tempfile.mkstemp(suffix, prefix, parent)
    os.close(descriptor)
    return name


@contextmanager
def _held(path: Path, make: Callable[[str, str, Path], str]) -> Iterator[str]:
    """Make a temporary file or folder beside `path` and lock it; delete it at the end unless it was renamed.

    First delete the temporary files of killed writers: those of running writers are locked.
    """
    from filelock import has_fcntl  # takes 30 ms

    lock = _lock if has_fcntl else lambda _: nullcontext()  # Windows renames no open file, and opens no folder
    prefix = f".{path.name[:100]}."
    for name in glob.glob(f"{glob.escape(str(path.parent / prefix))}*.tmp"):
        with suppress(OSError), lock(name) as is_locked:
            if is_locked:
                _remove(name)
    while True:
        with naming(path, instead=True):
            name = make(".tmp", prefix, path.parent)
        with ExitStack() as stack:
            try:
                is_locked = stack.enter_context(lock(name))
            except FileNotFoundError:
                continue
            if is_locked is False or not os.path.exists(name):  # another process deleted it before it was locked
                continue
            stack.callback(_remove, name)
            yield name
            return


@contextmanager
def _lock(
    path: Path | str, busy: Callable[[], object] | None = None, flags: int = _READ_FLAGS
) -> Iterator[bool | None]:
    """Lock a file or folder; yield whether it is locked, None where the file system has no locks.

    If another process holds the lock, call `busy` and wait, or yield False without `busy`.
    """
    from filelock import lock_descriptor, unlock_descriptor

    descriptor = os.open(path, flags, 0o666)
    try:
        try:
            is_locked: bool | None = lock_descriptor(descriptor, blocking=False)
        except OSError:
            is_locked = None
        if is_locked is False and busy:
            busy()
            is_locked = lock_descriptor(descriptor)
        yield is_locked
    finally:
        with suppress(OSError):
            unlock_descriptor(descriptor)  # a process that was forked meanwhile would otherwise keep it locked
        os.close(descriptor)


def _remove(name: str) -> None:
    """Delete a file or a folder if possible, without raising OSError."""
    with suppress(OSError):
        if os.path.isdir(name):
            shutil.rmtree(name, ignore_errors=True)
        else:
            os.unlink(name)


@contextmanager
def locked(folder: Path, busy: Callable[[], object], for_all_machines: bool = False) -> Iterator[bool]:
    """Lock an existing folder against other processes that call this; yield whether it is locked.

    The kernel holds the lock on the folder itself, and the lock ends with the process, even a killed one. On Windows,
    and with `for_all_machines`, it is on a file in the folder, which stays: NFS shows other machines the locks of files
    that are open for writing, and no others. On a file system without locks, the folder is not locked and False is
    yielded. If another process holds the lock, `busy` is called: it raises an error to give up, or returns to wait.
    """
    from filelock import has_fcntl

    on_file = for_all_machines or not has_fcntl
    with _lock(*((folder / LOCK_FILE, busy, os.O_RDWR | os.O_CREAT) if on_file else (folder, busy))) as is_locked:
        yield bool(is_locked)


def make_private(folder: Path) -> str:
    """Make a folder that only this user can write to; return a sentence that says why not, or an empty string.

    Folders that are made are for this user only. No other user may write to the folder, or replace it or a folder or
    link that leads to it. Windows keeps other users out of a user's folders itself.
    """
    try:
        if not folder.is_absolute():  # a user without a name and without HOME
            raise FileNotFoundError
        for path in (*reversed(folder.parents), folder):
            if not path.exists():
                path.mkdir(mode=0o700, exist_ok=True)
        if not hasattr(os, "getuid"):
            return ""
        real = folder.resolve()
        for path in (*reversed(real.parents), real, *reversed(folder.parents), folder):
            if why := _why_untrusted(path, is_sticky_enough=path not in (folder, real)):
                return f"{path} {why}"
        if os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            folder.chmod(0o700)
            return ""
    except OSError:
        pass
    return f"{folder} cannot be written"


def _why_untrusted(path: Path, is_sticky_enough: bool) -> str:
    """Return how other users can change or replace what is in a folder, or the target of a link; empty if they cannot.

    In a folder with the sticky bit they can add files, but not replace those of this user.
    """
    status = path.lstat()
    # in a user namespace root's files have another owner, the one of the root folder
    if status.st_uid not in (0, os.getuid(), os.stat("/").st_uid):
        return "belongs to another user"
    if stat.S_ISLNK(status.st_mode) or (is_sticky_enough and status.st_mode & stat.S_ISVTX):
        return ""
    if status.st_mode & (stat.S_IWOTH if _is_private_group(status.st_gid) else stat.S_IWOTH | stat.S_IWGRP):
        return "can be written by other users, who can put code there (`chmod go-w` it, and delete code in it)"
    return ""


def _is_private_group(number: int) -> bool:
    """Whether a group has this user as its only member, as on systems that make a group for each user."""
    try:
        import grp
        import pwd

        user, group = pwd.getpwuid(os.getuid()), grp.getgrgid(number)
    except (ImportError, KeyError):
        return False
    return number == user.pw_gid and group.gr_name == user.pw_name and set(group.gr_mem) <= {user.pw_name}
