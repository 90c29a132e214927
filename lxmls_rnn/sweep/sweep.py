"""Sweeps on disk, each in a folder with sweep.json and the runs of its trainings.

The folder runs/NAME/ holds:

sweep.json                      the settings, what is varied, the seeds, checksums, which trainings failed and why
.lock                           is locked by the process that trains the sweep
model=RNN,n_hidd=10,seed=1234/  a run, as `lxmls-rnn train` writes it
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from lxmls_rnn import paths
from lxmls_rnn.deep_learning.models import numpy_class
from lxmls_rnn.experiment import Settings, find, prepare
from lxmls_rnn.runs import Damaged
from lxmls_rnn.runs.folder import MAX_NAME_BYTES, new_folder, open_all
from lxmls_rnn.settings import short_text
from lxmls_rnn.storage import records
from lxmls_rnn.storage.files import locked, write_atomically
from lxmls_rnn.storage.messages import counted, quoted
from lxmls_rnn.sweep import grid
from lxmls_rnn.sweep.grid import Point

FILE = "sweep.json"
SWEEP = records.Format("lxmls-rnn sweep")


class Training(NamedTuple):
    """One training of a sweep: the name of its run, its point of the grid, its seed and its settings."""

    name: str
    point: Point
    seed: int
    settings: Settings


@dataclass(frozen=True)
class Sweep:
    """The description of a sweep: settings, varied values, seeds, and which trainings failed.

    ValueError if there are too many trainings, no seeds or the same one twice, or an empty sample.
    """

    folder: Path  # in the folder of runs; its name is the name of the sweep
    base: Settings  # the settings that are not varied
    vary: dict[str, list[Any]]  # the values of each varied setting, see `grid.parse_vary`
    seeds: list[int]  # each point of the grid is trained with each seed
    sample: int | None = None  # number of points drawn at random from the grid; None for all
    checksums: dict[str, str] = field(default_factory=dict)  # of the files that the settings name, when it began
    failed: dict[str, str] = field(default_factory=dict)  # why a training failed, by the run's name

    def __post_init__(self) -> None:
        grid.check_count(grid.count(self.vary, self.sample) * len(self.seeds), "the sweep")
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise ValueError(f"the seeds must be different numbers, at least one, got {quoted(self.seeds)}")
        if self.sample is not None and self.sample < 1:
            raise ValueError(f"sample must be at least 1, got {self.sample}")

    @property
    def name(self) -> str:
        """The sweep's name."""
        return self.folder.name

    @property
    def argument(self) -> str:
        """The argument that names this sweep in a command such as `lxmls-rnn sweep show`, quoted for a shell."""
        elsewhere = self.folder.parent != paths.runs()
        return shlex.join([self.name, *(["--root", str(self.folder.parent)] if elsewhere else [])])

    def points(self) -> list[Point]:
        """Return the points of the grid that are trained."""
        return list(grid.points(self.vary, self.sample))

    def in_words(self) -> str:
        """Return the numbers of trainings, settings and seeds as text."""
        points, seeds = grid.count(self.vary, self.sample), len(self.seeds)
        settings = f"{counted(points, 'setting')} with {counted(seeds, 'seed')}"
        return f"{counted(points * seeds, 'training')}: {settings}{' each' * (points > 1)}"

    def trainings(self) -> Iterator[Training]:
        """Yield all trainings: first every point with the first seed, so that each point has an early result."""
        points = self.points()
        for seed in self.seeds:
            for point in points:
                yield Training(run_name(point, seed), point, seed, self.base.changed(**{**point, "seed": seed}))

    def check_values(self) -> None:
        """Raise ValueError for a value out of range or a varied setting without effect.

        Each value is tried with the first value of each other setting. It reads no file and tries no other combination,
        as `check` does.
        """
        first = {name: values[0] for name, values in self.vary.items()}
        for name, values in self.vary.items():
            for value in values:
                self._check_effects(self.base.changed(**{"seed": self.base.seed, **first, name: value}))

    def _check_effects(self, settings: Settings) -> None:
        """Raise ValueError if a varied setting has no effect in the training of these settings."""
        if "n_emb" in self.vary and settings.embeddings is not None:
            raise ValueError(
                f"n_emb cannot vary with the embeddings {settings.embeddings}, which have a size of their own: "
                "vary it in a sweep without embeddings"
            )
        if "min_count" in self.vary and settings.vocabulary == "guide":
            raise ValueError(
                "min_count cannot vary with the vocabulary guide, which has all words: "
                "vary it in a sweep with the vocabulary train"
            )

    def check(self) -> None:
        """Check the settings of all trainings.

        Raise ValueError for a value out of range, a varied setting without effect, an activation that a model does not
        support, two runs with the same name, or a missing dev part; FileNotFoundError if a file that the settings name
        does not exist.
        """
        names: set[str] = set()
        models: dict[object, Settings] = {}  # one training of each size of each kind of model, not each pair of sizes
        files: dict[object, Settings] = {}  # one training of each corpus and file of embeddings
        for training in self.trainings():
            s = training.settings
            self._check_effects(s)
            if "dev" not in s.files():
                raise ValueError("a sweep compares on the dev part: give a corpus by name, or --dev with its file")
            if training.name in names or len(training.name.encode(errors="replace")) > MAX_NAME_BYTES:
                raise ValueError(
                    f"the name of the run {training.name} is not unique or has more than {MAX_NAME_BYTES} bytes: "
                    "rename the files that the settings name"
                )
            names.add(training.name)
            kind = s.model, s.activation, s.peepholes, s.dtype
            models.setdefault((kind, "n_emb", s.n_emb), s)
            models.setdefault((kind, "n_hidd", s.n_hidd), s)
            files.setdefault((s.of_corpus, s.embeddings), s)
        for s in dict.fromkeys(models.values()):
            numpy_class(s.model)(2, s.n_emb, s.n_hidd, 2, **s.model_options())
        for s in files.values():
            find(s).check()
            prepare(replace(s, model="NumpyRNN", activation=None, peepholes=True, n_emb=1, n_hidd=1))

    def all_checksums(self) -> dict[str, str]:
        """Return the checksums of all files that the trainings name."""
        files = [name for name in grid.FILES if name in self.vary]
        known: dict[str, str] = {}
        for values in product(*(self.vary[name] for name in files)):
            known |= find(replace(self.base, **dict(zip(files, values, strict=True))), known).checksums
        return dict(sorted(known.items()))

    def save(self) -> None:
        """Write sweep.json atomically."""
        content = {
            **SWEEP._asdict(),
            "base": self.base.to_dict(),
            **{name: getattr(self, name) for name in _SAVED},
        }
        write_atomically(self.folder / FILE, json.dumps(content, indent=1, ensure_ascii=False) + "\n")

    @classmethod
    def load(cls, name: str, root: str | os.PathLike[str] | None = None) -> Sweep:
        """Read the sweep of a name in `root`, by default `paths.runs()`.

        Raises
        ------
        FileNotFoundError
            No sweep has this name.
        ValueError
            Its file is damaged, or has another format.
        """
        folder = paths.runs(root) / name
        path = folder / FILE
        try:
            content = records.read(_Content, path, SWEEP)
            sweep = cls(folder, content.base, **{name: getattr(content, name) for name in _SAVED})
            content.base.changed(**{**next(grid.points(content.vary)), "seed": min(content.seeds)})
            return sweep
        except (FileNotFoundError, NotADirectoryError):
            option = "" if root is None or paths.runs() == folder.parent else f" --root {shlex.quote(str(root))}"
            raise FileNotFoundError(f"no sweep {folder}: `lxmls-rnn runs{option}` lists the sweeps") from None
        except ValueError as error:
            why = str(error).removeprefix(f"{path}: ")
            raise ValueError(f"{path} is not the file of a sweep: {why}") from None

    def begin(self) -> Sweep:
        """Make the folder of a new sweep; return the sweep with the checksums of its files.

        Raises
        ------
        FileExistsError, FileNotFoundError, ValueError
            The name is taken, a file of the settings is missing, or the name or a value is invalid.
        """
        advice = f"or continue the sweep with `lxmls-rnn sweep --resume {self.argument}`"
        new_folder(self.name, self.folder.parent, "a sweep", advice, FILE)
        self.check()
        begun = replace(self, checksums=self.all_checksums())
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.locked():
            new_folder(self.name, self.folder.parent, "a sweep", advice, FILE)
            begun.save()
        return begun

    def extended(self, vary: dict[str, list[Any]], seeds: int | None, sample: int | None) -> Sweep:
        """Return this sweep, checked, with more values or seeds or a larger sample; ValueError if impossible."""
        for name, values in vary.items():
            if name not in self.vary:
                raise ValueError(f"the sweep {self.name} varies {', '.join(self.vary)}, so {name} cannot be added")
            if self.sample is not None and set(values) - set(self.vary[name]):
                raise ValueError(f"the sweep {self.name} samples its grid: only --sample and --seeds can be raised")
        for option, new, old in (("--seeds", seeds, len(self.seeds)), ("--sample", sample, self.sample)):
            if new is not None and (old is None or new < old):
                raise ValueError(f"{option} can only be raised: the sweep has {old or 'the whole grid'}, got {new}")
        more = {name: list(dict.fromkeys([*values, *vary.get(name, [])])) for name, values in self.vary.items()}
        sweep = replace(
            self, vary=more, seeds=more_seeds(self.seeds, seeds or 0), sample=self.sample if sample is None else sample
        )
        if sweep != self:
            sweep.check()
            sweep = replace(sweep, checksums=sweep.all_checksums())
            for file, checksum in sweep.checksums.items():
                if self.checksums.get(file, checksum) != checksum:
                    raise ValueError(f"{file} has changed since the sweep {self.name} began: make a new sweep")
        return sweep

    def locked(self) -> AbstractContextManager[bool]:
        """Lock the sweep; RuntimeError if another process trains it."""

        def busy() -> None:
            raise RuntimeError(f"another process trains the sweep {self.name}")

        return locked(self.folder, busy, for_all_machines=True)


@dataclass(frozen=True)
class _Content:
    """The contents of sweep.json, see `Sweep`."""

    base: Settings
    vary: dict[str, list[Any]]
    seeds: list[int]
    sample: int | None
    checksums: dict[str, str]
    failed: dict[str, str]

    def __post_init__(self) -> None:
        for name, values in self.vary.items():
            if name not in grid.VARIED or not values:
                raise ValueError(
                    f"vary: expected a setting and at least one value, got {quoted(name)}: {quoted(values)}"
                )
            for value in values:
                grid.VARIED[name].check(value)


_SAVED = ("vary", "seeds", "sample", "checksums", "failed")


def more_seeds(seeds: Sequence[int], count: int) -> list[int]:
    """Extend the seeds to at least `count` with the numbers after the largest; ValueError if there are too many."""
    grid.check_count(count, "the number of seeds")
    return [*seeds, *range(max(seeds) + 1, max(seeds) + 1 + count - len(seeds))]


def run_name(point: Point, seed: int) -> str:
    """Return the name of the run at a point of the grid."""
    return ",".join(f"{name}={short_text(value)}" for name, value in {**point, "seed": seed}.items())


def find_sweeps(root: str | os.PathLike[str] | None = None) -> tuple[list[Sweep], list[Damaged]]:
    """Return the sweeps in a folder, by default `paths.runs()`, sorted by name, and the damaged ones with the reason.

    A sweep is damaged if its file cannot be read or is invalid. If the folder cannot be listed, there are no sweeps;
    `find_runs` reports it.
    """
    with suppress(OSError):
        return open_all(FILE, paths.runs(root), lambda name: Sweep.load(name, root))
    return [], []
