"""What a worker of a sweep does: train one run, from its checkpoint if it has one; compile a kind of model once."""

from __future__ import annotations

import signal
import threading
import time
import warnings
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from lxmls_rnn.deep_learning.rnn import model_class
from lxmls_rnn.deep_learning.training import Stopped
from lxmls_rnn.experiment import Settings
from lxmls_rnn.files import in_words, locked
from lxmls_rnn.runs import Run

PATIENCE = 2.0  # seconds that a run may still be held by a worker that is being killed

_stop, _go = threading.Event(), threading.Event()  # asked for in this process
_go.set()


def dask_setup(_: Any) -> None:
    """Leave Ctrl-C to who started the workers, and stops them with checkpoints; Dask calls this when one begins."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def stop() -> None:
    """Let the training of this worker end after the present update, with a checkpoint; called from outside."""
    _stop.set()
    _go.set()


def pause(paused: bool) -> None:
    """Let the training of this worker wait after the present update, or go on; called from outside."""
    if paused and not _stop.is_set():
        _go.clear()
    else:
        _go.set()


def train(name: str, settings: dict[str, Any], root: str, epochs: int, checkpoint_every: float) -> dict[str, Any]:
    """Train a run up to a number of epochs, or what is left of it: it may be called again after any end.

    Parameters
    ----------
    name, settings, root
        Of the run; it is made where it is not there.
    epochs, checkpoint_every
        As `Run.fit`.

    Returns
    -------
    dict
        "state": "done", "stopped", "diverged" or "failed"; "why", a sentence for the last two; "seconds".
    """
    begin = time.monotonic()
    state, why = "done", ""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):  # who made the sweep has seen the warnings
            warnings.simplefilter("ignore", UserWarning)
            state = _train(name, Settings.from_dict(settings), Path(root), epochs, checkpoint_every)
    except FloatingPointError as error:
        state, why = "diverged", str(error)
    except Exception as error:  # whatever it is, it is this training's, and the others go on
        named = isinstance(error, ValueError | OSError | MemoryError)
        state, why = "failed", in_words(error) if named else f"{type(error).__name__}: {error}"
    return {"state": state, "why": why, "seconds": time.monotonic() - begin}


def _train(name: str, settings: Settings, root: Path, epochs: int, checkpoint_every: float) -> str:
    if _stop.is_set():
        return "stopped"
    run = _open_or_create(name, settings, root)
    _wait_until_free(run.folder)
    events = run.fit(epochs, checkpoint_every)
    try:
        for event in events:
            _go.wait()
            if _stop.is_set() and not isinstance(event, Stopped):
                return "stopped"
    finally:
        events.close()
    return "done"


def _open_or_create(name: str, settings: Settings, root: Path) -> Run:
    try:
        run = Run.open(name, root)
    except FileNotFoundError:
        return Run.create(name, settings, root)
    same = replace(run.settings, dtype=settings.dtype or run.settings.dtype)
    if comparable(same) != comparable(replace(settings, dtype=same.dtype)):
        raise ValueError(f"the run {run.folder} has other settings than the sweep")
    return run


def comparable(settings: Settings) -> Settings:
    """Return settings without the number of epochs, which grows."""
    return replace(settings, trainer=replace(settings.trainer, epochs=1))


def _wait_until_free(folder: Path) -> None:
    """Wait a moment for a process that is about to end and holds the run; `Run.fit` says it if one goes on."""

    def busy() -> None:
        raise BlockingIOError

    deadline = time.monotonic() + PATIENCE
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
    how = trainer.batch_size > 1, trainer.clip is not None, trainer.freeze_embeddings
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
