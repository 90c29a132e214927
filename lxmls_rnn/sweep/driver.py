"""Run a sweep: hand the missing trainings to workers, and record results and failures."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import replace
from importlib.util import find_spec
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from lxmls_rnn import device, paths
from lxmls_rnn.deep_learning.events import Metrics
from lxmls_rnn.deep_learning.frameworks import THEANO
from lxmls_rnn.deep_learning.models import MODELS
from lxmls_rnn.device.processor import cores
from lxmls_rnn.storage import records
from lxmls_rnn.sweep import report, tasks
from lxmls_rnn.sweep.local import Pool
from lxmls_rnn.sweep.results import DIVERGED, Result, read, read_all
from lxmls_rnn.sweep.sweep import Sweep, Training
from lxmls_rnn.sweep.tasks import WorkerDied

if TYPE_CHECKING:
    from lxmls_rnn.sweep.cluster import Cluster

POLL_SECONDS = 0.3  # between two checks for results, requests and workers
MAX_TRIES = 3  # of a training whose workers die


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
    scheduler
        Address of an existing cluster, whose workers train; then no workers are started here.

    Attributes
    ----------
    state
        The present activity, such as 'compiling' or 'training'.
    results
        The result so far of each training, by the name of its run.
    alive
        Number of workers that have started and are fit to train.
    unfit
        Why a worker is not used, by its name.

    Raises
    ------
    ValueError
        A number is out of range, a device is unavailable, an address is invalid, or Dask is missing for a cluster.
    """

    def __init__(
        self,
        sweep: Sweep,
        workers: int | None = None,
        devices: Sequence[str] = (),
        scheduler: str | None = None,
    ) -> None:
        self.check(workers, devices, scheduler)
        self.sweep, self.workers, self.devices, self.scheduler = sweep, workers, list(devices), scheduler
        self.state, self.alive = "ready", 0
        self.unfit: dict[str, str] = {}
        self._read()
        self.seconds: dict[str, float] = {}  # of the trainings of this session, by the name of the run
        self._deaths: Counter[str] = Counter()  # of workers, by the training that they lost

    @staticmethod
    def check(workers: int | None, devices: Sequence[str] = (), scheduler: str | None = None) -> None:
        """Check the constructor's arguments; raise its errors."""
        if workers is not None and (workers < 1 or devices):
            raise ValueError(
                f"workers must be at least 1, got {workers}" if workers < 1 else "give workers or devices, not both"
            )
        if scheduler is not None:
            if workers is not None or devices:
                raise ValueError("workers and devices cannot be given with a scheduler")
            if find_spec("distributed") is None:
                raise ValueError("a cluster needs Dask, which is not installed: `pip install lxmls-rnn[cluster]`")
            from lxmls_rnn.sweep.cluster import Cluster

            Cluster.check(scheduler)
        for name in devices:
            choice = device.choose(name)
            if choice.device is None:
                raise ValueError(choice.sentence)

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
            self._read()
            if self._missing():
                folder = self.sweep.folder.absolute()
                in_runs = self.scheduler is not None and folder.parent.resolve() == paths.runs().resolve()
                name = folder.name if in_runs else str(folder)
                self._identity = tasks.Identity(token_hex(16), name, tasks.version(), checksums)
                yield from self._train()
        self.state = "done"

    def _train(self) -> Iterator[Result | None]:
        self.state = "starting workers" if self.scheduler is None else "asking workers"
        yield None
        with self._open() as self._workers:
            self._update_workers()
            try:
                if isinstance(self._workers, Pool):
                    yield from self._warm(self._workers)
                self.state = "training"
                while missing := self._missing():
                    yield from self._train_all(missing)
                    self._read()
            except GeneratorExit:
                self.state = "stopping"
                raise
            finally:
                self.alive = 0

    def _open(self) -> Pool | Cluster:
        if self.scheduler is not None:
            from lxmls_rnn.sweep.cluster import Cluster

            return Cluster(self.scheduler, self._identity)
        models = {result.training.settings.model for result in self.results.values()}
        return Pool(self.count, self.devices, self._identity.token, sorted(models))

    @property
    def count(self) -> int:
        """The number of workers to be started on this machine, or those of a cluster that are fit now."""
        if self.scheduler is not None:
            return self.alive
        return len(self.devices) or min(self.workers or cores(), len(self.results))

    def _warm(self, pool: Pool) -> Iterator[None]:
        """Wait for a worker, and compile each kind of model once into Theano's cache, which all workers share."""
        settings = {tasks.kind(training.settings): training.settings for training in self._missing()}
        kinds = [s.to_dict() for s in settings.values() if MODELS[s.model].framework is THEANO]
        records.prepare(Metrics)  # while the workers start
        while not self.alive:
            pool.wait(POLL_SECONDS)
            self._update_workers()
            yield None
        if not kinds:
            return
        self.state = "compiling"
        left, compiling = deque(kinds), list[Future[Any]]()
        while left or not self._have_ended(compiling):
            while left and (future := pool.submit(tasks.warm, left[0])):
                left.popleft()
                compiling.append(future)
            self._update_workers()
            yield None

    def _train_all(self, missing: Sequence[Training]) -> Iterator[Result | None]:
        """Hand the trainings to the workers; yield the results as they arrive."""
        left = deque(missing)
        running: dict[Future[Any], Training] = {}
        try:
            while running or left:
                while left and (future := self._submit(left[0])):
                    running[future] = left.popleft()
                ended, _ = wait(running, POLL_SECONDS, FIRST_COMPLETED)
                if not running:
                    self._workers.wait(POLL_SECONDS)
                if not ended or time.monotonic() > self._updated + 2 * POLL_SECONDS:
                    self._update_workers()
                for future in ended:
                    training = running.pop(future)
                    result = self._collect(future, training)
                    if result is None:
                        left.append(training)
                    yield result
                if not ended:
                    yield None
        except KeyboardInterrupt:  # end at once, without checkpoints
            running.clear()
            raise
        finally:
            if running:
                self._stop(running)

    def _submit(self, training: Training) -> Future[Any] | None:
        return self._workers.train(training.name, training.settings.to_dict(), self._identity)

    def _update_workers(self) -> None:
        self._workers.update()
        self._updated = time.monotonic()
        self.alive, self.unfit = self._workers.alive, self._workers.unfit

    def _collect(self, future: Future[Any], training: Training) -> Result | None:
        """Record how a training ended and return its result; None if it must be submitted again."""
        try:
            answer = self._workers.answer(future)
        except WorkerDied as death:
            self._deaths[training.name] += 1
            if self._deaths[training.name] < MAX_TRIES:
                return None
            answer = {"state": "failed", "why": f"its workers died while they trained it: {death}"}
        if answer["state"] == "stopped":
            return None
        if answer["state"] in ("diverged", "failed"):
            begin = DIVERGED if answer["state"] == "diverged" else ""
            self._save({**self.sweep.failed, training.name: begin + answer["why"]})
        elif answer["state"] == "done":
            self.seconds[training.name] = answer["seconds"]
        result = self.results[training.name] = read(self.sweep, training)
        return result

    def _stop(self, running: Iterable[Future[Any]]) -> None:
        """Ask the workers to stop their trainings with checkpoints, and wait until they have."""
        self.state = "stopping"
        self._workers.stop()
        while not self._have_ended(running):
            self._update_workers()

    def _have_ended(self, futures: Iterable[Future[Any]]) -> bool:
        """Wait at most `POLL_SECONDS`; return whether all futures have ended, with or without an error."""
        return not wait(futures, POLL_SECONDS).not_done

    def _save(self, failed: dict[str, str]) -> None:
        self.sweep = replace(self.sweep, failed=failed)
        self.sweep.save()

    def _read(self) -> None:
        self.results = {result.training.name: result for result in read_all(self.sweep)}

    def _missing(self) -> list[Training]:
        return [result.training for result in self.results.values() if not result.is_over]

    @property
    def seconds_left(self) -> float | None:
        """The estimated time left, see `report.seconds_left`."""
        return report.seconds_left(self.results.values(), self.seconds, self.count)
