"""Dask workers for a sweep on this machine, started for it and protected from other users."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen, TimeoutExpired
from tempfile import TemporaryDirectory
from typing import Any

import dask
from distributed import Client, Scheduler, SpecCluster
from distributed.security import Security

from lxmls_rnn.storage.files import quoted
from lxmls_rnn.sweep import local_worker, tls  # noqa: F401 (importing tls patches ssl)
from lxmls_rnn.sweep.cluster import workers_of

LOOPBACK = "127.0.0.1"
# Each worker has one training at a time, the others wait in the scheduler. A training fails if more than
# "allowed-failures" workers die while they train it.
CONFIG: dict[str, Any] = {
    "distributed.scheduler.worker-saturation": 1.0,
    "distributed.scheduler.allowed-failures": 5,
    "distributed.worker.profile.enabled": False,  # profiling would interrupt the training a hundred times a second
    # less frequent self-monitoring of Dask's processes leaves more time for the trainings
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.tick.cycle": "10s",
    "distributed.admin.system-monitor.interval": "10s",
    "distributed.scheduler.active-memory-manager.start": False,
    # each sweep makes its own credentials; TLS settings of a cluster may name files that do not exist here
    **{f"distributed.scheduler.dashboard.tls.{name}": None for name in ("ca-file", "cert", "key")},
    "distributed.worker.http.routes": [],  # HTTP needs no credentials, so no page is served
}
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
MAX_FAILED_STARTS = 10  # of one worker in a row, whether or not other workers start
END_SECONDS = 2.0  # for a worker's process to exit, before it is killed


@dataclass
class _Process:
    """The process of a worker; if it dies, a new one is started."""

    number: int
    running: Popen[bytes]
    name: str  # of Dask's worker
    log: Path
    seen: bool = False  # whether it has connected to the scheduler
    failed_starts: int = 0  # in a row

    def death(self) -> str:
        """Return why the worker died: the last line that it printed, such as an error message, or its exit status."""
        status = self.running.returncode
        with suppress(OSError):
            if printed := self.log.read_text(errors="replace").split("\n")[:-1]:
                return quoted(printed[-1])
        return f"killed by signal {-status}" if status < 0 else f"exit status {status}"

    def close(self) -> None:
        """Close the worker's standard input, which makes it exit."""
        with suppress(BrokenPipeError):
            if self.running.stdin is not None:
                self.running.stdin.close()


class Local:
    """Workers on this machine; a context manager that starts and ends them.

    All processes listen on the loopback interface only. Each connection needs the credentials of this sweep (mutual
    TLS), which are made at its start and exist only in the memory of its processes: no other user of the machine can
    run code here. TLS settings in the environment or in Dask's configuration files are ignored.

    Attributes
    ----------
    client
        Dask's client.
    count
        Number of workers to start.
    alive
        Number of connected workers, 0 while the first one starts.
    link
        Address of the dashboard; empty without one.
    addresses
        Addresses of the workers that a training may be sent to; None for all.
    unfit
        Why a worker is not started again, by its number.
    submitted_per_worker
        Number of trainings submitted to the scheduler per worker; waiting ones go to the first free worker.
    """

    addresses: list[str] | None = None
    submitted_per_worker = 3

    def __init__(self, count: int, devices: Sequence[str], dashboard: bool) -> None:
        self.count, self.devices, self.dashboard = count, devices, dashboard
        self.alive, self.link, self.unfit = 0, "", dict[str, str]()
        self.present: set[str] = set()  # the workers' addresses
        self._processes: list[_Process] = []
        self._started = 0
        self._open = ExitStack()

    def __enter__(self) -> Local:
        web, security = f"{LOOPBACK}:0", _own_credentials()
        both = {"host": LOOPBACK, "protocol": "tls", "security": security, "dashboard_address": web}
        with ExitStack() as stack:
            # of mode 0700, since Dask's processes import modules from their folder
            folder = stack.enter_context(TemporaryDirectory(prefix="lxmls-rnn-sweep-", ignore_cleanup_errors=True))
            self._folder, self._config = Path(folder), {**CONFIG, "temporary-directory": folder}
            stack.enter_context(dask.config.set(self._config))
            if not self.dashboard:
                stack.enter_context(dask.config.set({"distributed.scheduler.http.routes": []}))
            scheduler = {"cls": Scheduler, "options": {**both, "port": 0, "dashboard": self.dashboard}}
            cluster = SpecCluster(scheduler=scheduler, security=security, silence_logs=logging.CRITICAL)
            stack.enter_context(cluster)
            self.client = stack.enter_context(Client(cluster, set_as_default=False))
            self.link = self.client.dashboard_link if self.dashboard else ""
            self._options = {**both, "scheduler_ip": cluster.scheduler_address, "nthreads": 1, "memory_limit": 0}
            self._options["silence_logs"] = logging.CRITICAL
            stack.push(self._end)
            for number in range(self.count):
                self._processes.append(self._start(number))
            self._open = stack.pop_all()
        return self

    def __exit__(self, *error: Any) -> None:
        self._open.__exit__(*error)

    def _start(self, number: int) -> _Process:
        environ = {**ONE_THREAD, **os.environ}
        if self.devices:
            environ["LXMLS_DEVICE"] = self.devices[number]
            # Theano uses the last of two values
            environ["THEANO_FLAGS"] = f"{environ.get('THEANO_FLAGS', '')},device={self.devices[number]}"
        self._started += 1
        name, log = f"{number}-{self._started}", self._folder / f"worker-{number}.log"
        running = local_worker.start(self._config, {**self._options, "name": name}, environ, log)
        return _Process(number, running, name, log)

    def _end(self, kind: type[BaseException] | None, *_: object) -> None:
        """End the workers; a training that is still running can be resumed from its checkpoint."""
        for process in self._processes:
            if kind is KeyboardInterrupt:
                process.running.kill()
            process.close()
        deadline = time.monotonic() + END_SECONDS
        for process in self._processes:
            try:
                process.running.wait(max(0.0, deadline - time.monotonic()))
            except TimeoutExpired:
                process.running.kill()
                process.running.wait()

    @property
    def starting(self) -> bool:
        """Whether a worker has neither connected nor died since it was first started."""
        return any(not process.seen and not process.failed_starts for process in self._processes)

    def wait(self, seconds: float) -> None:
        """Wait until all workers have connected, at most `seconds`."""
        with suppress(TimeoutError):
            self.client.wait_for_workers(self.count, timeout=seconds)

    def update(self) -> None:
        """Count the connected workers, and start new processes for those that died.

        Raises
        ------
        RuntimeError
            All workers died `MAX_FAILED_STARTS` times in a row while they started.
        """
        try:
            found = workers_of(self.client)
        except OSError:  # a busy machine: the next call asks again
            return
        self.present, names = set(found), {worker["name"] for worker in found.values()}
        self.alive = len(found)
        for place, process in enumerate(self._processes):
            process.seen = process.seen or process.name in names
            if process.running.poll() is None or str(process.number) in self.unfit:
                continue
            process.close()
            failed = 0 if process.seen else process.failed_starts + 1
            if failed < MAX_FAILED_STARTS:
                self._processes[place] = self._start(process.number)
                self._processes[place].failed_starts = failed
                continue
            self.unfit[str(process.number)] = f"it died {failed} times in a row while it started: {process.death()}"
            if len(self.unfit) == self.count:
                raise RuntimeError(f"no worker starts: worker {process.number}, {self.unfit[str(process.number)]}")

    def on_unfit_worker(self, why: str) -> None:
        """Raise RuntimeError: a reason that one worker finds on this machine holds for all."""
        raise RuntimeError(f"the sweep cannot continue: {why}")


def _own_credentials() -> Security:
    """Return a new certificate and key for all roles, in memory, with Dask's defaults for versions and ciphers."""
    return Security.temporary(tls_ciphers=None, tls_min_version=None, tls_max_version=None)
