"""Detect and delete damaged files of the compile cache, so that Theano compiles them again.

Every module, key and precompiled header ends with a checksum of its name and content, which loaders ignore. Loading a
file that a crash has truncated or filled with zeros would end the process with SIGBUS or SIGSEGV.
"""

from __future__ import annotations

import functools
import importlib
import os
import pickle
import shutil
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from theano_runtime.failures import CompileError, explained

MAGIC = b"lxmls-crc32:"
SEAL_LENGTH = len(MAGIC) + 4  # bytes
BLOCK_BYTES = 1 << 20  # read at a time


class DamagedEntry(Exception):
    """A module of the compile cache cannot be used; `module` is its file."""

    def __init__(self, module: str) -> None:
        super().__init__(f"{module} is damaged")
        self.module = module


def seal(path: Path, name: str | None = None) -> None:
    """Append the checksum to a file, computed for its present name or for the name that it will get."""
    with open(path, "r+b") as file:
        checksum = zlib.crc32((name or path.name).encode())
        while block := file.read(BLOCK_BYTES):
            checksum = zlib.crc32(block, checksum)
        file.write(_seal_for(checksum))


def is_intact(path: str | os.PathLike[str]) -> bool:
    """Whether a file exists and matches the checksum at its end."""
    try:
        with open(path, "rb") as file:
            left = os.fstat(file.fileno()).st_size - SEAL_LENGTH
            checksum = zlib.crc32(os.path.basename(path).encode())
            while left > 0:
                block = file.read(min(BLOCK_BYTES, left))
                if not block:
                    return False
                checksum, left = zlib.crc32(block, checksum), left - len(block)
            return left == 0 and file.read() == _seal_for(checksum)
    except OSError:
        return False


def _seal_for(checksum: int) -> bytes:
    return MAGIC + checksum.to_bytes(4, "little")


def save(key_data: Any) -> None:
    """Write Theano's ``KeyData`` to its ``key.pkl`` atomically; the caller holds the lock.

    DamagedEntry if another process has deleted the entry, CompileError if the disk is full.
    """
    content = pickle.dumps(key_data, protocol=pickle.HIGHEST_PROTOCOL)
    path = Path(key_data.key_pkl)
    part = path.with_name("key.part")
    try:
        with explained(path.parent):
            try:
                part.write_bytes(content + _seal_for(zlib.crc32(content)))
                os.replace(part, path)
            except FileNotFoundError:
                raise DamagedEntry(key_data.get_entry()) from None
    except BaseException:
        part.unlink(missing_ok=True)
        if not path.exists():  # a new entry, which cannot be found without its key
            shutil.rmtree(path.parent, ignore_errors=True)
        raise


def load_key(file: IO[bytes]) -> Any:
    """Return the ``KeyData`` that `save` wrote; EOFError, on which Theano deletes the entry, if it is damaged."""
    content = file.read()
    body = content[:-SEAL_LENGTH]
    if content[-SEAL_LENGTH:] != _seal_for(zlib.crc32(body)):
        raise EOFError("damaged key.pkl")
    return pickle.loads(body)


def listing(folder: str) -> list[str]:
    """Return the names in a folder; none if the folder does not exist."""
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []


def last_access(path: str) -> float:
    """Return when a file was last read; now if it does not exist, so that Theano does not take its folder for old."""
    try:
        return os.stat(path).st_atime
    except FileNotFoundError:
        return time.time()


def load_module(load: Callable[[str], Any], module: str) -> Any:
    """Load a module of the cache with Theano's ``dlimport``; DamagedEntry if it is not intact or cannot be loaded."""
    if not is_intact(module):
        raise DamagedEntry(module)
    try:
        return load(module)
    except Exception as error:  # symbols that this system's libraries lack, a damaged __init__.py
        raise DamagedEntry(module) from error


def repairing(module_from_key: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``ModuleCache.module_from_key`` to delete a damaged entry and compile it again, once per entry."""

    @functools.wraps(module_from_key)
    def repaired(cache: Any, *args: Any, **kwargs: Any) -> Any:
        from theano.gof import compilelock

        deleted: set[str] = set()
        while True:
            try:
                return module_from_key(cache, *args, **kwargs)
            except DamagedEntry as damaged:
                if damaged.module in deleted:
                    raise CompileError(f"{damaged.module} is damaged and cannot be deleted: delete it") from damaged
                deleted.add(damaged.module)
                with compilelock.lock_ctx():
                    shutil.rmtree(Path(damaged.module).parent, ignore_errors=True)
                    _forget(cache, damaged.module)

    return repaired


def _forget(cache: Any, module: str) -> None:
    """Remove an entry from the tables of a ``ModuleCache``."""
    cache.module_from_name.pop(module, None)
    cache.loaded_key_pkl.discard(str(Path(module).with_name("key.pkl")))
    cache.entry_from_key = {key: name for key, name in cache.entry_from_key.items() if name != module}
    cache.module_hash_to_key_data = {
        digest: data for digest, data in cache.module_hash_to_key_data.items() if data.get_entry() != module
    }


def prepare(folder: str) -> None:
    """Replace the folder of one of Theano's own modules by an empty one if the module is damaged.

    Theano then compiles the missing module. The module is ``NAME/NAME.so`` in the compile cache.
    """
    from theano.gof import compilelock

    module = Path(folder, f"{Path(folder).name}.so")
    if _is_importable(module):
        return
    with explained(folder), compilelock.lock_ctx():  # another process may be writing it
        if module.exists() and not _is_importable(module):
            # It is moved first, because a process that imports it at this moment writes bytecode there.
            with tempfile.TemporaryDirectory(dir=module.parent.parent, ignore_cleanup_errors=True) as trash:
                os.rename(folder, Path(trash, module.stem))
        os.makedirs(folder, exist_ok=True)
        module.with_name("__init__.py").touch()


def _is_importable(module: Path) -> bool:
    if not is_intact(module):
        return False
    package = module.stem
    sys.path.insert(0, str(module.parent.parent))
    try:
        importlib.invalidate_caches()
        importlib.import_module(f"{package}.{package}")
    except Exception:
        for name in (package, f"{package}.{package}"):
            sys.modules.pop(name, None)
        return False
    finally:
        sys.path.remove(str(module.parent.parent))
    return True
