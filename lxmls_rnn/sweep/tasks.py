"""Functions that a worker runs for a sweep: check, compile, and train or resume one run."""

from __future__ import annotations

import hashlib
import threading
import time
import warnings
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

import lxmls_rnn
from lxmls_rnn import paths
from lxmls_rnn.datasets.download import digest
from lxmls_rnn.deep_learning.models import model_class
from lxmls_rnn.deep_learning.training import Stopped
from lxmls_rnn.experiment import Corpus, Settings, read_corpus
from lxmls_rnn.readers.tags import AUTO
from lxmls_rnn.runs import Run
from lxmls_rnn.runs.folder import Config, Metrics
from lxmls_rnn.storage import records
from lxmls_rnn.storage.files import locked
from lxmls_rnn.storage.messages import in_words
from lxmls_rnn.sweep.owner import CHECK_SECONDS, Claim, ClaimLost, is_owner

KILLED_OWNER_SECONDS = 2.0  # to wait for a killed process to unlock the run
LIVE_OWNER_SECONDS = 120.0  # to wait for a live process that has lost the run; it may compile before it checks

_asked: dict[str, str] = {}  # "stop" or "pause", by the token of the client that asked
_changed = threading.Condition()


class WorkerDied(Exception):
    """A worker's process ended during a training; the message says how, such as "SIGKILL(-9)".

    If `is_final`, the training failed: it must not be submitted again.
    """

    def __init__(self, how: str, is_final: bool = False) -> None:
        super().__init__(how)
        self.is_final = is_final


@dataclass(frozen=True)
class Identity:
    """Identity of the client that runs a sweep, and of what its workers must have in common with it.

    Attributes
    ----------
    token
        The token of the client's claim on the folder of the sweep.
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
    """Import and build in advance what the first training needs, of these models and their frameworks too."""
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
        if not is_owner(identity.path, identity.token):
            return f"its folder of runs, {paths.runs().resolve()}, is not the client's"
        for file, expected in identity.checksums.items():
            path = paths.located(file)
            if not path.is_file():
                return f"it has no file {path if path.is_absolute() else paths.data().resolve() / file}"
            if digest(path) != expected:
                return f"its file {path.resolve()} is not the client's {file}"
        return ""
    except OSError as error:
        return in_words(error)


def ask(token: str, request: str) -> None:
    """Ask the trainings of a client on this worker to "stop", "pause" or "resume" after their current update."""
    with _changed:
        if _asked.get(token) != "stop":
            _asked[token] = request
        _changed.notify_all()


def train(name: str, settings: dict[str, Any], identity: Identity, epochs: int) -> dict[str, Any]:
    """Train a run up to a number of epochs, or resume it; may be called again after any interruption.

    Parameters
    ----------
    name, settings
        Name and settings of the run; it is made if it does not exist.
    identity
        That of the client that runs the sweep.
    epochs
        As `Run.fit`.

    Returns
    -------
    dict
        "state": "done", "stopped", "diverged", "failed", "lost" (another worker claimed the run) or "unfit" (for this
        client); "why": a sentence, empty if done or stopped; "seconds": the time taken.
    """
    begin = time.monotonic()
    state, why = "done", ""
    try:
        if why := reason_unfit(identity):
            state = "unfit"
        else:
            # the client has shown the warnings; not in a `catch_warnings`, which is unsafe with several threads
            warnings.filterwarnings("ignore", category=UserWarning, module=r"lxmls_rnn\.")
            with np.errstate(all="ignore"):
                state = _train(name, Settings.from_dict(settings), identity, epochs)
    except FloatingPointError as error:
        state, why = "diverged", str(error)
    except ClaimLost as error:
        state, why = "lost", str(error)
    except Exception as error:  # any error ends only this training, not the others
        is_clear = isinstance(error, ValueError | OSError | MemoryError)
        state, why = "failed", in_words(error) if is_clear else f"{type(error).__name__}: {error}"
    return {"state": state, "why": why, "seconds": time.monotonic() - begin}


def _train(name: str, settings: Settings, identity: Identity, epochs: int) -> str:
    if _asked.get(identity.token) == "stop":
        return "stopped"
    claim = Claim(identity.path / name)
    run = _open_or_create(name, settings, identity)
    _wait_until_free(run.folder, LIVE_OWNER_SECONDS if claim.takes_over else KILLED_OWNER_SECONDS)
    events = run.fit(epochs, may_write=claim.check)
    try:
        for event in events:
            claim.check_if_due()
            with _changed:
                while _asked.get(identity.token) == "pause":
                    _changed.wait(CHECK_SECONDS)
                    claim.check_if_due()
            if _asked.get(identity.token) == "stop" and not isinstance(event, Stopped):
                return "stopped"
    finally:
        events.close()
        claim.release()
    return "done"


def _open_or_create(name: str, settings: Settings, identity: Identity) -> Run:
    corpus = _corpus(settings.of_corpus, tuple(identity.checksums.items()))
    checksums = {file: identity.checksums[file] for file in settings.files().values()}  # compared by `reason_unfit`
    with suppress(FileExistsError):
        return Run.create(name, settings, identity.path, corpus, checksums)
    run = Run.open(name, identity.path)
    run.corpus, run.checksums = corpus, checksums
    # a run has what was chosen when it began; its number of epochs may be raised later
    left_open = [setting for setting in ("dtype", "tags", "tag_map") if getattr(settings, setting) in (None, AUTO)]
    own = {setting: getattr(run.settings, setting) for setting in left_open}
    if run.settings != settings.changed(epochs=run.settings.trainer.epochs, **own):
        raise ValueError(f"the run {run.folder} has other settings than the sweep")
    return run


@lru_cache(maxsize=1)
def _corpus(settings: Settings, _checksums: tuple[tuple[str, str], ...]) -> Corpus:
    """Read a corpus once for successive trainings of this worker."""
    return read_corpus(settings)


def _wait_until_free(folder: Path, patience: float) -> None:
    """Wait until other processes have unlocked the run; if one keeps it locked, `Run.fit` raises the error."""

    def busy() -> None:
        raise BlockingIOError

    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        with suppress(BlockingIOError), locked(folder, busy):
            return
        time.sleep(0.1)


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
