"""A worker's part of a sweep: import and compile, then train one run, from its checkpoint if it has one."""

from __future__ import annotations

import hashlib
import threading
import time
import warnings
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

import lxmls_rnn
from lxmls_rnn import paths
from lxmls_rnn.deep_learning.rnn import model_class
from lxmls_rnn.deep_learning.training import Stopped
from lxmls_rnn.experiment import Corpus, Settings, checksum, read_corpus
from lxmls_rnn.runs import Run
from lxmls_rnn.runs.folder import Config, Metrics
from lxmls_rnn.storage import records
from lxmls_rnn.storage.files import in_words, locked
from lxmls_rnn.sweep.owner import CHECK_SECONDS, Claim, ClaimLost, is_owner

KILLED_OWNER_SECONDS = 2.0  # seconds that a run may still be held by a process that is being killed
LIVE_OWNER_SECONDS = 120.0  # by one that has lost the run, and may be compiling before it looks

_asked: dict[str, str] = {}  # "stop" or "pause", by the token of who asked
_changed = threading.Condition()


@dataclass(frozen=True)
class Client:
    """Whose trainings these are, and what a worker must have to do them.

    Attributes
    ----------
    token
        Of the client's claim on the folder of the sweep.
    folder
        Of the sweep, below the worker's `paths.runs()` unless it is an absolute path.
    version
        Of the package, see `version`.
    checksums
        Of the files that the settings name.
    """

    token: str
    folder: str
    version: str
    checksums: dict[str, str]

    @property
    def path(self) -> Path:
        """Where the sweep is on this machine."""
        return paths.runs() / self.folder


def prepare() -> None:
    """Do before the first training what it would wait for."""
    records.prepare(Settings, Config, Metrics)


@cache
def version() -> str:
    """Return the version of the package and the beginning of a checksum of its code."""
    folder = Path(lxmls_rnn.__file__).parent
    code = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts:
            code.update(f"{file.relative_to(folder)}".encode() + file.read_bytes())
    return f"{lxmls_rnn.__version__} ({code.hexdigest()[:10]})"


def reason_unfit(client: Client) -> str:
    """Say in what this worker reason_unfit from a client, so that it must not train for it; nothing where it may."""
    try:
        return _difference(client)
    except OSError as error:
        return in_words(error)


def _difference(client: Client) -> str:
    if version() != client.version:
        return f"its lxmls-rnn is {version()}, and the client's {client.version}"
    if not is_owner(client.path, client.token):
        return f"its folder of runs, {paths.runs().resolve()}, is not the client's"
    for file, expected in client.checksums.items():
        path = paths.located(file)
        if not path.is_file():
            return f"it has no file {path if path.is_absolute() else paths.data().resolve() / file}"
        if checksum(path) != expected:
            return f"its file {path.resolve()} is not the client's {file}"
    return ""


def ask(token: str, what: str) -> None:
    """Let the trainings of a client "stop", "pause" or "go on" after the present update; called from outside."""
    with _changed:
        if _asked.get(token) != "stop":
            _asked[token] = what
        _changed.notify_all()


def train(name: str, settings: dict[str, Any], client: Client, epochs: int, checkpoint_every: float) -> dict[str, Any]:
    """Train a run up to a number of epochs, or what is left of it: it may be called again after any end.

    Parameters
    ----------
    name, settings
        Of the run; it is made where it is not there.
    client
        Whose sweep it belongs to.
    epochs, checkpoint_every
        As `Run.fit`.

    Returns
    -------
    dict
        "state": "done", "stopped", "diverged", "failed", "lost" to another worker, or "unfit" to train for this client;
        "why", a sentence for those that are not done; "seconds".
    """
    begin = time.monotonic()
    state, why = "done", ""
    try:
        if why := reason_unfit(client):
            state = "unfit"
        else:
            # who made the sweep has seen the warnings; for good, as another thread's `catch_warnings` may end meanwhile
            warnings.filterwarnings("ignore", category=UserWarning, module=r"lxmls_rnn\.")
            with np.errstate(all="ignore"):
                state = _train(name, Settings.from_dict(settings), client, epochs, checkpoint_every)
    except FloatingPointError as error:
        state, why = "diverged", str(error)
    except ClaimLost as error:
        state, why = "lost", str(error)
    except Exception as error:  # whatever it is, it is this training's, and the others go on
        named = isinstance(error, ValueError | OSError | MemoryError)
        state, why = "failed", in_words(error) if named else f"{type(error).__name__}: {error}"
    return {"state": state, "why": why, "seconds": time.monotonic() - begin}


def _train(name: str, settings: Settings, client: Client, epochs: int, checkpoint_every: float) -> str:
    if _asked.get(client.token) == "stop":
        return "stopped"
    claim = Claim(client.path / name)
    run = _open_or_create(name, settings, client)
    _wait_until_free(run.folder, LIVE_OWNER_SECONDS if claim.takes_over else KILLED_OWNER_SECONDS)
    events = run.fit(epochs, checkpoint_every, claim.check)
    try:
        for event in events:
            claim.check_if_due()
            with _changed:
                while _asked.get(client.token) == "pause":
                    _changed.wait(CHECK_SECONDS)
                    claim.check_if_due()
            if _asked.get(client.token) == "stop" and not isinstance(event, Stopped):
                return "stopped"
    finally:
        events.close()
        claim.release()
    return "done"


def _open_or_create(name: str, settings: Settings, client: Client) -> Run:
    corpus = _corpus(settings.of_corpus, tuple(client.checksums.items()))
    checksums = {file: client.checksums[file] for file in settings.files().values()}  # `reason_unfit` has compared them
    with suppress(FileExistsError):
        return Run.create(name, settings, client.path, corpus, checksums)
    run = Run.open(name, client.path)
    run.corpus, run.checksums = corpus, checksums
    wanted = replace(settings, dtype=settings.dtype or run.settings.dtype)
    if comparable(run.settings) != comparable(wanted):
        raise ValueError(f"the run {run.folder} has other settings than the sweep")
    return run


@lru_cache(maxsize=1)
def _corpus(settings: Settings, _checksums: tuple[tuple[str, str], ...]) -> Corpus:
    """Read a corpus once for the trainings on it that this worker does one after the other."""
    return read_corpus(settings)


def comparable(settings: Settings) -> Settings:
    """Return settings without the number of epochs, which grows."""
    return replace(settings, trainer=replace(settings.trainer, epochs=1))


def _wait_until_free(folder: Path, patience: float) -> None:
    """Wait for a process that is about to let go of the run; `Run.fit` says it if one goes on."""

    def busy() -> None:
        raise BlockingIOError

    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        with suppress(BlockingIOError), locked(folder, busy):
            return
        time.sleep(0.1)


@dataclass
class _Sentence:
    x: np.ndarray
    y: np.ndarray


def kind(settings: Settings) -> tuple[Any, ...]:
    """Return what decides which code Theano compiles for a training; sizes do not."""
    trainer = settings.trainer
    how = trainer.batch_size > 1, trainer.clip_bound is not None, trainer.freeze_embeddings
    return (settings.model, settings.activation, settings.peepholes, settings.dtype, *how)


def warm(settings: dict[str, Any]) -> None:
    """Compile what a training of this kind compiles, so that Theano's cache has it for all workers."""
    s = Settings.from_dict(settings)
    model = model_class(s.model)(5, 4, 3, 3, **s.model_options())
    sentences: Any = [
        _Sentence(np.array(x, "int32"), np.array(y, "int32")) for x, y in (((1, 2), (0, 1)), ((4, 1), (2, 0)))
    ]
    for _ in replace(s.trainer, epochs=1, batch_size=min(s.trainer.batch_size, 2)).fit(model, sentences, sentences):
        pass
