"""Runs: trainings that are saved on disk and can be resumed.

The folder runs/NAME/ holds:

    config.json      the format, the settings, the checksums of the files that they name, the versions of the libraries
    metrics.jsonl    a line of JSON for each epoch
    model.npz        the model to use: the last one, or with early stopping the best one on dev
    checkpoint.npz   the state to resume from: parameters and progress in one file
    .lock            is locked by the process that trains the run

A run may be killed at any moment: every file but metrics.jsonl is replaced atomically, and lines of metrics.jsonl after
the epoch of the checkpoint are ignored.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from secrets import token_hex
from typing import Any

import numpy as np
import scipy

import lxmls_rnn
from lxmls_rnn import paths
from lxmls_rnn.deep_learning import model_file
from lxmls_rnn.deep_learning.events import Metrics
from lxmls_rnn.deep_learning.models import numpy_class
from lxmls_rnn.deep_learning.parameters import Model
from lxmls_rnn.deep_learning.training import BatchDone, EpochDone, Event, Progress, Started, Stopped
from lxmls_rnn.device import GpuLost
from lxmls_rnn.experiment import Experiment, Found, Settings, TrainAndDev, find, prepare
from lxmls_rnn.runs.folder import RUN, Damaged, clear, model_of, new_folder, open_all, read_config, read_metrics
from lxmls_rnn.storage import records
from lxmls_rnn.storage.files import LOCK_FILE, append, locked, make_atomically, naming, write_atomically
from lxmls_rnn.storage.messages import in_words
from lxmls_rnn.tagger import Tagger

CHECKPOINT = "checkpoint.npz"


class Run:
    """The folder of one run, made by `create` or opened by `open`.

    `diverged` is the message if its last training diverged (NaN or infinity), else None. `corpus` and `found` are the
    results of `read_corpus` and `find` for the next training, if the caller has them already.
    """

    def __init__(self, folder: Path, settings: Settings, diverged: str | None = None) -> None:
        self.folder, self.settings, self.diverged = folder, settings, diverged
        self.corpus: TrainAndDev | None = None
        self.found: Found | None = None
        self._prepared: Experiment | None = None

    @classmethod
    def create(
        cls,
        name: str,
        settings: Settings | Found,
        root: str | os.PathLike[str] | None = None,
        corpus: TrainAndDev | None = None,
    ) -> Run:
        """Prepare a training and make the folder of its run in `root`, by default `paths.runs()`.

        `corpus` is the result of `read_corpus`, if the caller has it. Raise FileExistsError if the name is taken,
        ValueError if it is invalid, and the errors of `prepare`; then no folder is made.
        """
        folder = new_folder(name, paths.runs(root))
        found = find(settings)
        checksums = found.checksums  # before the files are read
        prepared = prepare(found, corpus)
        run = cls(folder, replace(found.settings, dtype=prepared.tagger.model.dtype))
        run.corpus, run.found, run._prepared = corpus, found, prepared
        if folder.is_dir():
            # a run that has been made meanwhile stays
            with locked(folder, lambda: new_folder(name, folder.parent), for_all_machines=True):
                new_folder(name, folder.parent)
                clear(folder)
                (folder / LOCK_FILE).unlink(missing_ok=True)  # else the new folder could not take its place
        try:
            make_atomically(folder, lambda new: run._write_config(checksums, new))
        except FileExistsError:
            new_folder(name, folder.parent)
            raise
        return run

    @classmethod
    def open(cls, name: str, root: str | os.PathLike[str] | None = None) -> Run:
        """Open the folder of a run in `root`, by default `paths.runs()`.

        Raise FileNotFoundError if no run has that name, ValueError if its config.json is damaged, OSError if it cannot
        be read.
        """
        folder = paths.runs(root) / name
        config = read_config(folder)
        return cls(folder, config.settings, config.diverged)

    def fit(
        self, epochs: int | None = None, checkpoint_every: float = 60.0, is_wanted: Callable[[], bool] = lambda: True
    ) -> Generator[Event, None, None]:
        """Train, from the checkpoint if there is one, and save metrics, models and checkpoints meanwhile.

        Closing the generator stops after the batch that it yielded last, with a checkpoint there.

        Parameters
        ----------
        epochs
            Total number of epochs, which replaces the one in the settings.
            May not be less than the run has done.
        checkpoint_every
            Seconds from one checkpoint to the next within an epoch.
        is_wanted
            Asked after each update and before each write; False ends the training, without a checkpoint.

        Yields
        ------
        Event
            Those of `Trainer.fit`.

        Raises
        ------
        RuntimeError
            Another process trains this run.
        GpuLost
            The GPU failed and cannot be used any more: the message says from where the run can be resumed.
        FileNotFoundError, ValueError
            A file that the settings name is missing, or has changed since the run began.
        FloatingPointError
            The model diverged; this is recorded in the run until it is trained again.
        OSError
            A file of the run cannot be read or written; the message names it.
        """
        with locked(self.folder, self._busy, for_all_machines=True):
            found, self.found = self.found or find(self.settings), None  # files may change before the next training
            checksums = found.checksums
            config = read_config(self.folder)
            for file in {**config.checksums, **checksums}:
                if config.checksums.get(file) != checksums.get(file):
                    raise ValueError(f"{file} has changed since the run {self.folder.name} began: it cannot be resumed")
            experiment = self._prepared or prepare(found, self.corpus)
            self._prepared = None  # its model is trained from here on
            tagger = experiment.tagger
            if not is_wanted():  # to prepare may have taken a minute
                return
            progress, best = self._restore(tagger.model)
            self._saved_progress = progress  # that of the checkpoint on disk
            if epochs is not None and epochs < progress.epoch:
                raise ValueError(f"epochs must be at least {progress.epoch}, which the run has done; got {epochs}")
            if self.diverged or (epochs is not None and epochs != self.settings.trainer.epochs):
                epochs = epochs or self.settings.trainer.epochs
                self.settings = replace(self.settings, trainer=replace(self.settings.trainer, epochs=epochs))
                self.diverged = None
                self._write_config(checksums, self.folder)
            trainer = self.settings.trainer
            trainer = replace(trainer, seed=self.settings.seed if trainer.seed is None else trainer.seed)
            events = trainer.fit(tagger.model, experiment.train, experiment.dev, progress, best)
            try:
                yield from self._saving(events, tagger, checkpoint_every, is_wanted)
            except GpuLost as lost:
                raise GpuLost(lost.name, self._resume_point()) from lost
            except FloatingPointError as error:
                self.diverged = str(error)
                if is_wanted():
                    self._write_config(checksums, self.folder)
                raise

    def _resume_point(self) -> str:
        """Return a sentence that says at which batch and epoch the last checkpoint was saved."""
        p, name = self._saved_progress, self.folder.name
        if p == Progress():
            return f"The run {name} had no checkpoint yet and starts from the beginning when it is resumed."
        where = f"batch {p.batch} of epoch {p.epoch + 1}" if p.batch else f"epoch {p.epoch}"
        return f"The run {name} has a checkpoint after {where} and continues from there when it is resumed."

    def _saving(
        self, events: Iterator[Event], tagger: Tagger, checkpoint_every: float, is_wanted: Callable[[], bool]
    ) -> Iterator[Event]:
        """Yield the events, and save metrics, models and checkpoints after the events that need it."""
        patience = self.settings.trainer.patience
        saved = time.monotonic()

        def save(file: str, **header: Any) -> None:
            if is_wanted():
                tagger.save(self.folder / file, **header)

        def checkpoint() -> None:
            nonlocal saved
            save(CHECKPOINT, progress=event.progress._asdict())
            saved, self._saved_progress = time.monotonic(), event.progress

        try:
            for event in events:
                if not is_wanted():
                    return
                if isinstance(event, EpochDone):
                    append(self.folder / "metrics.jsonl", (json.dumps(asdict(event.metrics())) + "\n").encode())
                    if event.is_best:
                        save("model.npz", epoch=event.epoch)
                    checkpoint()
                elif isinstance(event, BatchDone) and time.monotonic() - saved > checkpoint_every:
                    checkpoint()
                yield event
        except GeneratorExit:
            # with early stopping, the trainer restores the best parameters before it yields Stopped
            if not isinstance(event, (Started, Stopped)):
                checkpoint()
                if patience is None or not (self.folder / "model.npz").exists():
                    at = {"epoch": event.epoch} if isinstance(event, EpochDone) else {}  # else it has no metrics
                    save("model.npz", **at)
            raise

    def remove(self) -> None:
        """Delete the run from the disk; if the process is killed meanwhile, the run is either complete or gone.

        Raise RuntimeError if it is being trained, and OSError, which names it, if it cannot be deleted.
        """
        with locked(self.folder, self._busy, for_all_machines=True), naming(self.folder):
            doomed = self.folder.with_name(f".{self.folder.name[:100]}.{token_hex(4)}.tmp")
            os.rename(self.folder, doomed)
            shutil.rmtree(doomed)

    def metrics(self) -> list[Metrics]:
        """Return the metrics of the run, one entry per epoch; errors as `read_metrics`."""
        return read_metrics(self.folder)

    def load(self) -> tuple[Tagger, Metrics | None]:
        """Return the run's tagger, as a NumPy model, which needs no compiling, and the metrics of its epoch.

        The metrics are None if the model was saved in the middle of an epoch. Errors as in `Tagger.load`, and
        FileNotFoundError if the run has no model yet.
        """
        tagger = Tagger.load(model_of(self.folder), numpy_class(self.settings.model))
        epoch = tagger.header.get("epoch")
        return tagger, next((row for row in self.metrics() if row.epoch == epoch), None)

    def _restore(self, model: Model) -> tuple[Progress, dict[str, np.ndarray] | None]:
        """Load the checkpoint into `model`, drop later lines of metrics.jsonl and delete leftover temporary files."""
        clear(self.folder)
        path = self.folder / CHECKPOINT
        progress, best, rows = Progress(), None, list[Metrics]()
        if os.path.lexists(path):
            try:
                saved, header = model_file.load(path, type(model))
                progress = check_progress(path, header)
                if progress.best_accuracy >= 0:
                    best = model_file.load(self.folder / "model.npz", type(model)).model.get_values()
                rows = [row for row in self.metrics() if row.epoch <= progress.epoch]
                if progress.epoch > (rows[-1].epoch if rows else 0):
                    raise ValueError(f"{self.folder / 'metrics.jsonl'} lacks epoch {progress.epoch} of the checkpoint")
            except (ValueError, FileNotFoundError) as error:
                raise ValueError(
                    f"{error}; delete {path} to start the run from the beginning when it is resumed"
                ) from error
            model.set_values(saved.get_values())
        write_atomically(self.folder / "metrics.jsonl", "".join(json.dumps(asdict(row)) + "\n" for row in rows))
        return progress, best

    def _write_config(self, checksums: dict[str, str], folder: Path) -> None:
        config: dict[str, Any] = {
            **RUN._asdict(),
            "settings": self.settings.to_dict(),
            "checksums": checksums,
            "versions": {
                "lxmls_rnn": lxmls_rnn.__version__,
                "python": platform.python_version(),
                "numpy": np.__version__,
                "scipy": scipy.__version__,
            },
        }
        if self.diverged:
            config["diverged"] = self.diverged
        write_atomically(folder / "config.json", json.dumps(config, indent=2, ensure_ascii=False) + "\n")

    def _busy(self) -> None:
        raise RuntimeError(f"another process trains the run {self.folder}")


def check_progress(path: Path, header: dict[str, Any]) -> Progress:
    """Return the training progress in the header of a checkpoint; raise ValueError if it is missing or invalid."""
    try:
        return records.check(Progress, header.get("progress"), "progress")
    except ValueError as error:
        raise ValueError(f"{path} is not a valid checkpoint: {error}") from None


def find_runs(root: str | os.PathLike[str] | None = None) -> tuple[list[Run], list[Damaged]]:
    """Return the runs in a folder, by default `paths.runs()`, sorted by name, and the damaged ones with the reason.

    A run is damaged if its config or metrics cannot be read or are invalid. If the folder itself cannot be listed, it
    is the only damaged entry.
    """

    def opened(name: str) -> Run:
        run = Run.open(name, root)
        run.metrics()
        return run

    folder = paths.runs(root)
    try:
        return open_all("config.json", folder, opened)
    except OSError as error:
        return [], [Damaged(folder.name, in_words(error))]
