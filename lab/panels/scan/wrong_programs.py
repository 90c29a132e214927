"""Programs with a typical mistake in scan, their fixes, and explanations of the error messages.

They are read from wrong_programs.txt. Each section has a heading and the program as a diff: - marks the mistake, + the
fix. Then come lines `mark: PATTERN`, one for each relevant part of the error message, and in the last line the
explanation.
"""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class WrongProgram:
    """A program with a mistake."""

    wrong: str  # usually ends with an error; else prints
    fixed: str  # prints a result
    marks: tuple[str, ...]  # regular expressions: the relevant words of the error message
    reading: str  # HTML: how to read the message and fix the program


def _read(section: str) -> WrongProgram:
    *lines, reading = section.strip("\n").splitlines()
    marks = tuple(line.removeprefix("mark: ") for line in lines if line.startswith("mark: "))
    program = [line for line in lines if not line.startswith("mark: ")]
    wrong, fixed = ("\n".join(line[2:] for line in program if line[:1] != other).strip() + "\n" for other in "+-")
    return WrongProgram(wrong, fixed, marks, reading)


_SECTIONS = Path(__file__).with_suffix(".txt").read_text(encoding="utf-8").removeprefix("# ").split("\n\n# ")
WRONG_PROGRAMS = {name: _read(text) for name, _, text in (section.partition("\n") for section in _SECTIONS)}
