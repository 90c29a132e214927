"""Import of Theano with the settings of this package, on the requested device.

This module is the host of the Theano build: the entry point ``theano_runtime.host`` in ``pyproject.toml`` names it.
"""

import logging
import os
import shlex
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lxmls_rnn.device import GpuLost, libraries
from lxmls_rnn.device.blas_proof import require_numpy
from lxmls_rnn.device.in_use import require_device
from lxmls_rnn.device.problems import index
from lxmls_rnn.theano_env import blas, flags
from lxmls_rnn.theano_env.flags import settings

__all__ = ["ADVICE", "GpuLost", "importing"]

ADVICE = "`lxmls-rnn doctor` checks the compiler"


@contextmanager
def _flags_set() -> Iterator[None]:
    """Set THEANO_FLAGS while Theano reads it.

    Child processes get the user's own value, because they may use another device.
    """
    defaults = settings()
    used = {"cxx": flags.compiler(), **flags.rc_flags(), **defaults, **flags.user_flags()}
    if used["device"] != "cpu":
        index(used["device"])  # RuntimeError for OpenCL's, which Theano also takes, without scan
    if used["cxx"]:
        flags.require_version(used["cxx"])
    ours = "".join(f"{key}={shlex.quote(value) if value else ''}," for key, value in defaults.items())
    # the user's flags come last, because Theano uses the last value of a flag
    with blas.variables_set({"THEANO_FLAGS": ours + os.environ.get("THEANO_FLAGS", "")}):
        yield


class _ErrorCollector(logging.Handler):
    """Collect the errors that Theano's GPU part logs, for this package's message."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        error: BaseException | None = record.exc_info[1] if record.exc_info else None
        reason = str(error) if error else record.getMessage()
        if error is None:  # Theano could not import pygpu and does not log the reason
            try:
                libraries.import_pygpu()
            except Exception as why:
                reason = f"pygpu cannot be imported: {why}"
        self.found.append(reason)


@contextmanager
def importing() -> Iterator[None]:
    """Run the body of ``theano/__init__.py`` with this package's settings and check that it uses the requested device.

    ``theano/__init__.py`` itself calls this, so it applies to every ``import theano``. CompileError if the BLAS
    cannot be linked, RuntimeError if a BLAS is not proved or the device cannot be used; the import can be repeated.
    """
    warnings.filterwarnings(
        "ignore", "DeprecationWarning: there is no c", module=r"theano\."
    )  # `settings` warns instead
    logger, reasons = logging.getLogger("theano.gpuarray"), _ErrorCollector()
    logger.addHandler(reasons)
    logger.propagate = False
    try:
        with _flags_set():
            with suppress(Exception):  # Theano imports it again, and logs or needs what is wrong
                libraries.import_pygpu()
            yield
        _complete(reasons.found)
    finally:
        logger.removeHandler(reasons)
        logger.propagate = True


def _complete(reasons: list[str]) -> None:
    """Complete the import with the steps that depend on the settings that Theano has read."""
    from theano import config

    require_numpy()
    blas.load_proved(config.cxx, config.blas.ldflags, Path(config.compiledir))
    # With this variable Theano keeps child processes from using the GPU. That is meant for forks; a new Python, such
    # as a worker of the benchmark, can use the same GPU.
    os.environ.pop("THEANO_GPU_IS_ALREADY_ACTIVE", None)
    require_device(config.device, reasons)
