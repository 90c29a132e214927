"""One zip file of a student's work: notebooks, settings and metrics of runs, answers; no models."""

from __future__ import annotations

import errno
import os
import zipfile
from pathlib import Path
from typing import IO

from lxmls_rnn.classroom.students import ANSWERS, PROGRESS
from lxmls_rnn.storage.files import naming, open_regular, write_output

RUN_FILES = (PROGRESS, ANSWERS, "config.json", "metrics.jsonl", "sweep.json")  # at any depth in the folder of runs


def pack(name: str, notebooks: Path, runs: Path, archive: Path) -> list[str]:
    """Write a student's work to a zip file, below a folder `name`; return the names of the files in it.

    Raise FileNotFoundError if there is no folder `notebooks` or no work, OSError if a file cannot be read or written.
    """
    if not notebooks.is_dir():
        raise FileNotFoundError(
            errno.ENOENT, "no such folder: name that of your notebooks (--notebooks)", os.fspath(notebooks)
        )
    entries = [(Path("notebooks"), notebooks, path) for path in _visible(notebooks) if path.suffix == ".ipynb"]
    entries += [(Path("runs"), runs, path) for path in _visible(runs) if path.name in RUN_FILES]
    if not entries:
        raise FileNotFoundError(f"nothing to hand in: no notebook in {notebooks}, and no exercise or run in {runs}")
    files = {str(Path(name) / part / path.relative_to(folder)): path for part, folder, path in entries}

    def fill(file: IO[bytes]) -> None:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as packed:
            for member, path in files.items():
                with naming(path), open_regular(path) as source:
                    packed.writestr(member, source.read())

    write_output(archive, fill)
    return list(files)


def _visible(folder: Path) -> list[Path]:
    """Return the files below a folder, without links and without hidden files and folders, sorted."""
    visible = []
    for path, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths = (Path(path, name) for name in files if not name.startswith("."))
        visible += [file for file in paths if file.is_file() and not file.is_symlink()]
    return sorted(visible)
