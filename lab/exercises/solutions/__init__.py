"""Solutions of the exercises, one file each; `check.solution` shows them, and tests run them in the notebook."""

from pathlib import Path


def code(exercise: str) -> str:
    """Return the code of a solution; FileNotFoundError if there is none of that name."""
    return (Path(__file__).parent / f"{exercise}.py").read_text(encoding="utf-8")
