"""Write files of the compile cache whole, and delete those that cannot be loaded, so that Theano compiles them again.

A file is written beside its place, flushed to the disk and renamed, so that a killed process or a power cut leaves no
half of it.
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
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from theano_runtime.failures import CompileError, explained


class DamagedEntry(Exception):
    """A module of the compile cache cannot be used; `module` is its file."""

    def __init__(self, module: str) -> None:
        super().__init__(f"{module} is damaged")
        self.module = module


def publish(part: Path, path: Path) -> None:
    """Flush a file to the disk and rename it."""
    with open(part, "rb") as file:
        os.fsync(file.fileno())
    os.replace(part, path)


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
                part.write_bytes(content)
                publish(part, path)
            except FileNotFoundError:
                raise DamagedEntry(key_data.get_entry()) from None
    except BaseException:
        part.unlink(missing_ok=True)
        if not path.exists():  # a new entry, which cannot be found without its key
            shutil.rmtree(path.parent, ignore_errors=True)
        raise


def load_key(file: IO[bytes]) -> Any:
    """Return the ``KeyData`` that `save` wrote; EOFError, on which Theano deletes the entry, if it is damaged."""
    try:
        return pickle.load(file)
    except Exception as error:
        raise EOFError("damaged key.pkl") from error


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
    """Load a module of the cache with Theano's ``dlimport``; DamagedEntry if it cannot be loaded."""
    try:
        return load(module)
    except Exception as error:  # too short, no ELF file, symbols that this system's libraries lack
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
    if not module.exists():
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
