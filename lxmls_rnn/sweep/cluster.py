"""Dask's workers for a sweep: processes on this machine, started for it, or those of a cluster that is there."""

from __future__ import annotations

import ipaddress
import logging
import os
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dask
from distributed import Client, Nanny, Scheduler, SpecCluster
from distributed.security import Security
from distributed.utils import silence_logging_cmgr

from lxmls_rnn.files import in_words
from lxmls_rnn.sweep import tls, worker  # noqa: F401 (what it imports is mended by that)

LOOPBACK = "127.0.0.1"
# Each worker holds one training, the others wait in the scheduler; one that more workers than this died of has failed.
# A worker may take long to begin again where the machine has other work; `look` sees those that never will.
CONFIG = {
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
}
GRACE = 3.0  # seconds that a worker's process may be gone before another nanny is put in the place of its own
ANSWER = 10.0  # seconds that a scheduler may take to answer
AGAIN = 5.0  # seconds between two looks at a worker that must not train
ALONE = 30.0  # seconds that there may be such workers alone before the sweep stops


class Local:
    """Workers on this machine, heard on the loopback alone, from `with` to its end.

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
        web = f"{LOOPBACK}:0"
        scheduler: dict[str, Any] = {"host": LOOPBACK, "port": 0, "dashboard": self.dashboard, "dashboard_address": web}
        options = {"nthreads": 1, "host": LOOPBACK, "memory_limit": 0, "dashboard_address": web}
        options |= {"silence_logs": logging.CRITICAL, "preload": [worker.__name__]}
        nannies = {}
        for number in range(self.count):
            env = {}
            if self.devices:
                env["LXMLS_DEVICE"] = self.devices[number]
                # of two values Theano takes the later
                env["THEANO_FLAGS"] = f"{os.environ.get('THEANO_FLAGS', '')},device={self.devices[number]}"
            nannies[number] = {"cls": Nanny, "options": {**options, "env": env}}
        with ExitStack() as stack:
            stack.enter_context(dask.config.set(CONFIG))
            cluster = SpecCluster(
                workers=nannies,
                scheduler={"cls": Scheduler, "options": scheduler},
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


class Existing:
    """The workers of a cluster that is there; attributes as those of `Local`.

    Raises
    ------
    ValueError
        The address is none, or would send programs over a network in the clear; no certificates for TLS.
    """

    link = ""
    ahead = 1  # of trainings for some workers alone, none waits in the scheduler

    def __init__(self, address: str, wanted: worker.Client) -> None:
        self.check(address)
        self.address, self.wanted = address, wanted
        self.addresses: list[str] = []
        self.unfit: dict[str, str] = {}
        self._judged: dict[str, tuple[str, float]] = {}  # what was said of a worker's address, and when
        self._well = time.monotonic()  # when there was last a worker that may train, or none at all

    @staticmethod
    def check(address: str) -> None:
        """Raise what making one raises for the address."""
        parts = urlsplit(address)
        if parts.scheme not in ("tls", "tcp") or not parts.hostname or parts.port is None:
            raise ValueError(f"scheduler must be an address as tls://host:8786, got {address!r}")
        if parts.scheme == "tcp" and not _is_here(parts.hostname):
            raise ValueError(
                f"who reaches a scheduler runs programs on its workers, so {address} must be tls:// with certificates; "
                "tcp:// is for this machine alone"
            )
        if parts.scheme == "tls":
            files = Security().get_tls_config_for_role("client")
            for name, key in {"CA_FILE": "ca_file", "CLIENT__CERT": "cert", "CLIENT__KEY": "key"}.items():
                if not files[key] or not Path(files[key]).is_file():
                    is_set = f"is {files[key]}, which is no file" if files[key] else "is not set"
                    raise ValueError(f"{address} needs files for TLS, and DASK_DISTRIBUTED__COMM__TLS__{name} {is_set}")

    def __enter__(self) -> Existing:
        with ExitStack() as stack:
            stack.enter_context(silence_logging_cmgr(logging.CRITICAL))
            try:
                self.client = stack.enter_context(Client(self.address, timeout=ANSWER, set_as_default=False))
            except OSError as error:
                raise ConnectionError(f"no scheduler answers at {self.address}: {in_words(error)}") from error
            self.look()
            self._open = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @property
    def count(self) -> int:
        """How many workers may train."""
        return len(self.addresses)

    alive = count

    def doubt(self, _: str) -> None:
        """Ask all workers again: one has said that it must not train."""
        self._judged.clear()
        self.look()

    def look(self) -> None:
        """Find the workers that may train: new ones are asked first.

        Raises
        ------
        ConnectionError
            The scheduler is gone.
        RuntimeError
            All workers that there are must not train.
        """
        now = time.monotonic()
        found = None
        with suppress(OSError):
            if self.client.status == "running":
                found = self.client.scheduler_info(n_workers=-1)["workers"]
        if found is None:
            raise ConnectionError(
                f"the scheduler {self.address} is gone: continue with `lxmls-rnn sweep --resume` when it is there again"
            )
        self._judged = {address: said for address, said in self._judged.items() if address in found}
        new = [a for a in found if a not in self._judged or (self._judged[a][0] and now - self._judged[a][1] > AGAIN)]
        if new:
            answers = self.client.run(worker.differs, self.wanted, workers=new, on_error="return")
            for address, answer in answers.items():
                threads = found[address]["nthreads"]
                if isinstance(answer, OSError):  # it does not answer, or no more
                    continue
                if isinstance(answer, BaseException):
                    answer = in_words(answer)
                elif threads != 1:
                    answer = f"it has {threads} threads: start it with --nthreads 1"
                self._judged[address] = answer, now
        self.addresses = [address for address, (why, _) in self._judged.items() if not why]
        self.unfit = {str(found[address]["name"]): why for address, (why, _) in self._judged.items() if why}
        if self.addresses or not self.unfit:
            self._well = now
        elif now - self._well > ALONE:
            name, why = next(iter(self.unfit.items()))
            raise RuntimeError(f"no worker is left that may train: {name} may not, {why}")


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
