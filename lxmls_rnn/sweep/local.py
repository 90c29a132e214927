"""Workers for a sweep on this machine: processes of loky that talk to the client through pipes.

Each worker is a pool of its own with one process, so a worker that dies takes only its own training along.
"""

from __future__ import annotations

import errno
import os
import re
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import Pipe, active_children, resource_tracker
from multiprocessing.connection import Connection
from typing import Any

from loky import ProcessPoolExecutor

from lxmls_rnn.device.blas_proof import ONE_THREAD
from lxmls_rnn.storage.messages import counted, in_words
from lxmls_rnn.sweep import tasks
from lxmls_rnn.sweep.tasks import WorkerDied

# loky ends a process whose memory has grown by so many bytes; here each process keeps a corpus and Theano's code
LOKY_LIMIT = {"LOKY_MAX_MEMORY_LEAK_SIZE": "1e15"}
MAX_FAILED_STARTS = 10  # of one worker in a row
_NO_SEMAPHORES = (errno.EROFS, errno.EACCES, errno.ENOENT, errno.ENOSYS, errno.ENOSPC)  # errors of /dev/shm
END_SECONDS = 5  # that a thread of loky may take to end, at most


@dataclass
class _Worker:
    """A worker: its process, and what it was asked to do. `Pool` replaces a worker whose process died."""

    number: int
    pool: ProcessPoolExecutor
    requests: Connection  # each asks it to stop its training; their end ends the process
    ready: Future[int]  # the process id
    running: Future[Any] | None = None
    failed_starts: int = 0  # in a row, before this one

    @property
    def is_ready(self) -> bool:
        return self.ready.done() and self.ready.exception() is None

    @property
    def is_free(self) -> bool:
        return self.is_ready and not self.is_dead and (self.running is None or self.running.done())

    @property
    def is_dead(self) -> bool:
        if self.ready.done() and not self.is_ready:
            return True
        return self.running is not None and self.running.done() and isinstance(self.running.exception(), BrokenExecutor)

    def end(self, kill: bool = False) -> None:
        """End the process; `kill` also ends one that starts or trains, whose checkpoint can be resumed."""
        if kill and not self.is_free:
            for pid in list(self.pool._processes):  # the one process; none if it was seen to end
                with suppress(ProcessLookupError):
                    os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))
        self.requests.close()


class Pool:
    """Workers on this machine; a context manager that starts and ends them.

    Client and workers communicate through pipes alone: nothing listens, so no other user of the machine can connect.

    Parameters
    ----------
    count
        Number of workers.
    devices
        The device of each worker, such as 'cuda0'; empty to let the models choose.
    token
        The token of the client, by which its trainings are asked to stop.
    models
        The models whose frameworks the workers import while they start.

    Attributes
    ----------
    unfit
        Why a worker is not started again, by its number.
    """

    def __init__(self, count: int, devices: Sequence[str], token: str, models: Sequence[str] = ()) -> None:
        self.count, self.devices, self.token, self.models = count, devices, token, models
        self.unfit: dict[str, str] = {}
        self._workers: dict[int, _Worker] = {}

    def __enter__(self) -> Pool:
        self._threads = set(threading.enumerate())
        # a thread of its own starts the processes: Ctrl-C, which interrupts the main thread, leaves none half started
        self._starter = ThreadPoolExecutor(1)
        try:
            self._in_starter(_block_interrupts)
            for number in range(self.count):
                self._start(number)
        except BaseException as error:
            self.__exit__(type(error))
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            self._end(kill=kind is KeyboardInterrupt)
        except KeyboardInterrupt:  # during the wait for workers that are still starting
            self._end(kill=True)
            raise
        finally:
            # Python's end does not wait for these threads of loky, nor release anything when a signal brings it: locks
            # that they or ended processes still hold then are reported as leaked
            for thread in set(threading.enumerate()) - self._threads:
                if thread.name == "QueueFeederThread":
                    thread.join(END_SECONDS)
            active_children()  # forgets those that have ended

    def _end(self, kill: bool) -> None:
        """End the workers; unless `kill`, wait for those that are still starting."""
        self._starter.shutdown()
        for worker in self._workers.values():
            worker.end(kill)
        for worker in self._workers.values():
            worker.pool.shutdown()

    def _start(self, number: int, failed_starts: int = 0) -> None:
        self._in_starter(self._start_in_thread, number, failed_starts)

    def _in_starter(self, function: Callable[..., None], *arguments: Any) -> None:
        """Call a function in the thread that starts processes; RuntimeError if the machine lets it start none."""
        try:
            self._starter.submit(function, *arguments).result()
        except (OSError, UnboundLocalError) as error:  # loky's cleanup hides the one behind the other
            cause = error if isinstance(error, OSError) else error.__context__
            if not isinstance(cause, OSError):
                raise
            raise RuntimeError(f"no worker can be started: {_refusal(cause, self.count)}") from error

    def _start_in_thread(self, number: int, failed_starts: int) -> None:
        environ = LOKY_LIMIT | {name: value for name, value in ONE_THREAD.items() if name not in os.environ}
        if self.devices:
            environ["LXMLS_DEVICE"] = self.devices[number]
            # Theano uses the last of two values
            environ["THEANO_FLAGS"] = f"{os.environ.get('THEANO_FLAGS', '')},device={self.devices[number]}"
        theirs, ours = Pipe(duplex=False)
        with theirs:
            pool = ProcessPoolExecutor(1, env=environ, initializer=_begin, initargs=(theirs, self.token))
            ready = pool.submit(_ready, self.models)  # starts the process
        self._workers[number] = _Worker(number, pool, ours, ready, failed_starts=failed_starts)

    @property
    def alive(self) -> int:
        """Number of workers that have started."""
        return sum(worker.is_ready and not worker.is_dead for worker in self._workers.values())

    def wait(self, seconds: float) -> None:
        """Wait until all workers have started, at most `seconds`."""
        wait([worker.ready for worker in self._workers.values()], seconds)

    def update(self) -> None:
        """Start new processes for workers that died.

        Raises
        ------
        RuntimeError
            All workers died `MAX_FAILED_STARTS` times in a row while they started.
        """
        for worker in list(self._workers.values()):
            if worker.is_dead and str(worker.number) not in self.unfit:
                self._restart(worker)

    def _restart(self, dead: _Worker) -> None:
        dead.end()
        dead.pool.shutdown()
        failed = 0 if dead.is_ready else dead.failed_starts + 1
        if failed < MAX_FAILED_STARTS:
            self._start(dead.number, failed)
            return
        error = dead.ready.exception()
        why = _death(error) if error is None or isinstance(error, BrokenExecutor) else in_words(error)
        self.unfit[str(dead.number)] = f"it died {failed} times in a row while it started: {why}"
        if len(self.unfit) == self.count:
            raise RuntimeError(f"no worker starts: worker {dead.number}, {self.unfit[str(dead.number)]}")

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any] | None:
        """Call a function on a free worker; return None if no worker is free."""
        for worker in [worker for worker in self._workers.values() if worker.is_free]:
            try:
                worker.running = worker.pool.submit(function, *arguments)
                return worker.running
            except BrokenExecutor:  # it died while it was idle
                self._restart(worker)
        return None

    def train(self, *arguments: Any) -> Future[Any] | None:
        """Call `tasks.train` on a free worker; return None if no worker is free."""
        return self.submit(tasks.train, *arguments)

    def answer(self, future: Future[Any]) -> dict[str, Any]:
        """Return what `tasks.train` answered; raise its error, or WorkerDied."""
        try:
            return future.result()
        except BrokenExecutor as error:
            raise WorkerDied(_death(error)) from None

    def stop(self) -> None:
        """Ask the trainings of all workers to stop after their current update, with checkpoints."""
        for worker in self._workers.values():
            with suppress(OSError):  # it is dead
                worker.requests.send_bytes(b"stop")


def _death(error: BaseException | None) -> str:
    """Return how a process died, such as "SIGKILL(-9)"."""
    match = re.search(r"exit codes of the workers are \{(.*)\}", str(error))
    return (match and match[1]) or "its process ended"  # loky does not always wait until it knows how


def _refusal(error: OSError, workers: int) -> str:
    """Return why the system refuses to start a process of a worker, and what to do."""
    if error.errno == errno.EMFILE:
        import resource  # on Unix alone

        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        few = f"a process may open only {limit} files (ulimit -n), too few for {counted(workers, 'worker')}"
        return f"{few}: raise this limit{', or use fewer workers' * (workers > 1)}"
    if error.filename is None and error.errno in _NO_SEMAPHORES:
        return (
            f"/dev/shm: {in_words(error)}: the processes share semaphores there, so this folder must be writable; in "
            "Docker, --tmpfs /dev/shm makes it so"
        )
    return in_words(error)


def _block_interrupts() -> None:
    """Let processes that this thread starts ignore Ctrl-C at first: a terminal sends it to all processes."""
    if hasattr(signal, "pthread_sigmask"):
        resource_tracker.ensure_running()  # if loky started that of Python 3.11, it would lift the block
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def _begin(requests: Connection, token: str) -> None:
    """Prepare a worker's process: ignore Ctrl-C, which the client handles, and listen to the client."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_listen, args=[requests, token], daemon=True).start()


def _listen(requests: Connection, token: str) -> None:
    """Pass on the client's requests; exit when the client has ended, even if it was killed."""
    with suppress(EOFError, OSError):
        while True:
            requests.recv_bytes()
            tasks.stop(token)
    os._exit(0)


def _ready(models: Sequence[str]) -> int:
    tasks.prepare(models)
    return os.getpid()
