"""Which exercises are done, kept on disk beside the runs: it survives a new kernel and a new image."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from lxmls_rnn import paths, records
from lxmls_rnn.classroom import PROGRESS as NAME
from lxmls_rnn.classroom import Entry
from lxmls_rnn.files import locked, write_atomically

EMPTY: dict[str, Any] = {name: value for name, value in asdict(Entry()).items() if value is not None}


def path() -> Path:
    """Return the file."""
    return paths.runs() / NAME


def read() -> dict[str, dict[str, Any]]:
    """Return for each exercise that was begun its `state`, `tries`, `hints` and `solution`.

    A file that is damaged is put aside, not lost: `exercises.json.damaged`.

    Raises
    ------
    OSError
        It cannot be read.
    """
    try:
        return _read()
    except ValueError:
        with _alone() as entries:  # another may have put it in order
            return entries


def update(exercise: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    """Change what is known of an exercise and return it; what is 'right' once stays so.

    Parameters
    ----------
    exercise
        Its name.
    change
        Takes what is known and returns what is new; no other kernel changes the file meanwhile.

    Raises
    ------
    OSError
        The file cannot be read or written; names it.
    """
    with _alone() as entries:
        entry = {**EMPTY, **entries.get(exercise, {})}
        changes = change(entry)
        if entry["state"] == "right":
            changes.pop("state", None)
        elif changes.get("state") == "right":
            changes["done"] = f"{datetime.now():%Y-%m-%d %H:%M}"
        entry.update(changes)
        entries[exercise] = entry
        _write(entries)
        return entry


def get(exercise: str) -> dict[str, Any]:
    """Return what is known of an exercise."""
    return {**EMPTY, **read().get(exercise, {})}


def forget(exercise: str | None = None) -> None:
    """Forget an exercise, or all of them."""
    with _alone() as entries:
        _write({} if exercise is None else {name: entry for name, entry in entries.items() if name != exercise})


@contextmanager
def _alone() -> Iterator[dict[str, dict[str, Any]]]:
    """Give what the file holds, while no other process reads it to change it."""
    folder = paths.runs()
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder, lambda: None):
        try:
            entries = _read()
        except ValueError:
            path().replace(path().with_name(f"{NAME}.damaged"))
            entries = {}
        yield entries


def _read() -> dict[str, dict[str, Any]]:
    try:
        entries = records.read(dict[str, Entry], path())
    except FileNotFoundError:
        return {}
    return {name: {key: value for key, value in vars(e).items() if value is not None} for name, e in entries.items()}


def _write(entries: dict[str, dict[str, Any]]) -> None:
    write_atomically(path(), json.dumps(entries, indent=1))
