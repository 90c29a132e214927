"""Runs of pytest in copies of the checkout, forked from a process that has already imported third-party packages."""

import contextlib
import gc
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

CHECKOUT_MODULES = "lxmls_rnn", "lab", "tests", "conftest", "__main__"  # modules that each run imports itself
CACHE_NAME = "lxmls-rnn"  # folder of the compile cache in the user's cache folder
LIST_THEANO_IMPORTS = "import theano, sys; print(*(name for name in sys.modules if name.startswith('lxmls_rnn')))"


def copy_checkout(target: Path) -> None:
    """Copy all files of the checkout that git does not ignore to `target`."""
    listed = subprocess.check_output(["git", "ls-files", "-co", "--exclude-standard", "-z"], text=True).split("\0")
    for name in filter(os.path.isfile, listed):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(name, target / name)
    (target / ".venv").symlink_to(Path(".venv").absolute())


def import_others(modules: Iterable[str], checkout: Path, changed: Iterable[str]) -> None:
    """Import the modules that the tests import, except those of the checkout.

    Theano imports modules of the checkout; it is imported only if none of them is among the `changed` files.
    """
    for name in modules:
        if name.partition(".")[0] not in (*CHECKOUT_MODULES, "theano"):
            with contextlib.suppress(Exception):
                __import__(name)
    imported = subprocess.check_output([sys.executable, "-c", LIST_THEANO_IMPORTS], text=True).split()
    changed = {path.removesuffix(".py").replace("/", ".").removesuffix(".__init__") for path in changed}
    if "theano" in modules and changed.isdisjoint(imported):
        sys.path.insert(0, str(checkout))
        __import__("lxmls_rnn")
        __import__("theano")
        sys.path.remove(str(checkout))
    gc.freeze()  # a garbage collection in a forked process would copy all memory


class Pool:
    """Copies of the checkout with one process each; a process beyond its time limit is killed with its children."""

    def __init__(self, copies: list[Path]) -> None:
        self.free = list(copies)
        self._running: dict[int, tuple[Path, float, Callable]] = {}
        caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        self._warm = copies[0].with_suffix(".warm")
        if (caches / CACHE_NAME).is_dir():
            shutil.copytree(caches / CACHE_NAME, self._warm / CACHE_NAME, symlinks=True)
        else:
            self._warm.mkdir()

    def start(self, copy: Path, arguments: list[str], plugin: Callable, limit: float, then: Callable) -> None:
        """Run pytest with the plugin that `plugin` makes; at its end call `then` with the exit status or "hangs"."""
        self.free.remove(copy)
        tmp, cache = copy.with_suffix(".tmp"), copy.with_suffix(".cache")
        shutil.rmtree(tmp, ignore_errors=True)
        tmp.mkdir()
        if _compiled(cache) != _compiled(self._warm):  # the previous mutant may have compiled wrong code
            shutil.rmtree(cache, ignore_errors=True)
            shutil.copytree(self._warm, cache, symlinks=True, copy_function=_link_or_copy, dirs_exist_ok=True)
        pid = os.fork()
        if not pid:
            try:
                os.environ |= {"PYTHONPATH": str(copy), "XDG_CACHE_HOME": str(cache), "TMPDIR": str(tmp)}
                _run(copy, arguments, plugin)
            finally:
                os._exit(99)
        self._running[pid] = copy, time.monotonic() + limit, then

    def wait(self) -> None:
        """Wait until a process has ended."""
        while True:
            for pid, (copy, deadline, then) in list(self._running.items()):
                ended, status = os.waitpid(pid, os.WNOHANG)
                if not ended and time.monotonic() < deadline:
                    continue
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)  # and its children
                if not ended:
                    os.waitpid(pid, 0)
                del self._running[pid]
                self.free.append(copy)
                then(os.waitstatus_to_exitcode(status) if ended else "hangs")
                return
            time.sleep(0.02)

    def kill(self) -> None:
        """Kill all processes."""
        for pid in self._running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)

    def wait_for_all(self) -> None:
        """Wait until all processes have ended."""
        while self._running:
            self.wait()


def _compiled(cache: Path) -> set[tuple[Path, int]]:
    """Return the keys in a compile cache, with their times."""
    return {(file.relative_to(cache), file.stat().st_mtime_ns) for file in cache.glob("*/*/*/*/key.pkl")}


def _link_or_copy(source: str, target: str) -> None:
    """Link files that Theano never writes again, copy others."""
    if source.endswith((".so", ".cpp", ".gch", ".py", ".pyc")):
        os.link(source, target)
    else:
        shutil.copy2(source, target)


def _run(copy: Path, arguments: list[str], plugin: Callable) -> None:
    os.setsid()
    os.chdir(copy)
    log = os.open(copy.with_suffix(".log"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for number, file in enumerate((os.open(os.devnull, os.O_RDONLY), log, log)):
        os.dup2(file, number)
    tempfile.tempdir = None  # TMPDIR has changed
    sys.path.insert(0, str(copy))
    for name, module in sys.modules.items():  # packages that Theano has imported, from another copy
        if name.partition(".")[0] == "lxmls_rnn" and hasattr(module, "__path__"):
            module.__path__ = [str(copy.joinpath(*name.split(".")))]
    code = pytest.main(["-q", "-p", "no:cacheprovider", *arguments], plugins=[plugin()])
    sys.stdout.flush()
    os._exit(code)
