"""A training on disk: runs/NAME/ holds its settings, its figures and its model, and can be continued.

    config.json      the settings, the checksums of the files that they name, the versions of the libraries
    metrics.jsonl    a line of JSON for each epoch
    model.npz        the model to use: the last one, or with early stopping the best one on dev
    checkpoint.npz   where to go on: parameters and progress, together in one file

Every file but metrics.jsonl is replaced in one step, and of metrics.jsonl only the lines up to the checkpoint count, so
that a run may be killed at any moment.
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
from typing import Any, NamedTuple

import numpy as np
import scipy

import lxmls_rnn
from lxmls_rnn import paths
from lxmls_rnn.deep_learning import model_file
from lxmls_rnn.deep_learning.events import Metrics
from lxmls_rnn.deep_learning.interface import Model
from lxmls_rnn.deep_learning.rnn import numpy_class
from lxmls_rnn.deep_learning.training import BatchDone, EpochDone, Event, Progress, Started, Stopped
from lxmls_rnn.device import GpuLost
from lxmls_rnn.experiment import Corpus, Experiment, Settings, prepare
from lxmls_rnn.runs.folder import clear, folders_with, new_folder, read_config, read_metrics
from lxmls_rnn.storage import records
from lxmls_rnn.storage.files import append, in_words, locked, make_atomically, naming, write_atomically
from lxmls_rnn.tagger import Tagger

CHECKPOINT = "checkpoint.npz"


class Run:
    """One run's folder; made by `create` or opened by `open`.

    `diverged` says why, where its last training ended with numbers that are none; else it is None. `corpus` and
    `checksums` are what `read_corpus` and `Settings.checksums` return for the next training, where that is known.
    """

    def __init__(
        self,
        folder: Path,
        settings: Settings,
        diverged: str | None = None,
        corpus: Corpus | None = None,
        checksums: dict[str, str] | None = None,
    ) -> None:
        self.folder, self.settings, self.diverged = folder, settings, diverged
        self.corpus, self.checksums = corpus, checksums
        self._prepared: Experiment | None = None

    @classmethod
    def create(
        cls,
        name: str,
        settings: Settings,
        root: str | os.PathLike[str] | None = None,
        corpus: Corpus | None = None,
        checksums: dict[str, str] | None = None,
    ) -> Run:
        """Make the folder of a new run in `root`, by default `paths.runs()`, if its settings make an experiment.

        `corpus` and `checksums` are what `read_corpus` and `Settings.checksums` return, where that is known before.
        Errors as `new_folder` and `prepare`.
        """
        folder = new_folder(name, paths.runs(root))
        checksums = checksums or settings.checksums()
        prepared = prepare(settings, corpus)
        dtype = prepared.tagger.model.dtype
        run = cls(folder, replace(settings, dtype=dtype), corpus=corpus, checksums=checksums)
        run._prepared = prepared
        clear(folder)
        try:
            make_atomically(folder, lambda new: run._write_config(checksums, new))
        except FileExistsError:
            new_folder(name, folder.parent)
            raise
        return run

    @classmethod
    def open(cls, name: str, root: str | os.PathLike[str] | None = None) -> Run:
        """Open the folder of a run in `root`, by default `paths.runs()`.

        FileNotFoundError if there is none of that name, ValueError if its config.json is damaged, OSError if it cannot
        be read.
        """
        folder = paths.runs(root) / name
        config = read_config(folder)
        return cls(folder, config.settings, config.diverged)

    def fit(
        self, epochs: int | None = None, checkpoint_every: float = 60.0, may_write: Callable[[], None] = lambda: None
    ) -> Generator[Event, None, None]:
        """Train, from the checkpoint if there is one, and write the run on the way.

        Closing the generator stops after the batch that it gave last, with a checkpoint there.

        Parameters
        ----------
        epochs
            Train up to so many epochs instead of the number in the settings, which is changed.
            May not be less than the run has done.
        checkpoint_every
            Seconds from one checkpoint to the next within an epoch.
        may_write
            Called before anything is written; raises where the run is no longer this caller's.

        Yields
        ------
        Event
            Those of `Trainer.fit`.

        Raises
        ------
        RuntimeError
            Another process trains this run.
        GpuLost
            The GPU has failed for good: the message says where the run goes on when it is resumed.
        FileNotFoundError, ValueError
            A file that the settings name is gone, or has changed since the run began.
        FloatingPointError
            The model has diverged; the run says so from then on, until it is trained again.
        OSError
            What the run is kept in cannot be read or written; names it.
        """
        with locked(self.folder, self._busy):
            may_write()
            checksums, self.checksums = self.checksums or self.settings.checksums(), None
            config = read_config(self.folder)
            for file, checksum in checksums.items():
                if config.checksums.get(file) != checksum:
                    raise ValueError(f"{file} has changed since the run {self.folder.name} began: it cannot go on")
            experiment, self._prepared = self._prepared or prepare(self.settings, self.corpus), None
            tagger = experiment.tagger
            progress, best = self._restore(tagger.model)
            self._kept = progress  # of the checkpoint that is on disk
            if epochs is not None and epochs < progress.epoch:
                raise ValueError(f"epochs must be at least {progress.epoch}, which the run has done; got {epochs}")
            if self.diverged or (epochs is not None and epochs != self.settings.trainer.epochs):
                epochs = epochs or self.settings.trainer.epochs
                self.settings = replace(self.settings, trainer=replace(self.settings.trainer, epochs=epochs))
                self.diverged = None
                self._write_config(checksums, self.folder)
            trainer = self.settings.trainer
            events = trainer.fit(tagger.model, experiment.train, experiment.dev, progress, best)
            try:
                yield from self._saving(events, tagger, checkpoint_every, may_write)
            except GpuLost as lost:
                raise GpuLost(lost.name, self._goes_on()) from lost
            except FloatingPointError as error:
                may_write()
                self.diverged = str(error)
                self._write_config(checksums, self.folder)
                raise

    def _goes_on(self) -> str:
        """Say where the checkpoint stands; what was learnt since is lost with the device that it was on."""
        p, name = self._kept, self.folder.name
        if p == Progress():
            return f"The run {name} had no checkpoint yet and begins anew when it is resumed."
        where = f"batch {p.batch} of epoch {p.epoch + 1}" if p.batch else f"epoch {p.epoch}"
        return f"The run {name} is kept as it was after {where} and goes on from there when it is resumed."

    def _saving(
        self, events: Iterator[Event], tagger: Tagger, checkpoint_every: float, may_write: Callable[[], None]
    ) -> Iterator[Event]:
        """Pass the events on and write what they ask for."""
        patience = self.settings.trainer.patience
        saved = time.monotonic()

        def checkpoint() -> None:
            nonlocal saved
            may_write()
            tagger.save(self.folder / CHECKPOINT, progress=event.progress._asdict())
            saved, self._kept = time.monotonic(), event.progress

        try:
            for event in events:
                if isinstance(event, EpochDone):
                    may_write()
                    self._append_metrics(event)
                    if event.is_best:
                        tagger.save(self.folder / "model.npz", epoch=event.epoch)
                    checkpoint()
                elif isinstance(event, BatchDone) and time.monotonic() - saved > checkpoint_every:
                    checkpoint()
                yield event
        except GeneratorExit:
            # with early stopping the trainer has put the best parameters into the model when it says Stopped
            if not isinstance(event, (Started, Stopped)):
                checkpoint()
                if patience is None or not (self.folder / "model.npz").exists():
                    tagger.save(self.folder / "model.npz", epoch=event.progress.epoch)
            raise

    def remove(self) -> None:
        """Delete the run from the disk: whatever is killed when, there is all of it or nothing.

        RuntimeError if it is being trained, OSError, which names it, if it cannot be deleted.
        """
        with locked(self.folder, self._busy), naming(self.folder):
            doomed = self.folder.with_name(f".{self.folder.name[:100]}.{token_hex(4)}.tmp")
            os.rename(self.folder, doomed)
            shutil.rmtree(doomed)

    def metrics(self) -> list[Metrics]:
        """Return what `read_metrics` finds in the run's folder."""
        return read_metrics(self.folder)

    def load(self) -> tuple[Tagger, Metrics | None]:
        """Return the run's tagger as a NumPy model, which compiles nothing, and the metrics of the epoch that it is of.

        They are None where the model is of no whole epoch. Errors as in `Tagger.load`.
        """
        path = self.folder / "model.npz"
        if not path.exists():
            raise FileNotFoundError(f"the run {self.folder} has no model yet: it has one after its first epoch")
        tagger = Tagger.load(path, numpy_class(self.settings.model))
        epoch = tagger.header.get("epoch")
        return tagger, next((row for row in self.metrics() if row.epoch == epoch), None)

    def _restore(self, model: Model) -> tuple[Progress, dict[str, np.ndarray] | None]:
        """Put the checkpoint's parameters into `model`, cut the metrics to it, remove what a kill left half-written."""
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
                raise ValueError(f"{error}; delete {path}, and the run begins anew when it is resumed") from error
            model.set_values(saved.get_values())
        write_atomically(self.folder / "metrics.jsonl", "".join(json.dumps(asdict(row)) + "\n" for row in rows))
        return progress, best

    def _append_metrics(self, event: EpochDone) -> None:
        append(self.folder / "metrics.jsonl", (json.dumps(asdict(event.metrics())) + "\n").encode())

    def _write_config(self, checksums: dict[str, str], folder: Path) -> None:
        config: dict[str, Any] = {
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
    """Return how far the training of a checkpoint is, from the header of its file; ValueError if it does not say so."""
    try:
        progress = records.check(Progress, header.get("progress"), "progress")
        if min(progress.epoch, progress.batch) < 0:
            raise ValueError(
                f"progress: expected an epoch and a batch of at least 0, got {progress.epoch}, {progress.batch}"
            )
        return progress
    except ValueError as error:
        raise ValueError(f"{path} is no checkpoint: {error}") from None


class Damaged(NamedTuple):
    """A run that cannot be opened."""

    name: str
    why: str

    def __str__(self) -> str:
        return self.why


def find_runs(root: str | os.PathLike[str] | None = None) -> tuple[list[Run], list[Damaged]]:
    """Return the runs of a folder, by default `paths.runs()`, by name, and what is wrong with those that are damaged.

    Damaged is one whose config or metrics cannot be read, or are not what they should be; and the folder itself, if it
    cannot be listed.
    """
    found, damaged = list[Run](), list[Damaged]()
    folder = paths.runs(root)
    try:
        names = folders_with("config.json", folder)
    except OSError as error:
        return found, [Damaged(folder.name, in_words(error))]
    for name in names:
        try:
            run = Run.open(name, root)
            run.metrics()
            found.append(run)
        except FileNotFoundError:  # removed since the folder was listed
            continue
        except (ValueError, OSError, MemoryError) as error:
            damaged.append(Damaged(name, in_words(error)))
    return found, damaged
