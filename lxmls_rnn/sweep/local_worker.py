"""The process of a worker on this machine, started by `local.Local`.

It receives its configuration and credentials through standard input, which stays open as long as the parent lives.
When standard input is closed, the worker exits, so no worker outlives its client, even a killed one.
"""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import sys
import threading
import traceback
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
        Dask's configuration, for `dask.config.set`. Parent and workers all delete its temporary directory at their end.
    options
        The arguments of Dask's `Worker`.
    environ
        The environment variables of the process.
    log
        The file for the output of the process; after an error, its last line is the message.
    """
    command = [sys.executable, "-c", CODE.format(path=sys.path, folder=config["temporary-directory"])]
    # A terminal sends Ctrl-C to all its processes. Workers ignore it from the start; the client handles it.
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
    except BrokenPipeError:  # the process has already been killed
        pass
    return process


def main(folder: str) -> None:
    """Work until the parent ends, then delete the parent's folder, since a killed parent could not."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = sys.stdin.buffer
    given = parent.read(int.from_bytes(parent.read(LENGTH_BYTES), "big"))
    threading.Thread(target=_end_with, args=[parent, folder], daemon=True).start()
    if not given:  # the parent has already ended
        _end_with(parent, folder)
    status = 0
    try:
        _work(given)
    except Exception:
        traceback.print_exc()
        status = 1
    os._exit(status)  # Python's own end would wait for the thread, which reads standard input


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
