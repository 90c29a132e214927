"""Go through a sweep: workers of Dask on this machine train what is missing, and what fails is written down."""

from __future__ import annotations

import asyncio
import logging
import os
import queue
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import dask
from dask.system import CPU_COUNT
from distributed import Client, Future, KilledWorker, Nanny, Scheduler, SpecCluster, wait

from lxmls_rnn import device, memory
from lxmls_rnn.deep_learning.rnn import MODELS
from lxmls_rnn.sweep import halving, worker
from lxmls_rnn.sweep.results import DIVERGED, Result, read
from lxmls_rnn.sweep.sweep import Sweep, Training

LOOK = 0.3  # seconds between two looks whether something is asked for
LOOPBACK = "127.0.0.1"
# Each worker holds one training, the others wait in the scheduler; one that more workers than this died of has failed.
# A worker may take long to begin again where the machine has other work; `_look` sees those that never will.
CONFIG = {
    "distributed.scheduler.worker-saturation": 1.0,
    "distributed.scheduler.allowed-failures": 5,
    "distributed.deploy.lost-worker-timeout": "30 days",
}
WORKER = 70 << 20  # bytes that a worker takes at rest; with Theano twice as many
GRACE = 3.0  # seconds that a worker's process may be gone before another nanny is put in the place of its own


def cores() -> int:
    """Return how many workers fit: the cores that this process may use."""
    return int(CPU_COUNT)


class Driver:
    """Trains what is missing of a sweep.

    Parameters
    ----------
    sweep
        It has begun; what it says of failures is brought up to date.
    workers
        Processes that train at once; by default as many as cores, or as devices.
    devices
        A worker for each, which uses that device alone.
    dashboard
        Whether Dask's dashboard is served, on this machine alone.
    checkpoint_every
        Seconds from one checkpoint of a training to the next within an epoch.

    Attributes
    ----------
    state
        What is done now, in a word or two.
    results
        What has come of each training, by its run's name.
    alive
        How many workers there are.
    link
        Of the dashboard, empty without.
    start_up, trained
        Seconds until the workers were there and had compiled, and from then until all trainings were over.

    Raises
    ------
    ValueError
        A number out of its range, a device that is not there, a dashboard without bokeh.
    """

    def __init__(
        self,
        sweep: Sweep,
        workers: int | None = None,
        devices: Sequence[str] = (),
        dashboard: bool = False,
        checkpoint_every: float = 60.0,
    ) -> None:
        self.check(workers, devices, dashboard)
        self.sweep, self.workers, self.devices = sweep, workers, list(devices)
        self.dashboard, self.checkpoint_every = dashboard, checkpoint_every
        self.state, self.link, self.alive, self.start_up, self.trained = "ready", "", 0, 0.0, 0.0
        self.results = {result.training.name: result for result in halving.results(sweep)}
        self.seconds: dict[str, float] = {}  # that trainings took in this session
        self.paused = False
        self._gone: dict[int, float] = {}  # since when the process of a worker is gone

    @staticmethod
    def check(workers: int | None, devices: Sequence[str], dashboard: bool) -> None:
        """Raise what making a driver raises for these."""
        if workers is not None and (workers < 1 or devices):
            raise ValueError(
                f"workers must be at least 1, got {workers}" if workers < 1 else "give workers or devices, not both"
            )
        if dashboard and find_spec("bokeh") is None:
            raise ValueError("the dashboard needs bokeh, which is not installed: `pip install bokeh`")
        for name in devices:
            choice = device.choose(name)
            if choice.device is None:
                raise ValueError(choice.sentence)

    def pause(self) -> None:
        """Let all trainings wait after their present update."""
        self.paused = True

    def go_on(self) -> None:
        """End the pause."""
        self.paused = False

    def run(self) -> Generator[Result | None, None, None]:
        """Train what is missing. Closing the generator stops the trainings, with checkpoints.

        Yields
        ------
        Result or None
            What has come of a training whenever one ends; None often in between.

        Raises
        ------
        RuntimeError
            Another process trains this sweep.
        ValueError
            A corpus has changed since the sweep began.
        MemoryError
            There is too little memory for so many workers.
        """
        with self.sweep.locked():
            for file, checksum in self.sweep.all_checksums().items():
                if self.sweep.checksums[file] != checksum:
                    raise ValueError(f"{file} has changed since the sweep {self.sweep.name} began: it cannot go on")
            self._write_failures({name: why for name, why in self.sweep.failed.items() if why.startswith(DIVERGED)})
            self._read()
            if halving.missing(self.sweep):
                yield from self._train()
        self.state = "done"

    def _train(self) -> Iterator[Result | None]:
        begin = time.monotonic()
        theano = any(MODELS[result.training.settings.model].in_theano for result in self.results.values())
        memory.check(f"a sweep with {self.count} workers", self.count * WORKER * (1 + theano), "take fewer workers")
        self.state = "starting workers"
        yield None
        with self._cluster() as client:
            self.alive = self.count
            try:
                yield from self._warm(client)
                self.start_up = time.monotonic() - begin
                self.state = "training"
                while to_do := halving.missing(self.sweep):
                    yield from self._round(client, to_do)
                    self._read()
                self.trained = time.monotonic() - begin - self.start_up
            except GeneratorExit:
                self.state = "stopping"
                raise
            finally:
                self.alive = 0

    @property
    def count(self) -> int:
        """How many workers there are to be."""
        return len(self.devices) or min(self.workers or cores(), len(self.results))

    @contextmanager
    def _cluster(self) -> Iterator[Client]:
        """Start scheduler and workers, heard on this machine alone; end them."""
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
            client = stack.enter_context(Client(cluster, set_as_default=False))
            client.wait_for_workers(1)
            self.link = client.dashboard_link if self.dashboard else ""
            yield client

    def _warm(self, client: Client) -> Iterator[None]:
        """Let Theano's cache be filled once for each kind of model, so that no two workers compile the same."""
        settings = {worker.kind(r.training.settings): r.training.settings for r, _ in halving.missing(self.sweep)}
        kinds = [s for s in settings.values() if MODELS[s.model].in_theano]
        if self.count > 1 and kinds:
            self.state = "compiling"
            compiled = client.map(worker.warm, [s.to_dict() for s in kinds], pure=False)
            while not _over(client, compiled):  # what fails here, fails in its trainings and is said there
                self._look(client)
                yield None

    def _round(self, client: Client, to_do: Sequence[tuple[Result, int]]) -> Iterator[Result | None]:
        """Train so far; give the results as they come."""
        ended: queue.SimpleQueue[Future] = queue.SimpleQueue()
        waiting: dict[str, tuple[Future, Training, int]] = {}
        for number, (result, epochs) in enumerate(to_do):
            training = result.training
            arguments = training.name, training.settings.to_dict(), str(self.sweep.folder), epochs
            key = f"{training.name} {epochs}"
            future = client.submit(worker.train, *arguments, self.checkpoint_every, key=key, priority=-number)
            future.add_done_callback(ended.put)
            waiting[key] = future, training, epochs
        was_paused = False
        try:
            while waiting:
                if self.paused or was_paused:
                    client.run(worker.pause, self.paused, on_error="ignore")  # new workers too
                    was_paused = self.paused
                    self.state = "paused" if self.paused else "training"
                try:
                    future = ended.get(timeout=LOOK)
                except queue.Empty:
                    self._look(client)
                    yield None
                    continue
                _, training, epochs = waiting.pop(str(future.key))
                yield self._take(future, training, epochs)
        finally:
            if waiting:
                self._stop(client, {key: future for key, (future, *_) in waiting.items()})

    def _look(self, client: Client) -> None:
        """Count the workers, and start those that were killed while they began: their nannies do not."""
        self.alive = len(client.scheduler_info(n_workers=-1)["workers"])
        cluster: Any = client.cluster
        for name, nanny in list(cluster.workers.items()):
            if nanny.is_alive():
                self._gone.pop(name, None)
            elif time.monotonic() - self._gone.setdefault(name, time.monotonic()) > GRACE:
                del cluster.workers[name], self._gone[name]
                cluster.loop.add_callback(nanny.close)
                cluster.scale(len(cluster.worker_spec))

    def _take(self, future: Future, training: Training, epochs: int) -> Result:
        """Note how a training ended."""
        try:
            answer = future.result()
        except KilledWorker as error:
            answer = {"state": "failed", "why": f"{error.allowed_failures + 1} workers died while they trained it"}
        if answer["state"] in ("diverged", "failed"):
            begin = DIVERGED if answer["state"] == "diverged" else ""
            self._write_failures({**self.sweep.failed, training.name: begin + answer["why"]})
        else:
            self.seconds[training.name] = answer["seconds"]
        result = self.results[training.name] = read(self.sweep, training, epochs)
        return result

    def _stop(self, client: Client, waiting: dict[str, Future]) -> None:
        """Let the workers end their trainings, each with a checkpoint."""
        self.state = "stopping"
        begun = {key for keys in client.processing().values() for key in keys}
        client.cancel([future for key, future in waiting.items() if key not in begun])
        running = [future for key, future in waiting.items() if key in begun]
        client.run(worker.stop, on_error="ignore")
        while not _over(client, running):
            self._look(client)
            client.run(worker.stop, on_error="ignore")  # a worker may have come in place of one that died

    def _write_failures(self, failed: dict[str, str]) -> None:
        if failed != self.sweep.failed:
            self.sweep = replace(self.sweep, failed=failed)
            self.sweep.save()

    def _read(self) -> None:
        self.results = {result.training.name: result for result in halving.results(self.sweep)}

    @property
    def seconds_left(self) -> float | None:
        """How long the rest takes, if each training takes as long as others of its setting; None before one is done."""
        if not self.seconds:
            return None
        of_setting: dict[str, list[float]] = {}
        for name, seconds in self.seconds.items():
            of_setting.setdefault(repr(self.results[name].training.point), []).append(seconds)
        mean = sum(self.seconds.values()) / len(self.seconds)
        left = 0.0
        for result in self.results.values():
            if not result.over:
                known = of_setting.get(repr(result.training.point), [mean])
                left += sum(known) / len(known)
        return left / self.count


def _over(client: Client, futures: Sequence[Future]) -> bool:
    """Wait a moment; return whether all have ended, in whatever way."""
    with client.as_current(), suppress(TimeoutError, asyncio.TimeoutError):
        wait(futures, timeout=LOOK)
    return all(future.status != "pending" for future in futures)
