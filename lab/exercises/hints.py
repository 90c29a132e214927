"""The exercises in their order, and the hints of each, from a nudge to nearly the solution: what hints.txt says.

There a paragraph is a hint, and a line with a # begins an exercise: its name, its number in the lab guide, its title.
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
