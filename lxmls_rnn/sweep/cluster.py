"""Workers for a sweep on an existing Dask cluster."""

from __future__ import annotations

import ipaddress
import logging
import shlex
import socket
import ssl
import time
from concurrent.futures import CancelledError, Future
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from distributed import Client, KilledWorker, Status, Worker, get_worker
from distributed.security import Security
from distributed.utils import silence_logging_cmgr

from lxmls_rnn import paths
from lxmls_rnn.storage.messages import in_words
from lxmls_rnn.sweep import tasks
from lxmls_rnn.sweep.tasks import WorkerDied

CONNECT_SECONDS = 10.0  # that a scheduler may take to answer
MAX_UNFIT_SECONDS = 30.0  # with only unfit workers, until the sweep stops
LOCK_SECONDS = 120.0  # to wait for a live worker that has lost a run; it may compile before it notices


class Cluster:
    """The workers of an existing cluster, with the methods and attributes of `local.Pool`.

    Each training is given to one fit worker, which has no other: so none waits in the scheduler's queue, and a worker
    that dies takes only its own training along. Workers are checked once, when they connect.
    """

    def __init__(self, address: str, identity: tasks.Identity) -> None:
        self.address, self.identity = address, identity
        self.unfit: dict[str, str] = {}
        self._why: dict[str, str] = {}  # why a worker is unfit, "" if it is fit, by address
        self._trainings: dict[str, Future[Any]] = {}  # the last one of each worker, by address
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
        return list(self._why.values()).count("")

    def wait(self, seconds: float) -> None:
        """Wait for workers that are fit to train."""
        time.sleep(seconds)

    def train(self, *arguments: Any) -> Future[Any] | None:
        """Call `tasks.train` on a fit worker; return None if none is free."""
        for address, why in self._why.items():
            before = self._trainings.get(address)
            if not why and (before is None or before.done()):
                executor = self.client.get_executor(pure=False, workers=[address])
                future: Future[Any] = executor.submit(_train, *arguments)
                self._trainings[address] = future
                return future
        return None

    def answer(self, future: Future[Any]) -> dict[str, Any]:
        """Return what `tasks.train` answered; raise its error, or WorkerDied, or ConnectionError as `update`."""
        try:
            return future.result()
        except (CancelledError, KilledWorker):
            self.update()
            raise WorkerDied("the last one has disappeared") from None

    def stop(self) -> None:
        """Ask this client's trainings to stop after their current update, with checkpoints."""
        with suppress(OSError):
            if self.client.status == "running":
                busy = [address for address, training in self._trainings.items() if not training.done()]
                self.client.run(tasks.stop, self.identity.token, workers=busy, on_error="ignore")

    def update(self) -> None:
        """Check new workers, and cancel the trainings of workers that have disappeared.

        Raises
        ------
        ConnectionError
            The scheduler has disappeared.
        RuntimeError
            For `MAX_UNFIT_SECONDS` all workers have been unfit.
        """
        try:
            if self.client.status != "running" or self.client.scheduler is None:
                raise ConnectionError
            # `client.scheduler_info` does not ask: it returns what is overwritten every two seconds, without workers
            workers = self.client.sync(self.client.scheduler.identity, n_workers=-1)["workers"]
        except OSError:
            folder, address = shlex.quote(self.identity.folder), shlex.quote(self.address)
            raise ConnectionError(
                f"the scheduler {self.address} has disappeared: when it is back, resume with "
                f"`lxmls-rnn sweep --resume {folder} --scheduler {address}`"
            ) from None
        new = [address for address in workers if address not in self._why]
        answers = self.client.run(_reason_unfit, self.identity, workers=new, on_error="return") if new else {}
        for address, answer in answers.items():
            if not isinstance(answer, OSError):  # else it has not answered, and is asked again
                self._why[address] = in_words(answer) if isinstance(answer, BaseException) else answer
        self._why = {address: why for address, why in self._why.items() if address in workers}
        for address in self._trainings.keys() - workers.keys():
            self._trainings.pop(address).cancel()
        self.unfit = {str(workers[address]["name"]): why for address, why in self._why.items() if why}
        now = time.monotonic()
        if self.alive or not self.unfit:
            self._last_fit = now
        elif now - self._last_fit > MAX_UNFIT_SECONDS:
            name, why = next(iter(self.unfit.items()))
            raise RuntimeError(f"no worker is fit to train for this sweep; worker {name}: {why}")


def _reason_unfit(identity: tasks.Identity, dask_worker: Worker) -> str:
    """Return why a worker is unfit, or "" if it is fit: then it sees that the client has locked the sweep's folder."""
    if (threads := dask_worker.state.nthreads) != 1:
        return f"it has {threads} threads: start it with --nthreads 1"
    if why := tasks.reason_unfit(identity):
        return why
    try:
        if tasks.is_locked(identity.path):
            return ""
    except FileNotFoundError:
        pass
    return f"its folder of runs, {paths.runs().resolve()}, is not the client's, or has no locks that both see"


def _train(name: str, settings: dict[str, Any], identity: tasks.Identity) -> dict[str, Any]:
    """Train while Dask wants it: not once the client or the connection is gone, or another worker has the training."""
    worker = get_worker()
    key = worker.get_current_task()

    def is_wanted() -> bool:
        task = worker.state.tasks.get(key)
        is_connected = worker.status in (Status.running, Status.paused)
        return is_connected and task is not None and task.state == "executing"

    return tasks.train(name, settings, identity, is_wanted, LOCK_SECONDS)


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
