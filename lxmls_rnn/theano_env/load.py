"""Import of Theano with the settings of this package, on the requested device."""

import logging
import os
import shlex
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from lxmls_rnn.theano_env import blas, contexts, flags, opencl
from lxmls_rnn.theano_env.flags import settings
from lxmls_rnn.theano_env.in_use import require_device


@contextmanager
def _flags_set() -> Iterator[None]:
    """Set THEANO_FLAGS, and PATH, while Theano reads them.

    Child processes get the user's own values: what suits this process's device may not suit theirs.
    """
    names = ("THEANO_FLAGS", "PATH")
    before = {name: os.environ.get(name) for name in names}
    defaults = settings()
    cxx = {"cxx": flags.compiler(), **defaults, **flags.rc_flags(), **flags.user_flags()}["cxx"]
    if cxx:
        flags.require_version(cxx)
    ours = "".join(f"{key}={shlex.quote(value) if value else ''}," for key, value in defaults.items())
    # Theano uses the last value of a flag
    os.environ["THEANO_FLAGS"] = ours + (before["THEANO_FLAGS"] or "")
    if flags.ZIG.exists():  # without a g++ on PATH Theano runs no C code, whatever `cxx` says
        os.environ["PATH"] = f"{before['PATH'] or os.defpath}{os.pathsep}{flags.ZIG.parent}"
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


class _Reasons(logging.Handler):
    """Keep the errors that Theano's GPU part logs, for a message of our own."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        error: BaseException | None = record.exc_info[1] if record.exc_info else None
        reason = str(error) if error else record.getMessage()
        if error is None:  # Theano could not import pygpu, and does not say why
            try:
                import pygpu  # noqa: F401
            except Exception as why:
                reason = f"pygpu cannot be imported: {why}"
        self.found.append(reason)


@contextmanager
def importing() -> Iterator[None]:
    """Run the body of ``theano/__init__.py`` with our settings, and see that it uses the device asked for.

    The first line of that file calls this, so a plain ``import theano`` does too. Errors as `settings` and
    `require_device`; the import can then be tried again, with other settings.
    """
    for category in (DeprecationWarning, FutureWarning, ResourceWarning, SyntaxWarning):
        warnings.filterwarnings("ignore", category=category, module=r"(.*/)?theano[./]")
    warnings.filterwarnings("ignore", "DeprecationWarning: there is no c", module=r"theano\.")  # ours says more
    logger, reasons = logging.getLogger("theano.gpuarray"), _Reasons()
    logger.addHandler(reasons)
    logger.propagate = False
    try:
        with _flags_set():
            yield
        _complete(reasons.found)
    except BaseException:
        _forget_parts()
        raise
    finally:
        logger.removeHandler(reasons)
        logger.propagate = True


def _complete(reasons: list[str]) -> None:
    """Complete the import with the steps that depend on the settings that Theano has read."""
    from theano import config

    blas.load(config.blas.ldflags)
    contexts.share_gpu()
    # Theano tells its child processes that the GPU is taken, and they refuse to use it. That is meant for
    # forks; a new Python (the benchmark's workers) may well use the same GPU.
    os.environ.pop("THEANO_GPU_IS_ALREADY_ACTIVE", None)
    require_device(config.device, reasons)
    if config.device.startswith("opencl"):
        opencl.refuse_scan(config.device)


def _forget_parts() -> None:
    """Let the next ``import theano`` start afresh: parts that were imported have settings that cannot change."""
    for name in [name for name in sys.modules if name.startswith("theano.")]:
        del sys.modules[name]
