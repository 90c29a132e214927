"""Dask's workers for a sweep: those of a cluster that is there."""

from __future__ import annotations

import ipaddress
import logging
import shlex
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.parse import urlsplit

from distributed import Client
from distributed.security import Security
from distributed.utils import silence_logging_cmgr

from lxmls_rnn.storage.files import in_words
from lxmls_rnn.sweep import tls, worker  # noqa: F401 (importing tls patches ssl)

CONNECT_SECONDS = 10.0  # seconds that a scheduler may take to answer
RECHECK_SECONDS = 5.0  # seconds between two looks at a worker that must not train
MAX_UNFIT_SECONDS = 30.0  # seconds that there may be such workers alone before the sweep stops


class Existing:
    """The workers of a cluster that is there; attributes as those of `local.Local`.

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

    @staticmethod
    def connect(address: str) -> Client:
        """Return a client of the scheduler at an address; ConnectionError if none answers."""
        with silence_logging_cmgr(logging.CRITICAL):
            try:
                return Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
            except OSError as error:
                raise ConnectionError(f"no scheduler answers at {address}: {in_words(error)}") from error

    def __enter__(self) -> Existing:
        with ExitStack() as stack:
            stack.enter_context(silence_logging_cmgr(logging.CRITICAL))
            self.client = stack.enter_context(self.connect(self.address))
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

    def on_unfit_worker(self, _: str) -> None:
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
                f"the scheduler {self.address} is gone: when it is there again, continue with "
                f"`lxmls-rnn sweep --resume {shlex.quote(self.wanted.folder)} --scheduler {shlex.quote(self.address)}`"
            )
        self._judged = {address: said for address, said in self._judged.items() if address in found}
        new = [
            a
            for a in found
            if a not in self._judged or (self._judged[a][0] and now - self._judged[a][1] > RECHECK_SECONDS)
        ]
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
        elif now - self._well > MAX_UNFIT_SECONDS:
            name, why = next(iter(self.unfit.items()))
            raise RuntimeError(f"no worker is left that may train: {name} may not, {why}")


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
