"""Dask's workers for a sweep on this machine: processes that are started for it, protected from other users."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Sequence
from contextlib import ExitStack
from tempfile import TemporaryDirectory
from typing import Any

import dask
from distributed import Client, Nanny, Scheduler, SpecCluster
from distributed.security import Security

from lxmls_rnn.sweep import tls, worker

LOOPBACK = "127.0.0.1"
# Each worker holds one training, the others wait in the scheduler; one that more workers than this died of has failed.
# A worker may take long to begin again where the machine has other work; `look` sees those that never will.
CONFIG: dict[str, Any] = {
    "distributed.scheduler.worker-saturation": 1.0,
    "distributed.scheduler.allowed-failures": 5,
    "distributed.deploy.lost-worker-timeout": "30 days",
    "distributed.worker.profile.enabled": False,  # it stops the training a hundred times a second
    # each process of Dask looks at itself less often: the trainings need its time
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.tick.cycle": "10s",
    "distributed.admin.system-monitor.interval": "10s",
    "distributed.scheduler.active-memory-manager.start": False,
    # with it a worker gives all memory back to the kernel after each step, and has it cleared anew
    "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": None,
    # credentials are this sweep's own: settings for the TLS of a cluster may name files that are not here
    **{f"distributed.scheduler.dashboard.tls.{name}": None for name in ("ca-file", "cert", "key")},
    "distributed.worker.http.routes": [],  # HTTP asks for no credentials, so it has nothing to show
}
GRACE = 3.0  # seconds that a worker's process may be gone before another nanny is put in the place of its own


class Local:
    """Workers on this machine, from `with` to its end.

    All processes listen on the loopback alone. Each connection needs the credentials of this sweep (mutual TLS), which
    are made at its start and exist only in the memory of its processes: no other user of the machine can run code here.
    Settings for TLS in the environment or in Dask's configuration files are ignored.

    Attributes
    ----------
    client
        Dask's.
    count
        How many workers there are to be.
    alive
        How many there are.
    link
        Of the dashboard, empty without.
    addresses
        Of those that a training may go to; None for all.
    unfit
        Why a worker must not train, by its name.
    ahead
        Trainings for each worker that the scheduler is given: those that wait there go to the first one that is free.
    """

    addresses: list[str] | None = None
    ahead = 3

    def __init__(self, count: int, devices: Sequence[str], dashboard: bool) -> None:
        self.count, self.devices, self.dashboard = count, devices, dashboard
        self.alive, self.link, self.unfit = count, "", dict[str, str]()
        self.present: set[str] = set()  # the workers' addresses
        self._gone: dict[int, float] = {}  # since when the process of a worker is gone
        self._open = ExitStack()

    def __enter__(self) -> Local:
        web, security = f"{LOOPBACK}:0", _own_credentials()
        both = {"host": LOOPBACK, "protocol": "tls", "security": security, "dashboard_address": web}
        scheduler: dict[str, Any] = {**both, "port": 0, "dashboard": self.dashboard}
        options = {**both, "nthreads": 1, "memory_limit": 0}
        options |= {"silence_logs": logging.CRITICAL, "preload": [tls.__name__, worker.__name__]}
        nannies = {}
        for number in range(self.count):
            env = {}
            if self.devices:
                env["LXMLS_DEVICE"] = self.devices[number]
                # of two values Theano takes the later
                env["THEANO_FLAGS"] = f"{os.environ.get('THEANO_FLAGS', '')},device={self.devices[number]}"
            nannies[number] = {"cls": Nanny, "options": {**options, "env": env}}
        with ExitStack() as stack:
            # of mode 0700: Dask's processes import modules from the folder that they are given
            private = stack.enter_context(TemporaryDirectory(prefix="lxmls-rnn-sweep-", ignore_cleanup_errors=True))
            stack.enter_context(dask.config.set({**CONFIG, "temporary-directory": private}))
            if not self.dashboard:
                stack.enter_context(dask.config.set({"distributed.scheduler.http.routes": []}))
            cluster = SpecCluster(
                workers=nannies,
                scheduler={"cls": Scheduler, "options": scheduler},
                security=security,
                silence_logs=logging.CRITICAL,
            )
            stack.enter_context(cluster)
            self.client = stack.enter_context(Client(cluster, set_as_default=False))
            self.client.wait_for_workers(1)
            self.link = self.client.dashboard_link if self.dashboard else ""
            self._open = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def look(self) -> None:
        """Count the workers, and start those that were killed while they began: their nannies do not."""
        self.present = set(self.client.scheduler_info(n_workers=-1)["workers"])
        self.alive = len(self.present)
        cluster: Any = self.client.cluster
        for name, nanny in list(cluster.workers.items()):
            if nanny.is_alive():
                self._gone.pop(name, None)
            elif time.monotonic() - self._gone.setdefault(name, time.monotonic()) > GRACE:
                del cluster.workers[name], self._gone[name]
                cluster.loop.add_callback(nanny.close)
                cluster.scale(len(cluster.worker_spec))

    def doubt(self, why: str) -> None:
        """Stop: what one worker says of this machine, it says for all."""
        raise RuntimeError(f"the sweep cannot go on: {why}")


def _own_credentials() -> Security:
    """Return a new certificate and key for all roles, in memory, with Dask's defaults for versions and ciphers."""
    return Security.temporary(tls_ciphers=None, tls_min_version=None, tls_max_version=None)
