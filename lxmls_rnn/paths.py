"""The folders of notebooks, corpora, runs, results and caches, read from the environment at each use."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

PACKAGED = Path(__file__).parent / "data"  # the sample corpora, in an installed wheel only
_CHECKOUT = Path(__file__).parents[1]


def in_checkout() -> bool:
    """Whether this package runs from a checkout, and not from a wheel."""
    return not PACKAGED.is_dir()


def folder(name: str) -> Path:
    """Return the whole path of the folder `name`: LXMLS_NAME, else that in the checkout, else in the current folder."""
    given = os.environ.get(f"LXMLS_{name.upper()}")
    return Path(given or (_CHECKOUT if in_checkout() else Path()) / name).absolute()


def work() -> Path:
    """Return the folder in which notebooks are opened and exports are written, see `folder`; `hand_out` fills it."""
    return folder("work")


def data() -> Path:
    """Return the folder of corpora and embeddings, see `folder`."""
    return folder("data")


def made() -> Path:
    """Return the folder for generated corpora if `data()` is read-only; it is below the folder of the runs."""
    return runs() / ".corpora"


def roots() -> tuple[Path, ...]:
    """Return the folders in which a relative path of a corpus is looked up, in this order."""
    return data(), made(), PACKAGED


def located(file: str | os.PathLike[str]) -> Path:
    """Resolve a relative path below one of the `roots()` if the file exists there; return other paths unchanged."""
    below = (root / file for root in roots())  # an absolute `file` replaces `root`
    return next((path for path in below if path.exists()), Path(file))


def named(file: str) -> str:
    """Return a path relative to `data()`, which is valid on other machines too; paths elsewhere unchanged."""
    with suppress(ValueError):
        return str(Path(file).resolve().relative_to(data().resolve()))
    return file


def runs(root: str | os.PathLike[str] | None = None) -> Path:
    """Return `root`, or if it is None the folder of runs, see `folder`."""
    return folder("runs") if root is None else Path(root)


def is_name(path: Path) -> bool:
    """Whether a path names a run or sweep in the folder of runs: NAME, or runs/NAME unless there is such a path."""
    return path.parent == Path() or (path.parent == Path("runs") and not path.exists())


def model(name: Path) -> Path:
    """Return the path of a model: a file, a run's folder, or a run by its name, see `is_name`."""
    run = runs() / (name.name if is_name(name) else name)
    return run if not name.is_file() and not (name / "model.npz").exists() and run.is_dir() else name


def cache() -> Path:
    """Return the user's cache folder, for files that can be made again, below XDG_CACHE_HOME or ~/.cache."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return Path(base if os.path.isabs(base) else os.path.expanduser("~/.cache"), "lxmls-rnn")


def results() -> Path:
    """Return the folder of benchmarks, see `folder`."""
    return folder("results")
