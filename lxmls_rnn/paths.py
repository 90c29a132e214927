"""The folders of corpora, runs and results, read from the environment at each use."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_CHECKOUT = Path(__file__).parents[1] / "data"


def data() -> Path:
    """Return LXMLS_DATA, or data/ of the checkout that this package runs from, or data/ of the current folder."""
    return Path(os.environ.get("LXMLS_DATA") or (_CHECKOUT if (_CHECKOUT / "sample").is_dir() else "data"))


def made() -> Path:
    """Return the folder, beside the runs, of corpora that are made where `data()` is read-only."""
    return runs() / ".corpora"


def located(file: str | os.PathLike[str]) -> Path:
    """Return where a file is: below `data()` or `made()`, if its path is relative and it is there; else as it is."""
    below = (root / file for root in (data(), made()))  # which is an absolute path itself
    return next((path for path in below if path.exists()), Path(file))


def named(file: str) -> str:
    """Return the path of a file below `data()`, by which other machines find it below theirs; others as they are."""
    with suppress(ValueError):
        return str(Path(file).resolve().relative_to(data().resolve()))
    return file


def runs(root: str | os.PathLike[str] | None = None) -> Path:
    """Return `root`, or without one LXMLS_RUNS, or runs/ of the current folder."""
    return Path(os.environ.get("LXMLS_RUNS") or "runs") if root is None else Path(root)


def results() -> Path:
    """Return LXMLS_RESULTS, or results/ of the current folder."""
    return Path(os.environ.get("LXMLS_RESULTS") or "results")
