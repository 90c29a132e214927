"""Workers for a sweep on an existing Dask cluster."""

from __future__ import annotations

import ipaddress
import logging
import shlex
import socket
import ssl
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from distributed import Client, KilledWorker
from distributed.security import Security
from distributed.utils import silence_logging_cmgr

from lxmls_rnn.storage.messages import in_words
from lxmls_rnn.sweep import tasks
from lxmls_rnn.sweep.tasks import WorkerDied

CONNECT_SECONDS = 10.0  # that a scheduler may take to answer
RECHECK_SECONDS = 5.0  # between two checks of an unfit worker
MAX_UNFIT_SECONDS = 30.0  # with only unfit workers, until the sweep stops


def workers_of(client: Client) -> dict[str, dict[str, Any]]:
    """Return the scheduler's information about each connected worker, by address; OSError if it does not answer.

    Unlike `client.scheduler_info`, it asks the scheduler each time: every two seconds the client overwrites the
    information that it keeps with one that lists no workers.
    """
    assert client.scheduler is not None
    return client.sync(client.scheduler.identity, n_workers=-1)["workers"]


class Cluster:
    """The workers of an existing cluster, with the methods and attributes of `local.Pool`.

    A training may run only on the workers that are fit when it is submitted. There are never more trainings than fit
    workers, so none waits in the scheduler's queue.
    """

    def __init__(self, address: str, identity: tasks.Identity) -> None:
        self.address, self.identity = address, identity
        self.addresses: list[str] = []
        self.unfit: dict[str, str] = {}
        self._submitted: dict[Future[Any], list[str]] = {}  # the addresses of the workers that a call may run on
        # why a worker is unfit ("" if it is fit) and when it was checked, by address
        self._checked: dict[str, tuple[str, float]] = {}
        self._last_fit = time.monotonic()  # when there was last a fit worker, or no worker at all

    @staticmethod
    def check(address: str) -> None:
        """Raise ValueError if an address is invalid or would send programs unencrypted, or TLS lacks a file."""
        parts = urlsplit(address)
        if parts.scheme not in ("tls", "tcp") or not parts.hostname or parts.port is None:
            raise ValueError(f"scheduler must be an address such as tls://host:8786, got {address!r}")
        if parts.scheme == "tcp" and not _is_here(parts.hostname):
            raise ValueError(
                f"anyone who can connect to a scheduler can run programs on its workers, so {address} must be tls:// "
                "with certificates; tcp:// is allowed on this machine only"
            )
        if parts.scheme == "tls":
            files = Security().get_tls_config_for_role("client")
            for name, key in {"CA_FILE": "ca_file", "CLIENT__CERT": "cert", "CLIENT__KEY": "key"}.items():
                if not files[key] or not Path(files[key]).is_file():
                    is_set = f"is {files[key]}, which is not a file" if files[key] else "is not set"
                    raise ValueError(f"{address} needs files for TLS, and DASK_DISTRIBUTED__COMM__TLS__{name} {is_set}")

    @staticmethod
    def connect(address: str) -> Client:
        """Return a client of the scheduler at an address; ConnectionError if none answers."""
        with silence_logging_cmgr(logging.CRITICAL):
            try:
                _check_certificates(address)  # at once, where the client would try again until its time is up
                return Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
            except OSError as error:
                raise ConnectionError(f"no scheduler answers at {address}: {in_words(error)}") from error

    def __enter__(self) -> Cluster:
        with ExitStack() as stack:
            stack.enter_context(silence_logging_cmgr(logging.CRITICAL))
            self.client = stack.enter_context(self.connect(self.address))
            self.update()
            self._open = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @property
    def alive(self) -> int:
        """The number of workers that are fit to train."""
        return len(self.addresses)

    def wait(self, seconds: float) -> None:
        """Wait for workers that are fit to train."""
        time.sleep(seconds)

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any] | None:
        """Call a function on a fit worker; return None if none is free."""
        self._submitted = {future: addresses for future, addresses in self._submitted.items() if not future.done()}
        if len(self._submitted) >= self.alive:
            return None
        future: Future[Any] = self.client.get_executor(pure=False, workers=self.addresses).submit(function, *arguments)
        self._submitted[future] = self.addresses
        return future

    def answer(self, future: Future[Any]) -> dict[str, Any]:
        """Return what `tasks.train` answered; raise its error, or WorkerDied."""
        try:
            return future.result()
        except KilledWorker as error:
            raise WorkerDied(f"{error.allowed_failures + 1} in a row", is_final=True) from None
        except CancelledError:  # its workers or the scheduler have disappeared; `update` raises the latter's error
            return {"state": "lost", "why": ""}

    def ask(self, request: str) -> None:
        """Ask this client's trainings to "stop", "pause" or "resume" after their current update."""
        with suppress(OSError):
            if self.client.status == "running":
                workers = self.addresses
                self.client.run(tasks.ask, self.identity.token, request, workers=workers, on_error="ignore")

    def on_unfit_worker(self, _: str) -> None:
        """Check all workers again, since one has refused to train."""
        self._checked.clear()
        self.update()

    def update(self) -> None:
        """Update the list of workers that are fit to train; new ones are checked first.

        Raises
        ------
        ConnectionError
            The scheduler has disappeared.
        RuntimeError
            For `MAX_UNFIT_SECONDS` all workers have been unfit.
        """
        now = time.monotonic()
        workers = None
        with suppress(OSError):
            if self.client.status == "running":
                workers = workers_of(self.client)
        if workers is None:
            folder, address = shlex.quote(self.identity.folder), shlex.quote(self.address)
            raise ConnectionError(
                f"the scheduler {self.address} has disappeared: when it is back, resume with "
                f"`lxmls-rnn sweep --resume {folder} --scheduler {address}`"
            )
        self._checked = {address: checked for address, checked in self._checked.items() if address in workers}
        new = [
            a
            for a in workers
            if a not in self._checked or (self._checked[a][0] and now - self._checked[a][1] > RECHECK_SECONDS)
        ]
        if new:
            answers = self.client.run(tasks.reason_unfit, self.identity, workers=new, on_error="return")
            for address, answer in answers.items():
                threads = workers[address]["nthreads"]
                if isinstance(answer, OSError):  # the worker has not answered
                    continue
                if isinstance(answer, BaseException):
                    answer = in_words(answer)
                elif threads != 1:
                    answer = f"it has {threads} threads: start it with --nthreads 1"
                self._checked[address] = answer, now
        for future, addresses in self._submitted.items():
            if set(addresses).isdisjoint(workers):
                future.cancel()
        self.addresses = [address for address, (why, _) in self._checked.items() if not why]
        self.unfit = {str(workers[address]["name"]): why for address, (why, _) in self._checked.items() if why}
        if self.addresses or not self.unfit:
            self._last_fit = now
        elif now - self._last_fit > MAX_UNFIT_SECONDS:
            name, why = next(iter(self.unfit.items()))
            raise RuntimeError(f"no worker is fit to train for this sweep; worker {name}: {why}")


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check_certificates(address: str) -> None:
    """Raise ConnectionError if this machine or the scheduler at an address refuses the other's certificate."""
    parts = urlsplit(address)
    context = Security().get_connection_args("client").get("ssl_context")
    if context is None or parts.scheme != "tls" or parts.port is None:
        return
    try:
        plain = socket.create_connection((parts.hostname, parts.port), CONNECT_SECONDS)
        with plain, context.wrap_socket(plain) as encrypted:
            encrypted.recv(1)  # with TLS 1.3, a refusal comes after the handshake
    except ssl.SSLCertVerificationError:
        why = "its certificate is not one of the authority in DASK_DISTRIBUTED__COMM__TLS__CA_FILE"
        raise ConnectionError(why) from None
    except ssl.SSLError as error:
        if "ALERT" in (error.reason or ""):
            why = "it refuses this machine's certificate, DASK_DISTRIBUTED__COMM__TLS__CLIENT__CERT"
            raise ConnectionError(why) from None
    except OSError:
        pass
