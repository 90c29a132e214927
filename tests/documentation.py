"""The commands of the documentation, read from its pages, so that tests run what a reader is told to run.

Each block of code holds commands, unless it is fenced and names another language than the shell's. A comment before the
block, which a reader does not see, can say where it runs; without one it runs in a checkout and in the container:

    <!-- commands: not run, they need the internet -->
    <!-- commands: with UD English EWT -->
    <!-- commands: on the host of the lab -->
"""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PAGES = ("README.md", "docs/cluster.md", "docs/models.md", "docs/sweep.md", "docs/try-it.md")
EVERYWHERE, EWT, HOST, NOT_RUN = "everywhere", "with UD English EWT", "on the host of the lab", "not run, "

SHELLS = ("", "bash", "console", "sh", "shell")
BLOCK = re.compile(
    r"(?:^<!-- commands: (?P<place>[^\n]+) -->\n\n)?"
    r"(?:^```(?P<language>\w*)\n(?P<fenced>.*?)^```$|(?<=\n\n)(?P<indented>(?:^    [^\n]+\n|\n(?=    ))+))",
    re.MULTILINE | re.DOTALL,
)


@dataclass
class Block:
    """Lines of shell on a page, and where they run; `line` is the number of the first one."""

    page: str
    line: int
    place: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def script(self) -> str:
        """A script of bash that prints each command and stops at the first that fails."""
        return f"set -euxo pipefail\n{self.text}"


def blocks(page: str, text: str) -> list[Block]:
    """Return the blocks of commands in the Markdown `text` of a page, in order.

    ValueError: a comment that names an unknown place or precedes no block, with page and line.
    """
    found = []
    marks = {text.count("\n", 0, mark.start()) + 1 for mark in re.finditer("<!-- *commands?:", text)}
    for match in BLOCK.finditer(text):
        kind = "fenced" if match["fenced"] is not None else "indented"
        place = match["place"] or EVERYWHERE
        if match["place"]:
            marks.discard(line := text.count("\n", 0, match.start()) + 1)
            if place not in (EWT, HOST) and not place.startswith(NOT_RUN):
                raise ValueError(
                    f"{page}, line {line}: expected {EWT!r}, {HOST!r} or {NOT_RUN!r} with why, got {place!r}"
                )
        if (match["language"] or "") in SHELLS:
            first = text.count("\n", 0, match.start(kind)) + 1
            found.append(Block(page, first, place, match[kind]))
    if marks:
        raise ValueError(f"{page}, line {min(marks)}: no block of commands follows after an empty line")
    return found


def pages() -> dict[str, list[Block]]:
    """Return the blocks of every page that is tested."""
    return {page: blocks(page, (ROOT / page).read_text(encoding="utf-8")) for page in PAGES}


def blocks_of(place: str) -> list[Any]:
    """Return a test's parameters: of each page that has some, the blocks of a place, which build on each other."""
    chosen = {page: [block for block in found if block.place == place] for page, found in pages().items()}
    return [pytest.param(found, id=page) for page, found in chosen.items() if found]


def copy_ewt(ewt_dir: Path, data: Path) -> None:
    """Copy the two files of UD English EWT that the tests have to where the commands expect them."""
    (data / "ewt").mkdir()
    for part in ("dev", "test"):
        shutil.copy(ewt_dir / f"en_ewt-ud-{part}.conllu", data / "ewt")
