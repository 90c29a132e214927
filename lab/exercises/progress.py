"""Progress of the exercises, saved in the folder of runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from lab.exercises.json_store import JsonStore
from lxmls_rnn.classroom.progress import PROGRESS, TIME, Entry

EMPTY: dict[str, Any] = {name: value for name, value in asdict(Entry()).items() if value is not None}
_FILE = JsonStore(PROGRESS, Entry)


def path() -> Path:
    """Return the path of the file."""
    return _FILE.path


def read() -> dict[str, dict[str, Any]]:
    """Return `state`, `tries`, `hints` and `solution` of each started exercise; errors as `JsonStore.read`."""
    return {name: _plain(entry) for name, entry in _FILE.read().items()}


def update(exercise: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    """Update the entry of an exercise and return it; the state 'right' is permanent. Errors as `JsonStore.changing`.

    `change` takes the entry and returns its new values; other kernels wait meanwhile.
    """
    with _FILE.changing() as entries:
        now = datetime.now().strftime(TIME)
        entry = _plain(entries.get(exercise, Entry()))
        changes = change(entry)
        if entry["state"] == "right":
            changes.pop("state", None)
        elif changes.get("state") == "right":
            changes["done"] = now
        if changes.get("tries", 0) > entry["tries"]:
            changes["tried"] = now
        entry.update(changes)
        if entry["tries"] or entry["hints"] or entry["solution"]:
            entry.setdefault("begun", now)
        entries[exercise] = Entry(**entry)
        return entry


def get(exercise: str) -> dict[str, Any]:
    """Return the entry of an exercise, with defaults."""
    return {**EMPTY, **read().get(exercise, {})}


def forget(exercise: str | None = None) -> None:
    """Delete the entry of an exercise, or all entries."""
    with _FILE.changing() as entries:
        for name in list(entries) if exercise is None else [exercise]:
            entries.pop(name, None)


def _plain(entry: Entry) -> dict[str, Any]:
    return {key: value for key, value in vars(entry).items() if value is not None}
