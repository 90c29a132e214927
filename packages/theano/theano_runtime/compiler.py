"""Parallel compilation of the C modules of a Theano function, one compiler for each core.

Theano compiles modules one after the other. When a function needs a module that is not in the cache, this module starts
compilers in the background for all missing modules of the function. Theano then takes each result when it needs it. The
loop of a scan, which Theano compiles with the function, is treated in the same way.
"""

import functools
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from theano_runtime import entries, failures
from theano_runtime.header import Module, discard, header
from theano_runtime.programs import Programs, wait_with_report

MAX_COMPILERS = 8  # at once; each takes about 150 MB of memory


class BackgroundCompilers:
    """Compilers that run in the background for one function."""

    def __init__(self) -> None:
        # VM_Linkers of the function and its loops whose missing modules are not being compiled yet
        self.linkers: list[Any] = []
        self._pool = ThreadPoolExecutor(min(len(os.sched_getaffinity(0)), MAX_COMPILERS), "theano-compile")
        self._running: dict[Module, Future[Path | None]] = {}
        self._programs = Programs()
        self._held = ExitStack()

    def take(self, module: Module, folder: Path) -> bool:
        """Move a module that was compiled in the background to `folder`; return whether there was one."""
        linkers, self.linkers = self.linkers, []
        for linker in linkers:
            self._start(missing_modules(linker))
        future = self._running.pop(module, None)
        built = None if future is None else wait_with_report(future.result, "The C++ compiler")
        for file in [] if built is None else list(built.iterdir()):
            shutil.move(file, folder / file.name)
        return built is not None

    def _start(self, modules: list[Module]) -> None:
        from theano.gof import compilelock

        if len(modules) < 2:
            return
        # Until Theano has taken the modules, the lock keeps other processes from compiling the same ones.
        self._held.enter_context(compilelock.lock_ctx())
        try:
            scratch = self._held.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        except OSError:  # no writable folder: Theano compiles in the cache, one module after the other
            return
        path = header()
        for number, module in enumerate(modules):
            folder = Path(scratch, str(number))
            self._running[module] = self._pool.submit(self._compile, module, folder, path)

    def _compile(self, module: Module, folder: Path, path: Path | None) -> Path | None:
        try:
            folder.mkdir()
            return folder if module.compile(folder, path, self._programs.run) else None
        except OSError:  # full disk; the disk of the cache may have space
            return None

    def end(self, wait: bool) -> None:
        """Start no more compilers, wait for the running ones or (unless `wait`) kill them, release the cache's lock."""
        if not wait:
            self._programs.end()
        self._pool.shutdown(cancel_futures=True)
        self._held.close()


def missing_modules(linker: Any) -> list[Module]:
    """Return the modules of a VM_Linker's function that the cache lacks, in Theano's order."""
    from theano.gof import Op
    from theano.gof.cc import get_module_cache

    modules: dict[Module, None] = {}
    for node in linker.schedule(linker.fgraph):
        if type(node.op).make_thunk is not Op.make_thunk:  # a scan, whose loop has its own linker
            continue
        try:
            module = _missing_module(node, get_module_cache())
        except Exception:  # no C code, or an error: Theano reports it or runs the Op in Python
            continue
        if module is not None:
            modules[module] = None
    return list(modules)


def _missing_module(node: Any, cache: Any) -> Module | None:
    """Return the module that ``Op.make_c_thunk`` would compile for a node; None if it is in the cache."""
    from theano.gof import FunctionGraph
    from theano.gof.cc import CLinker
    from theano.gof.cmodule import GCC_compiler, get_module_hash

    node.op.prepare_node(node, storage_map=None, compute_map=None, impl="c")
    linker = CLinker().accept(FunctionGraph(node.inputs, node.outputs), no_recycling=[])
    key = linker.cmodule_key()
    if key is None or key in cache.entry_from_key or linker.c_compiler() is not GCC_compiler:
        return None
    dynamic = linker.get_dynamic_module()
    source = dynamic.code()
    if get_module_hash(source, key) in cache.module_hash_to_key_data:
        return None
    return Module.of(
        dynamic.code_hash, source, linker.compile_args(), linker.header_dirs(), linker.lib_dirs(), linker.libraries()
    )


_thread = threading.local()  # .compilers: those of the function that this thread compiles


@contextmanager
def _compiling_ahead(linker: Any) -> Iterator[None]:
    outer: BackgroundCompilers | None = getattr(_thread, "compilers", None)
    if outer is not None:
        outer.linkers.append(linker)
        yield
        return
    compilers = _thread.compilers = BackgroundCompilers()
    compilers.linkers.append(linker)
    complete = False
    try:
        yield
        complete = True
    finally:
        _thread.compilers = None
        compilers.end(wait=complete)


def in_parallel(make_all: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``VM_Linker.make_all`` so that the missing modules of a function are compiled in parallel."""

    @functools.wraps(make_all)
    def make_ahead(linker: Any, *args: Any, **kwargs: Any) -> Any:
        with _compiling_ahead(linker):
            return make_all(linker, *args, **kwargs)

    return make_ahead


def _compile(module: Module, folder: Path) -> None:
    path = header() if module.takes_header else None
    compilers: BackgroundCompilers | None = getattr(_thread, "compilers", None)
    if (compilers is not None and compilers.take(module, folder)) or module.compile(folder, path):
        return
    module.compile_plainly(folder)
    if path is not None:  # the code compiles only without the header
        discard(path)


def compiling(theanos_compile_str: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``GCC_compiler.compile_str``: compile with a precompiled header, or else without it.

    CompileError if both fail. Theano's own function compiles what is not a Python module, and everything if the user
    wants to see compiler warnings.
    """

    @functools.wraps(theanos_compile_str)
    def compile_str(
        module_name: str,
        src_code: str,
        location: str,
        include_dirs: list[str] | None = None,
        lib_dirs: list[str] | None = None,
        libs: list[str] | None = None,
        preargs: list[str] | None = None,
        py_module: bool = True,
        hide_symbols: bool = True,
    ) -> Any:
        from theano import config
        from theano.gof import cmodule

        folder = Path(location)
        library = folder / f"{module_name}.so"
        with failures.explained(folder):
            if config.cxx and py_module and hide_symbols and not config.cmodule.compilation_warning:
                module = Module.of(module_name, src_code, preargs, include_dirs, lib_dirs, libs)
                _compile(module, folder)
                (folder / "__init__.py").touch()
                entries.publish(module.part(folder), library)
                try:
                    return cmodule.dlimport(str(library))
                except Exception as error:
                    raise failures.not_loadable(library, error, config.blas.ldflags) from error
            flags = ["-g0", *(preargs or [])]
            return theanos_compile_str(
                module_name, src_code, location, include_dirs, lib_dirs, libs, flags, py_module, hide_symbols
            )

    return compile_str
