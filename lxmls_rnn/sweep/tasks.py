"""Functions that a worker runs for a sweep: check, compile, and train or resume one run."""

from __future__ import annotations

import hashlib
import time
import warnings
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

import lxmls_rnn
from lxmls_rnn import paths
from lxmls_rnn.deep_learning.models import model_class
from lxmls_rnn.deep_learning.training import Stopped
from lxmls_rnn.experiment import Settings, TrainAndDev, find, read_corpus
from lxmls_rnn.readers.tags import AUTO
from lxmls_rnn.runs import Run
from lxmls_rnn.runs.folder import Config, Metrics
from lxmls_rnn.storage import records
from lxmls_rnn.storage.files import digest, locked
from lxmls_rnn.storage.messages import in_words

LOCK_SECONDS = 2.0  # to wait for a killed process to unlock a run

_stopped: set[str] = set()  # the tokens of clients that have asked their trainings to stop


class WorkerDied(Exception):
    """A worker's process ended during a training; the message says how, such as "SIGKILL(-9)"."""


@dataclass(frozen=True)
class Identity:
    """Identity of the client that runs a sweep, and of what its workers must have in common with it.

    Attributes
    ----------
    token
        A random text, by which the client asks its trainings to stop.
    folder
        The folder of the sweep, relative to the worker's `paths.runs()`, or absolute.
    version
        The version of the package, see `version`.
    checksums
        The checksums of the files that the settings name.
    """

    token: str
    folder: str
    version: str
    checksums: dict[str, str]

    @property
    def path(self) -> Path:
        """The folder of the sweep on this machine."""
        return paths.runs() / self.folder


def prepare(models: Iterable[str] = ()) -> None:
    """Import and build in advance what the first training needs, also the classes and frameworks of these models."""
    records.prepare(Settings, Config, Metrics)
    version()
    for name in models:
        with suppress(Exception):  # it occurs in the trainings again and is reported there
            model_class(name)


@cache
def version() -> str:
    """Return the version of the package with the first digits of a checksum of its code."""
    folder = Path(lxmls_rnn.__file__).parent
    code = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts:
            code.update(f"{file.relative_to(folder)}".encode() + file.read_bytes())
    return f"{lxmls_rnn.__version__} ({code.hexdigest()[:10]})"


def reason_unfit(identity: Identity) -> str:
    """Return why this worker is unfit to train for a client, or "" if it is fit."""
    try:
        if version() != identity.version:
            return f"its lxmls-rnn is {version()}, and the client's {identity.version}"
        for file, expected in identity.checksums.items():
            path = paths.located(file)
            if not path.is_file():
                return f"it has no file {path if path.is_absolute() else paths.data().resolve() / file}"
            if digest(path) != expected:
                return f"its file {path.resolve()} is not the client's {file}"
        return ""
    except OSError as error:
        return in_words(error)


def stop(token: str) -> None:
    """Ask the trainings of a client on this worker to stop after their current update, with checkpoints."""
    _stopped.add(token)


def train(
    name: str,
    settings: dict[str, Any],
    identity: Identity,
    is_wanted: Callable[[], bool] = lambda: True,
    lock_seconds: float = LOCK_SECONDS,
) -> dict[str, Any]:
    """Train a run, or resume it; may be called again after any interruption.

    Parameters
    ----------
    name, settings
        Name and settings of the run; it is made if it does not exist.
    identity
        That of the client that runs the sweep.
    is_wanted
        As `Run.fit`.
    lock_seconds
        How long to wait for another process to unlock the run.

    Returns
    -------
    dict
        "state": "done", "stopped" (asked to, or no longer wanted), "diverged" or "failed"; "why": a sentence, empty if
        done or stopped; "seconds": the time taken.
    """
    begin = time.monotonic()
    state, why = "done", ""
    try:
        # the client has shown the warnings; not in a `catch_warnings`, which is unsafe with several threads
        warnings.filterwarnings("ignore", category=UserWarning, module=r"lxmls_rnn\.")
        with np.errstate(all="ignore"):
            state = _train(name, Settings.from_dict(settings), identity, is_wanted, lock_seconds)
    except FloatingPointError as error:
        state, why = "diverged", str(error)
    except Exception as error:  # any error ends only this training, not the others
        is_clear = isinstance(error, ValueError | OSError | MemoryError)
        state, why = "failed", in_words(error) if is_clear else f"{type(error).__name__}: {error}"
    return {"state": state, "why": why, "seconds": time.monotonic() - begin}


def _train(
    name: str, settings: Settings, identity: Identity, is_wanted: Callable[[], bool], lock_seconds: float
) -> str:
    if why := reason_unfit(identity):  # a file has changed since the worker was asked, or the sweep began
        raise ValueError(f"its worker does not fit: {why}")

    def goes_on() -> bool:
        return identity.token not in _stopped and is_wanted()

    state = "stopped"
    if not goes_on():
        return state
    run = _open_or_create(name, settings, identity)
    _wait_until_free(run.folder, lock_seconds, goes_on)
    with closing(run.fit(settings.trainer.epochs, is_wanted=is_wanted)) as events:
        for event in events:
            if isinstance(event, Stopped):
                state = "done"
            elif not goes_on():
                break
    return state


def _open_or_create(name: str, settings: Settings, identity: Identity) -> Run:
    corpus = _corpus(settings.of_corpus, tuple(identity.checksums.items()))
    known = identity.checksums  # which `reason_unfit` has compared
    with suppress(FileExistsError):
        return Run.create(name, find(settings, known), identity.path, corpus)
    run = Run.open(name, identity.path)
    # a run has what was chosen when it began; its number of epochs may be raised later
    left_open = [setting for setting in ("dtype", "tags", "tag_map") if getattr(settings, setting) in (None, AUTO)]
    own = {setting: getattr(run.settings, setting) for setting in left_open}
    if run.settings != settings.changed(epochs=run.settings.trainer.epochs, **own):
        raise ValueError(f"the run {run.folder} has other settings than the sweep")
    run.corpus, run.found = corpus, find(run.settings, known)
    return run


@lru_cache(maxsize=1)
def _corpus(settings: Settings, _checksums: tuple[tuple[str, str], ...]) -> TrainAndDev:
    """Read a corpus once for successive trainings of this worker."""
    return read_corpus(settings)


def _wait_until_free(folder: Path, seconds: float, goes_on: Callable[[], bool]) -> None:
    """Wait until other processes have unlocked the run; if one keeps it locked, `Run.fit` raises the error."""
    deadline = time.monotonic() + seconds
    while is_locked(folder) and time.monotonic() < deadline and goes_on():
        time.sleep(0.1)


def is_locked(folder: Path) -> bool:
    """Whether another process has locked the folder of a run or a sweep."""

    def busy() -> None:
        raise BlockingIOError

    try:
        with locked(folder, busy, for_all_machines=True):
            return False
    except BlockingIOError:
        return True


def kind(settings: Settings) -> tuple[object, ...]:
    """Return the settings on which the code that Theano compiles depends; sizes are not among them."""
    trainer = settings.trainer
    how = trainer.batch_size > 1, trainer.descent.clip is not None, trainer.freeze_embeddings
    return (settings.model, settings.activation, settings.peepholes, settings.dtype, *how)


def warm(settings: dict[str, Any]) -> None:
    """Compile the code for trainings of this kind into Theano's cache, which all workers share."""
    s = Settings.from_dict(settings)
    model = model_class(s.model)(5, 4, 3, 3, **s.model_options())
    x, y = np.array([1, 2], "int32"), np.array([0, 1], "int32")
    sentences: Any = [SimpleNamespace(x=x, y=y)] * 2
    for _ in replace(s.trainer, epochs=1, batch_size=min(s.trainer.batch_size, 2)).fit(model, sentences, sentences):
        pass
