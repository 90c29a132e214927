"""Exercises and their hints, in order, read from hints.txt.

In hints.txt, a line "# name, number in the lab guide: title" begins an exercise; each paragraph after it is a hint.
"""

import re
from pathlib import Path

EXERCISES: dict[str, tuple[str, str]] = {}  # name: number, title
HINTS: dict[str, list[str]] = {}

for paragraph in (Path(__file__).parent / "hints.txt").read_text(encoding="utf-8").strip().split("\n\n"):
    if heading := re.fullmatch("# (.+), (.+): (.+)", paragraph):
        hints = HINTS[heading[1]] = []
        EXERCISES[heading[1]] = heading[2], heading[3]
    else:
        hints.append(paragraph)
