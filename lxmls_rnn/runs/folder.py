"""Names of run folders, and reading of the JSON files in them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from secrets import token_hex
from typing import NamedTuple, TypeVar

from lxmls_rnn.deep_learning.events import Metrics
from lxmls_rnn.experiment import Settings
from lxmls_rnn.storage import records
from lxmls_rnn.storage.files import LOCK_FILE, lines_of, naming, open_regular
from lxmls_rnn.storage.messages import in_words, quoted

T = TypeVar("T")
RUN = records.Format("lxmls-rnn run")
MAX_NAME_BYTES = 200  # a file system allows 255 for a name
MAX_EPOCHS = 200_000  # of a run; each takes half a kilobyte of memory


@dataclass(frozen=True)
class Config:
    """The contents of config.json; `diverged` is the message if the last training diverged (NaN or infinity)."""

    settings: Settings
    checksums: dict[str, str]
    versions: dict[str, str] = field(default_factory=dict)
    diverged: str | None = None

    def __post_init__(self) -> None:
        for file in self.settings.files().values():
            if file not in self.checksums:
                raise ValueError(f"checksums has no entry for {quoted(file)}")


def check_name(name: str, what: str = "a run") -> str:
    """Return the name of a new run (or of `what`); raise ValueError if it is not a plain folder name."""
    wrong = name.startswith((".", "-")) or Path(name).name != name or name != name.strip()
    forbidden = re.search(r'[\x00-\x1f\x7f*?"<>|\\]', name)
    if (length := len(name.encode(errors="replace"))) > MAX_NAME_BYTES:
        raise ValueError(f"the name of {what} must have at most {MAX_NAME_BYTES} bytes, got {length}: {quoted(name)}")
    if not name or wrong or forbidden or not name.isprintable():
        raise ValueError(
            f"the name of {what} must be a folder name (no line breaks, no characters such as *, no dot or hyphen at "
            f"the start, no spaces at the ends), got {quoted(name)}"
        )
    return name


def unique_name(what: str) -> str:
    """Return a unique name for a new run or sweep: `what`, such as the model, the time, and random digits."""
    return f"{what}-{datetime.now():%Y%m%d-%H%M%S}-{token_hex(2)}"


def name_is_taken(folder: Path) -> bool:
    """Whether a folder's name is taken; a folder with only temporary files of an interrupted start does not count."""
    if not folder.is_dir():
        return os.path.lexists(folder)
    return any(not _is_left_over(file) for file in folder.iterdir())


def new_folder(
    name: str,
    root: Path,
    what: str = "a run",
    advice: str = "or resume it (--resume)",
    file: str = "config.json",
) -> Path:
    """Return the folder of a new run or sweep in `root`, without making it.

    Raise ValueError as `check_name`, and FileExistsError if a run or sweep has that name already, with the `advice` if
    its folder has the `file`: a run cannot be resumed as a sweep.
    """
    folder = root / check_name(name, what)
    if name_is_taken(folder):
        way = f", {advice}" if (folder / file).exists() else ""
        raise FileExistsError(f"a run or sweep {folder} already exists: take another name{way}")
    return folder


def _is_left_over(file: Path) -> bool:
    return file.name == LOCK_FILE or (file.name.startswith(".") and file.suffix == ".tmp")


def clear(folder: Path) -> None:
    """Delete temporary files that a killed process left in a run's folder."""
    for file in folder.glob(".*.tmp"):
        file.unlink()


class Damaged(NamedTuple):
    """A run or sweep that cannot be opened."""

    name: str
    why: str

    def __str__(self) -> str:
        return self.why


def open_all(file: str, root: Path, open_one: Callable[[str], T]) -> tuple[list[T], list[Damaged]]:
    """Open the folders in `root` that contain an entry `file`, by name, and return them sorted, and the damaged ones.

    Hidden folders are ignored. Return nothing if `root` does not exist; raise OSError, which names it, if it cannot be
    listed.
    """
    opened, damaged = list[T](), list[Damaged]()
    try:
        names = sorted(os.listdir(root))
    except FileNotFoundError:
        return opened, damaged
    for name in names:
        if not name.startswith(".") and os.path.lexists(root / name / file):
            try:
                opened.append(open_one(name))
            except FileNotFoundError:  # deleted since the folder was listed
                continue
            except (ValueError, OSError, MemoryError) as error:
                damaged.append(Damaged(name, in_words(error)))
    return opened, damaged


def model_of(folder: Path) -> Path:
    """Return the model file in a folder; FileNotFoundError if it is the folder of a run that has no model yet."""
    path = folder / "model.npz"
    if not path.exists() and (folder / "config.json").exists():
        raise FileNotFoundError(f"the run {folder} has no model yet: it has one after its first epoch")
    return path


def read_metrics(folder: Path) -> list[Metrics]:
    """Return the metrics of a run, one entry per epoch; an incomplete last line, left by a killed process, is ignored.

    Raise ValueError, which names the line, if it is damaged or too long, if its epoch does not come after that of the
    line before, or if there are more than `MAX_EPOCHS`; OSError if the file cannot be read.
    """
    path = folder / "metrics.jsonl"
    rows: list[Metrics] = []
    try:
        with naming(path), open_regular(path) as file:
            for number, line in lines_of(file, path):
                if line.endswith(b"\n"):
                    rows.append(_metrics(path, number, line, rows[-1].epoch if rows else 0))
    except FileNotFoundError:
        return []
    return rows


def saved_metrics(rows: Sequence[Metrics]) -> Metrics | None:
    """Return the metrics of the epoch whose model is saved: the last one, or with early stopping the best on dev."""
    return next((row for row in reversed(rows) if row.is_best), None)


def _metrics(path: Path, number: int, line: bytes, before: int) -> Metrics:
    try:
        row = records.parse(Metrics, line)
        if row.epoch <= before:
            raise ValueError(f"epoch: expected more than {before}, the epoch of the line before, got {row.epoch}")
        if number > MAX_EPOCHS:
            raise ValueError(f"expected at most {MAX_EPOCHS:,} epochs")
    except ValueError as error:
        raise ValueError(f"{path}, line {number}: {error}") from None
    return row


def read_config(folder: Path) -> Config:
    """Read the config of a run's folder; errors as in `Run.open`."""
    path = folder / "config.json"
    try:
        return records.read(Config, path, RUN)
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(f"no run {folder}: `lxmls-rnn runs` lists the runs") from None
    except ValueError as error:
        why = str(error).removeprefix(f"{path}: ")
        raise ValueError(f"{path} is not the config of a run: {why}") from None
