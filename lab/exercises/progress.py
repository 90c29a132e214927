"""Which exercises are done, kept on disk beside the runs: it survives a new kernel and a new image."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from lxmls_rnn import paths
from lxmls_rnn.files import write_atomically

NAME = "exercises.json"
EMPTY: dict[str, Any] = {"state": "not yet", "tries": 0, "hints": 0, "solution": False}


def path() -> Path:
    """Return the file."""
    return paths.runs() / NAME


def read() -> dict[str, dict[str, Any]]:
    """Return for each exercise that was begun its `state`, `tries`, `hints` and `solution`.

    A file that is damaged is put aside, not lost: `exercises.json.damaged`.
    """
    try:
        entries = json.loads(path().read_text(encoding="utf-8"))
        if not (isinstance(entries, dict) and all(isinstance(entry, dict) for entry in entries.values())):
            raise ValueError("no table of exercises")
    except FileNotFoundError:
        return {}
    except ValueError:
        path().replace(path().with_name(f"{NAME}.damaged"))
        return {}
    return entries


def update(exercise: str, **changes: Any) -> dict[str, Any]:
    """Change what is known of an exercise and return it; what is 'right' once stays so."""
    entries = read()
    entry = {**EMPTY, **entries.get(exercise, {})}
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
    entries = read()
    _write({} if exercise is None else {name: entry for name, entry in entries.items() if name != exercise})


def _write(entries: dict[str, dict[str, Any]]) -> None:
    write_atomically(path(), json.dumps(entries, indent=1))
