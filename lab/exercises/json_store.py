"""Files of JSON beside the runs, which outlive kernel and image; kernels that change one at once lose nothing."""

from __future__ import annotations

import itertools
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, TypeVar

from lxmls_rnn import paths
from lxmls_rnn.storage import records
from lxmls_rnn.storage.files import locked, make_folder, naming, write_atomically

T = TypeVar("T")


class JsonStore(Generic[T]):
    """Entries by name, each of the data class `kind`, kept in a file of the folder of runs."""

    def __init__(self, name: str, kind: type[T]) -> None:
        self.name, self.kind = name, kind

    @property
    def path(self) -> Path:
        """The file."""
        return paths.runs() / self.name

    def read(self) -> dict[str, T]:
        """Return the entries; OSError if they cannot be read.

        A file that is damaged is put aside, not lost: its name ends in `.damaged` then, or `.damaged-2` and so on.
        """
        try:
            return self._read()
        except ValueError:
            with self.changing() as entries:  # another may have put it in order
                return entries

    def try_to_write(self) -> None:
        """Raise the OSError that a change would raise where the folder cannot be written."""
        folder = self.path.parent
        make_folder(folder)
        with naming(folder, instead=True), tempfile.TemporaryFile(dir=folder):
            pass

    @contextmanager
    def changing(self) -> Iterator[dict[str, T]]:
        """Give the entries to be changed, and write them then; no other process changes the file meanwhile.

        OSError, which names the file, if it cannot be read or written.
        """
        folder = self.path.parent
        make_folder(folder)
        with locked(folder, lambda: None):
            try:
                entries = self._read()
            except ValueError:
                self._put_aside()
                entries = {}
            before = _text(entries)
            yield entries
            if (text := _text(entries)) != before:
                write_atomically(self.path, text)

    def _put_aside(self) -> None:
        """Rename the file, which this process holds; what was put aside before is kept."""
        numbers = itertools.chain([""], (f"-{n}" for n in itertools.count(2)))
        aside = (self.path.with_name(f"{self.name}.damaged{number}") for number in numbers)
        self.path.rename(next(path for path in aside if not os.path.lexists(path)))

    def _read(self) -> dict[str, T]:
        try:
            return records.read(dict[str, self.kind], self.path)  # type: ignore[name-defined]
        except FileNotFoundError:
            return {}


def _text(entries: dict[str, T]) -> str:
    plain = {name: {key: value for key, value in vars(e).items() if value is not None} for name, e in entries.items()}
    return json.dumps(plain, indent=1)
