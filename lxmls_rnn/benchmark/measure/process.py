"""Worker processes: start them, send requests, wait for answers up to a limit, report failures."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import nullcontext, suppress
from math import inf
from time import monotonic
from typing import Any

from lxmls_rnn.device.processor import pinned

STOP_POLL_SECONDS = 0.1  # interval at which `stop` is asked
STOPPED = "the run was stopped"
WORKER = "lxmls_rnn.benchmark.measure.worker"  # the module that a worker runs


class Failed(Exception):
    """Raised if a worker gave no answer, or answered with an error."""

    def __init__(self, status: str, why: str) -> None:
        super().__init__(why)
        self.status = status  # of a `results.Row`: "unavailable", "memory", "limit", "crashed" or "stopped"


def checked(answer: dict[str, Any]) -> dict[str, Any]:
    """Return a worker's answer; raise `Failed` if it is an error."""
    if "error" in answer:
        raise Failed(answer["kind"], answer["error"])
    return answer


def environment(device: str, dtype: str, threads: int) -> dict[str, str]:
    """Return the environment of a worker: this one, with device, dtype and number of threads."""
    environ = dict(os.environ)
    environ["LXMLS_DEVICE"], environ["LXMLS_FLOATX"] = device, dtype
    # Theano uses the last value of a flag
    environ["THEANO_FLAGS"] = f"{environ.get('THEANO_FLAGS', '')},device={device},floatX={dtype}"
    for library in ("OMP", "OPENBLAS", "MKL"):
        environ[f"{library}_NUM_THREADS"] = str(threads)
    return environ


class Worker:
    """A process of `measure.worker`; `Failed` if it does not start in `limit` seconds, or lacks a device or library.

    While the worker computes, `stop` is called at regular intervals; if it returns True, the process is killed and
    `Failed` is raised. A worker on the CPU runs on as many processors as it has threads, whatever a library starts.
    """

    def __init__(
        self,
        implementation: str,
        device: str,
        dtype: str,
        threads: int,
        stop: Callable[[], bool] = lambda: False,
        limit: float = inf,
    ) -> None:
        self.stop = stop
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115  closed in `close`
        wanted = implementation, device, dtype, str(threads)
        with pinned(threads) if device == "cpu" else nullcontext():
            self.process = subprocess.Popen(
                [sys.executable, "-m", WORKER, *wanted],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self.errors,
                env=environment(device, dtype, threads),
                start_new_session=True,  # Ctrl-C interrupts only the parent, which then ends its workers
            )
        self.pending = b""
        try:
            hello = self._read(limit)  # Theano's first import on a GPU compiles
        except KeyboardInterrupt:
            self.close()
            raise
        if "unavailable" in hello:
            self.close()
            raise Failed("unavailable", hello["unavailable"])

    def ask(self, limit: float, **request: object) -> dict[str, Any]:
        """Send a request and return the answer; `Failed` if it is an error, or does not come within `limit` seconds."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise self._ended() from None
        return checked(self._read(limit))

    def _read(self, limit: float) -> dict[str, Any]:
        assert self.process.stdout is not None
        end = monotonic() + limit
        while b"\n" not in self.pending:
            left = end - monotonic()
            ready, _, _ = select.select([self.process.stdout], [], [], max(0.0, min(left, STOP_POLL_SECONDS)))
            if self.stop():
                self.close()
                raise Failed("stopped", STOPPED)
            if not ready and left > STOP_POLL_SECONDS:
                continue
            if not ready:
                self.close()
                raise Failed("limit", f"stopped at its limit of {limit:.3g} s")
            piece = os.read(self.process.stdout.fileno(), 1 << 16)
            if not piece:
                raise self._ended()
            self.pending += piece
        line, _, self.pending = self.pending.partition(b"\n")
        return json.loads(line)

    def _ended(self) -> Failed:
        """Return an error that describes how the process ended."""
        status = self.process.wait()
        self.errors.seek(0)
        last = self.errors.read().decode(errors="replace").strip().splitlines()[-1:] or [""]
        self.close()
        if status == -signal.SIGKILL:
            return Failed("crashed", "killed (SIGKILL), as Linux does when memory runs out")
        name = signal.Signals(-status).name if status < 0 else f"exit status {status}"
        return Failed("crashed", f"its process ended with {name}{': ' if last[0] else ''}{last[0]}")

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self.process.poll() is None

    def close(self) -> None:
        """Kill the process and close its pipes."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.errors):
            with suppress(BrokenPipeError):  # the ended process did not read its last request
                pipe.close()  # type: ignore[union-attr]
