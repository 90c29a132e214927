"""The solutions of the exercises, a file each: what `check.solution` shows and what the tests run in the notebook."""

from __future__ import annotations

from pathlib import Path


def code(exercise: str) -> str:
    """Return the code of a solution; FileNotFoundError if there is none of that name."""
    text = (Path(__file__).parent / f"{exercise}.py").read_text(encoding="utf-8")
    return text.split("\n\n", 1)[1].strip() + "\n"  # the first lines speak to the tools only
