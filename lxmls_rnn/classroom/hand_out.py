"""Hand out notebooks: `python -m lxmls_rnn.classroom.hand_out SOURCE TARGET`.

A new version of a notebook replaces the one in TARGET if that is unchanged since it was handed out. A changed one is
kept, and the new version is written as NAME-new.ipynb, NAME-new-2.ipynb and so on. Deleted notebooks are handed out
again.
"""

import hashlib
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from lxmls_rnn.storage import records
from lxmls_rnn.storage.files import write_atomically
from lxmls_rnn.storage.messages import in_words

RECORD = ".handed-out.json"  # in TARGET: the checksums of all handed-out versions of each notebook
FORMAT = records.Format("lxmls-rnn handed-out")


def hand_out(source: Path, target: Path) -> list[str]:
    """Hand out new notebooks; return the names of the written files."""
    written = []
    try:
        record = records.read_entries(list[str], target / RECORD, FORMAT)
    except (FileNotFoundError, ValueError):
        record = {}
    for notebook in sorted(source.glob("*.ipynb")):
        handed, new = record.setdefault(notebook.name, []), checksum(notebook)
        if new in handed and (target / notebook.name).exists():
            continue
        place = next(p for p in places(target, notebook.stem) if not p.exists() or checksum(p) in [new, *handed])
        if not place.exists() or checksum(place) != new:
            write_atomically(place, notebook.read_text(encoding="utf-8"))
            written.append(place.name)
        if new not in handed:
            handed.append(new)
    write_atomically(target / RECORD, records.entries_text(record, FORMAT))
    return written


def places(folder: Path, stem: str) -> Iterator[Path]:
    """Yield the possible paths of a notebook, by preference."""
    yield folder / f"{stem}.ipynb"
    yield folder / f"{stem}-new.ipynb"
    yield from (folder / f"{stem}-new-{n}.ipynb" for n in count(2))


def checksum(file: Path) -> str:
    """Return the SHA-256 of a file; an empty string if it is not a file."""
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else ""


if __name__ == "__main__":
    try:
        if names := hand_out(*map(Path, sys.argv[1:])):
            print(f"Notebooks handed out: {', '.join(names)}.")
    except OSError as error:  # the student can still work
        print(f"New notebooks could not be handed out: {in_words(error)}.", file=sys.stderr)
