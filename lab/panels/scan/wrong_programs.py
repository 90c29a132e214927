"""Programs with a typical mistake in scan, their repair, and how to read the error messages.

They stand in wrong_programs.txt: after a heading the program as a difference, in which a line with a - in front is the
mistake and one with a + fixes it; each after `mark:`, what matters of the error message; in the last line the reading.
"""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class WrongProgram:
    """A program with a mistake."""

    wrong: str  # a program that prints, or usually ends with an error
    fixed: str  # one that prints
    marks: tuple[str, ...]  # regular expressions: the words of the error message that matter
    reading: str  # HTML: how to read it and how to fix it


def _read(section: str) -> WrongProgram:
    *lines, reading = section.strip("\n").splitlines()
    marks = tuple(line.removeprefix("mark: ") for line in lines if line.startswith("mark: "))
    program = [line for line in lines if not line.startswith("mark: ")]
    wrong, fixed = ("\n".join(line[2:] for line in program if line[:1] != other).strip() + "\n" for other in "+-")
    return WrongProgram(wrong, fixed, marks, reading)


_SECTIONS = Path(__file__).with_suffix(".txt").read_text(encoding="utf-8").removeprefix("# ").split("\n\n# ")
WRONG_PROGRAMS = {name: _read(text) for name, _, text in (section.partition("\n") for section in _SECTIONS)}
