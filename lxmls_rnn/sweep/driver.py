"""Go through a sweep: workers of Dask on this machine train what is missing, and what fails is written down."""

from __future__ import annotations

import asyncio
import queue
import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from dataclasses import replace
from importlib.util import find_spec
from secrets import token_hex
from typing import Any, NamedTuple

from distributed import Future, KilledWorker, wait

from lxmls_rnn import device, memory, paths
from lxmls_rnn.deep_learning.events import Metrics
from lxmls_rnn.deep_learning.rnn import MODELS
from lxmls_rnn.device.processor import cores
from lxmls_rnn.storage import records
from lxmls_rnn.sweep import halving, report, worker
from lxmls_rnn.sweep.cluster import Existing
from lxmls_rnn.sweep.local import Local
from lxmls_rnn.sweep.owner import Claim
from lxmls_rnn.sweep.results import DIVERGED, Result, read
from lxmls_rnn.sweep.sweep import Sweep, Training

POLL_SECONDS = 0.3  # seconds between two looks whether something is asked for
WORKER_BYTES = 70 << 20  # bytes that a worker takes at rest; with Theano twice as many


class _Given(NamedTuple):
    """A training that the scheduler has been given, for workers with these addresses, or for any."""

    future: Future
    training: Training
    epochs: int
    addresses: list[str] | None


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
    scheduler
        Address of a cluster that is there, whose workers train; then none are started here.

    Attributes
    ----------
    state
        What is done now, in a word or two.
    results
        What has come of each training, by its run's name.
    alive
        How many workers there are that train.
    unfit
        Why a worker of a cluster must not train, by its name.
    link
        Of the dashboard, empty without.
    start_up, trained
        Seconds until the workers were there and had compiled, and from then until all trainings were over.

    Raises
    ------
    ValueError
        A number out of its range, a device that is not there, a dashboard without bokeh, an address that is none.
    """

    def __init__(
        self,
        sweep: Sweep,
        workers: int | None = None,
        devices: Sequence[str] = (),
        dashboard: bool = False,
        checkpoint_every: float = 60.0,
        scheduler: str | None = None,
    ) -> None:
        self.check(workers, devices, dashboard, scheduler)
        self.sweep, self.workers, self.devices, self.scheduler = sweep, workers, list(devices), scheduler
        self.dashboard, self.checkpoint_every = dashboard, checkpoint_every
        self.state, self.link, self.alive, self.start_up, self.trained = "ready", "", 0, 0.0, 0.0
        self.unfit: dict[str, str] = {}
        self.results = {result.training.name: result for result in halving.results(sweep)}
        self.seconds: dict[str, float] = {}  # that trainings took in this session
        self.paused = False

    @staticmethod
    def check(
        workers: int | None, devices: Sequence[str] = (), dashboard: bool = False, scheduler: str | None = None
    ) -> None:
        """Raise what making a driver raises for these."""
        if workers is not None and (workers < 1 or devices):
            raise ValueError(
                f"workers must be at least 1, got {workers}" if workers < 1 else "give workers or devices, not both"
            )
        if dashboard and find_spec("bokeh") is None:
            raise ValueError("the dashboard needs bokeh, which is not installed: `pip install bokeh`")
        if scheduler is not None:
            if workers is not None or devices or dashboard:
                raise ValueError("with a scheduler workers, devices and dashboard are the cluster's: do not give them")
            Existing.check(scheduler)
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
            Another process trains this sweep; or no worker of a cluster may train, says why.
        ValueError
            A corpus has changed since the sweep began.
        MemoryError
            There is too little memory on this machine for so many workers.
        ConnectionError
            The scheduler of a cluster does not answer.
        """
        with self.sweep.locked():
            checksums = self.sweep.all_checksums()
            for file, checksum in checksums.items():
                if self.sweep.checksums[file] != checksum:
                    raise ValueError(f"{file} has changed since the sweep {self.sweep.name} began: it cannot go on")
            # with what has been added to it; what failed otherwise is tried again
            self._save({name: why for name, why in self.sweep.failed.items() if why.startswith(DIVERGED)})
            if to_do := self._read():
                claim = Claim(self.sweep.folder)
                folder = self.sweep.folder.absolute()
                in_runs = self.scheduler is not None and folder.parent.resolve() == paths.runs().resolve()
                name = folder.name if in_runs else str(folder)
                self._me = worker.Client(claim.token, name, worker.version(), checksums)
                try:
                    yield from self._train(to_do)
                finally:
                    claim.release()
        self.state = "done"

    def _train(self, to_do: list[tuple[Result, int]]) -> Iterator[Result | None]:
        begin = time.monotonic()
        if self.scheduler is None:
            theano = any(MODELS[result.training.settings.model].in_theano for result in self.results.values())
            need = self.count * WORKER_BYTES * (1 + theano)
            memory.check(f"a sweep with {self.count} workers", need, "take fewer workers")
        self.state = "starting workers" if self.scheduler is None else "asking workers"
        yield None
        local = Local(self.count, self.devices, self.dashboard) if self.scheduler is None else None
        with local or Existing(self.scheduler or "", self._me) as self._cluster:
            self._look()
            self.link = self._cluster.link
            try:
                if local is not None:
                    yield from self._warm(local, to_do)
                self.start_up = time.monotonic() - begin
                self.state = "training"
                while to_do:
                    yield from self._round(to_do)
                    to_do = self._read()
                self.trained = time.monotonic() - begin - self.start_up
            except GeneratorExit:
                self.state = "stopping"
                raise
            finally:
                self.alive = 0

    @property
    def count(self) -> int:
        """How many workers there are to be; of a cluster, how many there are."""
        if self.scheduler is not None:
            return self.alive
        return len(self.devices) or min(self.workers or cores(), len(self.results))

    def _warm(self, local: Local, to_do: list[tuple[Result, int]]) -> Iterator[None]:
        """Wait for a worker; let it fill Theano's cache with each kind of model that is missing, then all load it."""
        settings = {worker.kind(r.training.settings): r.training.settings for r, _ in to_do}
        kinds = [s.to_dict() for s in settings.values() if MODELS[s.model].in_theano]
        # what fails here, fails in its trainings and is said there
        futures = local.client.map(worker.warm, kinds, pure=False)
        records.prepare(Metrics)  # meanwhile
        while not self.alive:
            local.wait(POLL_SECONDS)
            self._look()
            yield None
        if not kinds:
            return
        self.state = "compiling"
        while not self._over(futures):
            self._look()
            yield None
        loads = {a: local.client.map(worker.warm, kinds, workers=[a], pure=False) for a in local.present}
        while not self._over([future for a, of_worker in loads.items() if a in local.present for future in of_worker]):
            self._look()
            yield None

    def _round(self, to_do: Sequence[tuple[Result, int]]) -> Iterator[Result | None]:
        """Train so far; give the results as they come."""
        ended: queue.SimpleQueue[Future] = queue.SimpleQueue()
        left = deque((result.training, epochs) for result, epochs in to_do)
        given: dict[Any, _Given] = {}
        was_paused = False
        try:
            while given or left:
                while left and len(given) < self._cluster.ahead * self.alive:
                    key, one = self._give(*left.popleft())
                    given[key] = one
                    one.future.add_done_callback(ended.put)
                if self.paused or was_paused:
                    self._ask("pause" if self.paused else "go on")  # new workers too
                    was_paused = self.paused
                    self.state = "paused" if self.paused else "training"
                result = None
                with suppress(queue.Empty):
                    key = ended.get(timeout=POLL_SECONDS).key
                    if key in given:
                        one = given.pop(key)
                        result = self._take(one)
                        if result is None:
                            left.append((one.training, one.epochs))
                if result is None or time.monotonic() > self._looked + 2 * POLL_SECONDS:
                    self._look()
                    for key, one in list(given.items()):
                        if self._has_nobody(one):
                            one.future.cancel()
                            left.append((given.pop(key).training, one.epochs))
                yield result
        except KeyboardInterrupt:  # does not wait
            given.clear()
            raise
        finally:
            if given:
                self._stop(given)

    def _give(self, training: Training, epochs: int) -> tuple[Any, _Given]:
        """Hand a training to the scheduler; its key is no other's, as another sweep may use the same cluster."""
        addresses, key = self._cluster.addresses, (f"train-{self._me.token}", training.name, token_hex(8))
        future = self._cluster.client.submit(
            worker.train,
            training.name,
            training.settings.to_dict(),
            self._me,
            epochs,
            self.checkpoint_every,
            key=key,
            workers=addresses,
        )
        return key, _Given(future, training, epochs, addresses)

    def _has_nobody(self, one: _Given) -> bool:
        """Whether all workers that a training was given to are gone."""
        return one.addresses is not None and set(one.addresses).isdisjoint(self._cluster.addresses or ())

    def _ask(self, what: str) -> None:
        self._cluster.client.run(worker.ask, self._me.token, what, workers=self._cluster.addresses, on_error="ignore")

    def _look(self) -> None:
        self._cluster.look()
        self._looked = time.monotonic()
        self.alive, self.unfit = self._cluster.alive, self._cluster.unfit

    def _take(self, one: _Given) -> Result | None:
        """Note how a training ended; None for one that is to be given to a worker again."""
        training = one.training
        try:
            answer = one.future.result()
        except KilledWorker as error:
            answer = {"state": "failed", "why": f"{error.allowed_failures + 1} workers died while they trained it"}
        except CancelledError:  # the scheduler is gone, `_look` says so
            return None
        if answer["state"] == "unfit":
            self._cluster.on_unfit_worker(answer["why"])
        if answer["state"] in ("unfit", "lost"):
            return None
        if answer["state"] in ("diverged", "failed"):
            begin = DIVERGED if answer["state"] == "diverged" else ""
            self._save({**self.sweep.failed, training.name: begin + answer["why"]})
        elif answer["state"] == "done":
            self.seconds[training.name] = answer["seconds"]
        result = self.results[training.name] = read(self.sweep, training, one.epochs)
        return result

    def _stop(self, given: dict[Any, _Given]) -> None:
        """Let the workers end their trainings, each with a checkpoint."""
        self.state = "stopping"
        client = self._cluster.client
        if client.status != "running":
            return
        begun = {key for keys in client.processing().values() for key in keys}
        client.cancel([one.future for key, one in given.items() if key not in begun])
        running = [one for key, one in given.items() if key in begun]
        self._ask("stop")
        while not self._over([one.future for one in running]):
            self._look()
            running = [one for one in running if not self._has_nobody(one)]
            self._ask("stop")  # a worker may have come in place of one that died

    def _over(self, futures: Sequence[Future]) -> bool:
        """Wait a moment; return whether all have ended, in whatever way."""
        with self._cluster.client.as_current(), suppress(TimeoutError, asyncio.TimeoutError):
            wait(futures, timeout=POLL_SECONDS)
        return all(future.status != "pending" for future in futures)

    def _save(self, failed: dict[str, str]) -> None:
        self.sweep = replace(self.sweep, failed=failed)
        self.sweep.save()

    def _read(self) -> list[tuple[Result, int]]:
        """Bring the results up to date; return the trainings that are to be done next, with their epochs then."""
        found = halving.with_epochs(self.sweep)
        self.results = {result.training.name: result for result, _ in found}
        return [(result, epochs) for result, epochs in found if epochs]

    @property
    def seconds_left(self) -> float | None:
        """How long the rest takes, if each training takes as long as others of its setting; None before one is done."""
        return report.seconds_left(self.results.values(), self.seconds, self.count)
