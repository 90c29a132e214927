"""A worker seen from outside: start it, ask it, wait no longer than a limit, tell what became of it."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any

import lxmls_rnn
from lxmls_rnn.benchmark.measure.cases import PLANS
from lxmls_rnn.deep_learning import gpu_plans

STARTING_LIMIT = 120.0  # seconds; Theano's first import on a GPU compiles
LOOK = 0.1  # seconds between two looks whether to stop
STOPPED = "the run was stopped"


class Failed(Exception):
    """A worker gave no answer, or one that says why not."""

    def __init__(self, status: str, why: str) -> None:
        super().__init__(why)
        self.status = status  # of a `results.Row`: "unavailable", "memory", "limit", "crashed" or "stopped"


def checked(answer: dict[str, Any]) -> dict[str, Any]:
    """Return a worker's answer; raise `Failed` if it is an error."""
    if "error" in answer:
        raise Failed({"error": "crashed"}.get(answer["kind"], answer["kind"]), answer["error"])
    return answer


def environment(implementation: str, device: str, dtype: str, threads: int) -> dict[str, str]:
    """Return the environment in which Theano and BLAS take this device and so many threads, and a plan its sizes."""
    environ = dict(os.environ)
    if implementation in PLANS:
        bound = {"one-kernel": 10**9, "stepwise": 0}[implementation]
        environ[gpu_plans.VARIABLE] = gpu_plans.as_text(dict.fromkeys(gpu_plans.FUSED_UP_TO, bound))
    environ["LXMLS_DEVICE"], environ["LXMLS_FLOATX"] = device, dtype
    # of two values Theano takes the later
    environ["THEANO_FLAGS"] = f"{environ.get('THEANO_FLAGS', '')},device={device},floatX={dtype}"
    for library in ("OMP", "OPENBLAS", "MKL"):
        environ[f"{library}_NUM_THREADS"] = str(threads)
    return environ


def for_another_python(environ: dict[str, str], folder: str) -> dict[str, str]:
    """Return the environment for a Python with packages of its own, which finds this one, and no more, in `folder`."""
    Path(folder, "lxmls_rnn").symlink_to(Path(lxmls_rnn.__file__).parent)
    ours = ("PYTHONHOME", "PYTHONNOUSERSITE", "PYTHONPATH", "VIRTUAL_ENV")
    return {name: value for name, value in environ.items() if name not in ours} | {"PYTHONPATH": folder}


class Worker:
    """A process of `measure.worker`; `Failed` if what it is for is not there, or it does not start.

    While an answer is awaited `stop` is asked whether to end the process and raise `Failed`. `python` is the
    interpreter, by default the one that runs; another one needs NumPy, and what the implementation needs.
    """

    def __init__(
        self,
        implementation: str,
        device: str,
        dtype: str,
        threads: int,
        stop: Callable[[], bool] = lambda: False,
        python: str | None = None,
    ) -> None:
        self.stop = stop
        self.folder = tempfile.TemporaryDirectory()  # removed in `close`
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115  closed in `close`
        environ = environment(implementation, device, dtype, threads)
        wanted = implementation, device, dtype, str(threads)
        self.process = subprocess.Popen(
            [python or sys.executable, "-m", "lxmls_rnn.benchmark.measure.worker", *wanted],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            env=for_another_python(environ, self.folder.name) if python else environ,
            start_new_session=True,  # Ctrl-C is for us: we then end the workers
        )
        self.pending = b""
        try:
            hello = self._read(STARTING_LIMIT)
        except KeyboardInterrupt:
            self.close()
            raise
        if "unavailable" in hello:
            self.close()
            raise Failed("unavailable", hello["unavailable"])
        self.versions: dict[str, str] = hello["versions"]

    def ask(self, limit: float, **request: Any) -> dict[str, Any]:
        """Send a request and wait for the answer, at most `limit` seconds; `Failed` if none or a bad one comes."""
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
            ready, _, _ = select.select([self.process.stdout], [], [], max(0.0, min(left, LOOK)))
            if self.stop():
                self.close()
                raise Failed("stopped", STOPPED)
            if not ready and left > LOOK:
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
        """Say how the process ended by itself."""
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
        """Whether the process can be asked."""
        return self.process.poll() is None

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.errors):
            with suppress(BrokenPipeError):  # a request that nobody reads any more
                pipe.close()  # type: ignore[union-attr]
        self.folder.cleanup()
