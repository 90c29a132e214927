"""Run a sweep: hand the missing trainings to Dask workers, and record results and failures."""

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
from lxmls_rnn.deep_learning.frameworks import NUMPY, THEANO
from lxmls_rnn.deep_learning.rnn import MODELS
from lxmls_rnn.device.processor import cores
from lxmls_rnn.storage import records
from lxmls_rnn.sweep import halving, report, worker
from lxmls_rnn.sweep.cluster import Existing
from lxmls_rnn.sweep.local import Local
from lxmls_rnn.sweep.owner import Claim
from lxmls_rnn.sweep.results import DIVERGED, Result, read
from lxmls_rnn.sweep.sweep import Sweep, Training

POLL_SECONDS = 0.3  # between two checks for results, requests and workers
WORKER_BYTES = 70 << 20  # memory of an idle worker; twice as much with Theano


class _Submitted(NamedTuple):
    """A training submitted to the scheduler, for the workers with these addresses, or for any if None."""

    future: Future
    training: Training
    epochs: int
    addresses: list[str] | None


class Driver:
    """Trains what is missing in a sweep.

    Parameters
    ----------
    sweep
        A sweep whose folder exists; its list of failures is updated.
    workers
        Number of worker processes; by default one per core, or one per device.
    devices
        Devices such as 'cuda0', each used by one worker of its own.
    dashboard
        Whether to serve Dask's dashboard, on this machine only.
    checkpoint_every
        Seconds from one checkpoint of a training to the next within an epoch.
    scheduler
        Address of an existing cluster, whose workers train; then no workers are started here.

    Attributes
    ----------
    state
        The present activity, such as 'compiling' or 'training'.
    results
        The result so far of each training, by the name of its run.
    alive
        Number of workers that are connected and fit to train.
    unfit
        Why a worker is not used, by its name.
    link
        Address of the dashboard; empty without one.
    start_up, trained
        Seconds until the workers were connected and had compiled, and from then until all trainings were over.

    Raises
    ------
    ValueError
        A number is out of range, a device is unavailable, bokeh is missing for the dashboard, or an address is invalid.
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
        self.seconds: dict[str, float] = {}  # of the trainings of this session, by the name of the run
        self.paused = False

    @staticmethod
    def check(
        workers: int | None, devices: Sequence[str] = (), dashboard: bool = False, scheduler: str | None = None
    ) -> None:
        """Check the constructor's arguments; raise its errors."""
        if workers is not None and (workers < 1 or devices):
            raise ValueError(
                f"workers must be at least 1, got {workers}" if workers < 1 else "give workers or devices, not both"
            )
        if dashboard and find_spec("bokeh") is None:
            raise ValueError("the dashboard needs bokeh, which is not installed: `pip install bokeh`")
        if scheduler is not None:
            if workers is not None or devices or dashboard:
                raise ValueError("workers, devices and dashboard cannot be given with a scheduler")
            Existing.check(scheduler)
        for name in devices:
            choice = device.choose(name)
            if choice.device is None:
                raise ValueError(choice.sentence)

    def pause(self) -> None:
        """Pause all trainings after their current update."""
        self.paused = True

    def resume(self) -> None:
        """Resume all trainings after `pause`."""
        self.paused = False

    def run(self) -> Generator[Result | None, None, None]:
        """Train what is missing. Closing the generator stops the trainings, with checkpoints.

        Yields
        ------
        Result or None
            The result of each training when it ends; None several times a second in between.

        Raises
        ------
        RuntimeError
            Another process trains this sweep, or no worker is fit to train; the message says why.
        ValueError
            A corpus has changed since the sweep began.
        MemoryError
            This machine has too little memory for so many workers.
        ConnectionError
            The scheduler of a cluster does not answer.
        """
        with self.sweep.locked():
            checksums = self.sweep.all_checksums()
            for file, checksum in checksums.items():
                if self.sweep.checksums[file] != checksum:
                    raise ValueError(
                        f"{file} has changed since the sweep {self.sweep.name} began: it cannot be resumed"
                    )
            # save added settings too; trainings that failed, unless they diverged, are tried again
            self._save({name: why for name, why in self.sweep.failed.items() if why.startswith(DIVERGED)})
            if to_do := self._read():
                claim = Claim(self.sweep.folder)
                folder = self.sweep.folder.absolute()
                in_runs = self.scheduler is not None and folder.parent.resolve() == paths.runs().resolve()
                name = folder.name if in_runs else str(folder)
                self._client = worker.Client(claim.token, name, worker.version(), checksums)
                try:
                    yield from self._train(to_do)
                finally:
                    claim.release()
        self.state = "done"

    def _train(self, to_do: list[tuple[Result, int]]) -> Iterator[Result | None]:
        begin = time.monotonic()
        if self.scheduler is None:
            models = (MODELS[result.training.settings.model] for result in self.results.values())
            need = self.count * WORKER_BYTES * (1 + any(model.framework is not NUMPY for model in models))
            memory.check(f"a sweep with {self.count} workers", need, "take fewer workers")
        self.state = "starting workers" if self.scheduler is None else "asking workers"
        yield None
        local = Local(self.count, self.devices, self.dashboard) if self.scheduler is None else None
        with local or Existing(self.scheduler or "", self._client) as self._cluster:
            self._update_workers()
            self.link = self._cluster.link
            try:
                if local is not None:
                    yield from self._warm(local, to_do)
                self.start_up = time.monotonic() - begin
                self.state = "training"
                while to_do:
                    yield from self._train_round(to_do)
                    to_do = self._read()
                self.trained = time.monotonic() - begin - self.start_up
            except GeneratorExit:
                self.state = "stopping"
                raise
            finally:
                self.alive = 0

    @property
    def count(self) -> int:
        """The number of workers to be started on this machine, or those of a cluster that are fit now."""
        if self.scheduler is not None:
            return self.alive
        return len(self.devices) or min(self.workers or cores(), len(self.results))

    def _warm(self, local: Local, to_do: list[tuple[Result, int]]) -> Iterator[None]:
        """Wait for workers, compile each kind of model once into Theano's cache, then let all workers load them."""
        settings = {worker.kind(r.training.settings): r.training.settings for r, _ in to_do}
        kinds = [s.to_dict() for s in settings.values() if MODELS[s.model].framework is THEANO]
        # an error here occurs in the trainings again and is reported there
        futures = local.client.map(worker.warm, kinds, pure=False)
        records.prepare(Metrics)  # while the workers start
        while not self.alive:
            local.wait(POLL_SECONDS)
            self._update_workers()
            yield None
        if not kinds:
            return
        self.state = "compiling"
        yield None
        while not self._have_ended(futures) or local.starting:
            local.wait(POLL_SECONDS)
            self._update_workers()
            yield None
        loads = {a: local.client.map(worker.warm, kinds, workers=[a], pure=False) for a in local.present}
        while not self._have_ended([f for a, of_worker in loads.items() if a in local.present for f in of_worker]):
            self._update_workers()
            yield None

    def _train_round(self, to_do: Sequence[tuple[Result, int]]) -> Iterator[Result | None]:
        """Train each training up to its number of epochs; yield the results as they arrive."""
        ended: queue.SimpleQueue[Future] = queue.SimpleQueue()
        left = deque((result.training, epochs) for result, epochs in to_do)
        submitted: dict[Any, _Submitted] = {}
        was_paused = False
        try:
            while submitted or left:
                while left and len(submitted) < self._cluster.submitted_per_worker * self.alive:
                    key, one = self._submit(*left.popleft())
                    submitted[key] = one
                    one.future.add_done_callback(ended.put)
                if self.paused or was_paused:
                    self._ask("pause" if self.paused else "resume")  # repeated, for new workers
                    was_paused = self.paused
                    self.state = "paused" if self.paused else "training"
                result = None
                with suppress(queue.Empty):
                    key = ended.get(timeout=POLL_SECONDS).key
                    if key in submitted:
                        one = submitted.pop(key)
                        result = self._collect(one)
                        if result is None:
                            left.append((one.training, one.epochs))
                if result is None or time.monotonic() > self._updated + 2 * POLL_SECONDS:
                    self._update_workers()
                    for key, one in list(submitted.items()):
                        if self._is_orphaned(one):
                            one.future.cancel()
                            left.append((submitted.pop(key).training, one.epochs))
                yield result
        except KeyboardInterrupt:  # end at once, without checkpoints
            submitted.clear()
            raise
        finally:
            if submitted:
                self._stop(submitted)

    def _submit(self, training: Training, epochs: int) -> tuple[Any, _Submitted]:
        """Submit a training to the scheduler, with a unique key, since other sweeps may use the same cluster."""
        addresses, key = self._cluster.addresses, (f"train-{self._client.token}", training.name, token_hex(8))
        future = self._cluster.client.submit(
            worker.train,
            training.name,
            training.settings.to_dict(),
            self._client,
            epochs,
            self.checkpoint_every,
            key=key,
            workers=addresses,
        )
        return key, _Submitted(future, training, epochs, addresses)

    def _is_orphaned(self, one: _Submitted) -> bool:
        """Whether all workers that a training was submitted to have disappeared."""
        return one.addresses is not None and set(one.addresses).isdisjoint(self._cluster.addresses or ())

    def _ask(self, what: str) -> None:
        self._cluster.client.run(
            worker.ask, self._client.token, what, workers=self._cluster.addresses, on_error="ignore"
        )

    def _update_workers(self) -> None:
        self._cluster.update()
        self._updated = time.monotonic()
        self.alive, self.unfit = self._cluster.alive, self._cluster.unfit

    def _collect(self, one: _Submitted) -> Result | None:
        """Record how a training ended and return its result; None if it must be submitted again."""
        training = one.training
        try:
            answer = one.future.result()
        except KilledWorker as error:
            answer = {"state": "failed", "why": f"{error.allowed_failures + 1} workers died while they trained it"}
        except CancelledError:  # the scheduler has disappeared: `_update_workers` raises the error
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

    def _stop(self, submitted: dict[Any, _Submitted]) -> None:
        """Ask the workers to stop their trainings with checkpoints, and wait until they have."""
        self.state = "stopping"
        client = self._cluster.client
        if client.status != "running":
            return
        begun = {key for keys in client.processing().values() for key in keys}
        client.cancel([one.future for key, one in submitted.items() if key not in begun])
        running = [one for key, one in submitted.items() if key in begun]
        self._ask("stop")
        while not self._have_ended([one.future for one in running]):
            self._update_workers()
            running = [one for one in running if not self._is_orphaned(one)]
            self._ask("stop")  # a new worker may have replaced one that died

    def _have_ended(self, futures: Sequence[Future]) -> bool:
        """Wait at most `POLL_SECONDS`; return whether all futures have ended, with or without an error."""
        with self._cluster.client.as_current(), suppress(TimeoutError, asyncio.TimeoutError):
            wait(futures, timeout=POLL_SECONDS)
        return all(future.status != "pending" for future in futures)

    def _save(self, failed: dict[str, str]) -> None:
        self.sweep = replace(self.sweep, failed=failed)
        self.sweep.save()

    def _read(self) -> list[tuple[Result, int]]:
        """Update the results; return those of the trainings to do next, with their target numbers of epochs."""
        found = halving.with_epochs(self.sweep)
        self.results = {result.training.name: result for result, _ in found}
        return [(result, epochs) for result, epochs in found if epochs]

    @property
    def seconds_left(self) -> float | None:
        """The estimated time left, see `report.seconds_left`."""
        return report.seconds_left(self.results.values(), self.seconds, self.count)
