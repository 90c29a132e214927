"""The folder of a run: its name, and the files in it that are JSON."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from secrets import token_hex

from lxmls_rnn.deep_learning.events import Metrics
from lxmls_rnn.experiment import Settings
from lxmls_rnn.storage import records
from lxmls_rnn.storage.files import lines_of, naming, open_regular, quoted

MAX_NAME_BYTES = 200  # bytes; a file system has 255 for a name
MAX_EPOCHS = 200_000  # that are read of a run: each takes half a kilobyte


@dataclass(frozen=True)
class Config:
    """The contents of config.json; `diverged` says why, where the last training ended with numbers that are none."""

    settings: Settings
    checksums: dict[str, str]
    versions: dict[str, str] = field(default_factory=dict)
    diverged: str | None = None

    def __post_init__(self) -> None:
        for file in self.settings.files().values():
            if file not in self.checksums:
                raise ValueError(f"checksums has none for {quoted(file)}")


def check_name(name: str, what: str = "a run") -> str:
    """Return the name of a new run, or of `what`, if it is a plain name of a folder, else raise ValueError."""
    wrong = name.startswith((".", "-")) or Path(name).name != name or name != name.strip()
    sign = re.search(r'[\x00-\x1f\x7f*?"<>|\\]', name)
    if (length := len(name.encode(errors="replace"))) > MAX_NAME_BYTES:
        raise ValueError(f"the name of {what} must have at most {MAX_NAME_BYTES} bytes, got {length}: {quoted(name)}")
    if not name or wrong or sign or not name.isprintable():
        raise ValueError(
            f"the name of {what} must be the name of a folder, without line breaks, signs such as *, a dot before "
            f"it and spaces around it, got {quoted(name)}"
        )
    return name


def unique_name(what: str) -> str:
    """Return a name for a new run, of its model, or a new sweep: the time, and letters for those of one second."""
    return f"{what}-{datetime.now():%Y%m%d-%H%M%S}-{token_hex(2)}"


def name_is_taken(folder: Path) -> bool:
    """Whether the name of a folder is taken: not by what the interrupted start of an earlier version has left."""
    if not folder.is_dir():
        return os.path.lexists(folder)
    return any(not _is_left_over(file) for file in folder.iterdir())


def new_folder(name: str, root: Path, what: str = "a run", advice: str = "or resume it (--resume)") -> Path:
    """Return the folder of a new run or sweep in `root`.

    ValueError as `check_name`, FileExistsError with the `advice` if there is a run or a sweep of that name.
    """
    folder = root / check_name(name, what)
    if name_is_taken(folder):
        raise FileExistsError(f"there is a run or a sweep {folder}: take another name, {advice}")
    return folder


def _is_left_over(file: Path) -> bool:
    return file.name.startswith(".") and file.suffix == ".tmp"


def clear(folder: Path) -> None:
    """Remove what a kill has left half-written."""
    for file in folder.glob(".*.tmp"):
        file.unlink()


def folders_with(file: str, root: Path) -> list[str]:
    """Return the names of the folders in `root` that have a `file`, be it a file or not, in order, no hidden ones.

    OSError, which names it, if `root` is there and cannot be listed.
    """
    try:
        names = os.listdir(root)
    except FileNotFoundError:
        return []
    return sorted(name for name in names if not name.startswith(".") and os.path.lexists(root / name / file))


def read_metrics(folder: Path) -> list[Metrics]:
    """Return the metrics of the epochs of a run so far; a last line that a kill has cut off does not count.

    ValueError names a line that is damaged, too long, or of an epoch that is not after the one before it, and says so
    if there are more than `MAX_EPOCHS`; OSError if they cannot be read.
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


def _metrics(path: Path, number: int, line: bytes, before: int) -> Metrics:
    try:
        row = records.parse(Metrics, line)
        if row.epoch <= before:
            raise ValueError(f"epoch: expected more than {before} of the line before, got {row.epoch}")
        if number > MAX_EPOCHS:
            raise ValueError(f"expected at most {MAX_EPOCHS:,} epochs")
    except ValueError as error:
        raise ValueError(f"{path}, line {number}: {error}") from None
    return row


def read_config(folder: Path) -> Config:
    """Return the config of a run's folder; errors as in `Run.open`."""
    path = folder / "config.json"
    try:
        return records.read(Config, path)
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(f"no run {folder}: `lxmls-rnn runs` lists the runs") from None
    except ValueError as error:
        why = str(error).removeprefix(f"{path}: ")
        raise ValueError(f"{path} is not the config of a run: {why}") from None
