"""The process of a worker on this machine, started by `local.Local`.

What it needs, the credentials too, comes through its standard input, which stays open as long as its parent lives.
When that ends, so does the worker: none outlives its client, however that dies.
"""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import sys
import threading
from pathlib import Path
from subprocess import Popen
from typing import IO, Any

LENGTH_BYTES = 8
CODE = "import sys; sys.path[:] = {path!r}; from lxmls_rnn.sweep.local_worker import main; main({folder!r})"


def start(config: dict[str, Any], options: dict[str, Any], environ: dict[str, str], log: Path) -> Popen[bytes]:
    """Start a worker.

    Parameters
    ----------
    config
        Of Dask, for `dask.config.set`. Whoever ends last of parent and workers deletes its temporary directory.
    options
        The arguments of Dask's `Worker`.
    environ
        The environment.
    log
        The file for what the process prints; of an error the last line says what it is.
    """
    command = [sys.executable, "-c", CODE.format(path=sys.path, folder=config["temporary-directory"])]
    # A terminal sends Ctrl-C to all its processes. A worker leaves it to the client, from its first instruction on.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        with open(log, "wb") as output:
            process = Popen(command, stdin=-1, stdout=output, stderr=output, env=environ)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    given = pickle.dumps((config, options))
    try:
        assert process.stdin is not None
        process.stdin.write(len(given).to_bytes(LENGTH_BYTES, "big") + given)
        process.stdin.flush()
    except BrokenPipeError:  # it was killed at once
        pass
    return process


def main(folder: str) -> None:
    """Work until the parent ends; then delete a folder of the parent's, which may have been killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = sys.stdin.buffer
    given = parent.read(int.from_bytes(parent.read(LENGTH_BYTES), "big"))
    threading.Thread(target=_end_with, args=[parent, folder], daemon=True).start()
    if not given:  # the parent ended at once
        _end_with(parent, folder)
    _work(given)
    os._exit(0)


def _end_with(parent: IO[bytes], folder: str) -> None:
    parent.read()
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)


def _work(given: bytes) -> None:
    import asyncio

    import dask
    from distributed import Worker

    from lxmls_rnn.sweep import tls, worker  # noqa: F401 (importing tls patches ssl)

    config, options = pickle.loads(given)
    dask.config.set(config)
    worker.prepare()

    async def work() -> None:
        await (await Worker(**options)).finished()

    asyncio.run(work())
