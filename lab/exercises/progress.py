"""Progress of this kernel's student in the exercises, in a JSON file that several kernels may change."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Generic, TypeVar

from lab.exercises.exercise import EXERCISES
from lxmls_rnn import paths
from lxmls_rnn.classroom.students import PROGRESS, PROGRESS_FORMAT, RIGHT, TIME, Attempts
from lxmls_rnn.storage import records
from lxmls_rnn.storage.files import locked, make_folder, try_to_write, write_atomically

T = TypeVar("T")


class JsonStore(Generic[T]):
    """A JSON file of the format `form` in the folder of runs; its entries are instances of the data class `kind`."""

    def __init__(self, name: str, kind: type[T], form: records.Format) -> None:
        self.name, self.kind, self.form = name, kind, form

    @property
    def path(self) -> Path:
        """The path of the file."""
        return paths.runs() / self.name

    def read(self) -> dict[str, T]:
        """Return the entries; raise OSError if the file cannot be read or is of another format.

        A damaged file is renamed to `*.damaged`, `*.damaged-2` and so on, and the entries are empty.
        """
        try:
            return self._read()
        except ValueError:
            with self.changing() as entries:  # reads again: another process may have replaced the file
                return entries

    def try_to_write(self) -> None:
        """Raise OSError if the folder cannot be written."""
        try_to_write(self.path.parent)

    @contextmanager
    def changing(self) -> Iterator[dict[str, T]]:
        """Yield the entries to a `with` block and write them at its end; other processes wait until then.

        Raise OSError with the file's name if it cannot be read or written, or is of another format.
        """
        folder = self.path.parent
        make_folder(folder)
        with locked(folder, lambda: None):
            try:
                entries = self._read()
            except ValueError:
                self._rename_damaged()
                entries = {}
            before = self._text(entries)
            yield entries
            if (text := self._text(entries)) != before:
                write_atomically(self.path, text)

    def _rename_damaged(self) -> None:
        """Rename the damaged file to an unused name; the caller holds the lock."""
        numbers = itertools.chain([""], (f"-{n}" for n in itertools.count(2)))
        aside = (self.path.with_name(f"{self.name}.damaged{number}") for number in numbers)
        self.path.rename(next(path for path in aside if not os.path.lexists(path)))

    def _read(self) -> dict[str, T]:
        try:
            return records.read_entries(self.kind, self.path, self.form)
        except FileNotFoundError:
            return {}
        except records.OtherFormatError as error:
            raise OSError(str(error)) from None  # of another version of the lab, to which it is worth something

    def _text(self, entries: dict[str, T]) -> str:
        known = {n: {key: value for key, value in vars(e).items() if value is not None} for n, e in entries.items()}
        return records.entries_text(known, self.form)


FILE = JsonStore(PROGRESS, Attempts, PROGRESS_FORMAT)


def update(
    exercise: str, *, state: str = "", cause: str = "", tries: int = 0, hints: int = 0, solution: bool = False
) -> Attempts:
    """Add to the entry of an exercise and return it; errors as in `JsonStore.changing`.

    A new state replaces the cause, too. The state 'right' stays.
    """
    with FILE.changing() as entries:
        entry, now = entries.setdefault(exercise, Attempts()), datetime.now().strftime(TIME)
        if state and entry.state != RIGHT:
            entry.state, entry.done, entry.cause = state, now if state == RIGHT else None, cause or None
        if tries:
            entry.tries, entry.tried = entry.tries + tries, now
        entry.hints = min(entry.hints + hints, len(EXERCISES[exercise].hints))
        entry.solution |= solution
        if entry.tries or entry.hints or entry.solution:
            entry.begun = entry.begun or now
        return entry


def forget(*exercises: str) -> None:
    """Delete the entries of exercises."""
    with FILE.changing() as entries:
        for name in exercises:
            entries.pop(name, None)
