"""Answers of students with the expected verdicts: a text file for each exercise, README.md describes its format."""

import re
from dataclasses import dataclass
from pathlib import Path

from lab.exercises import solutions
from lab.exercises.hints import EXERCISES

FOLDER = Path(__file__).parent
STATES = {"right": "right", "wrong": "not right", "unfinished": "not yet"}
MARKS = ("= ", "~ ", "! ")  # README.md
# what the notebook's cells before an exercise have: imports by framework, and the exercises that it builds on
IMPORTS = {
    "torch": "import torch\nfrom torch import nn",
    "jax": "import jax\nimport jax.numpy as jnp\nfrom jax import lax",
}
BEFORE = {
    "lstm_step": ["lstm_gates"],
    "lstm": ["lstm_gates", "lstm_step"],
    "torch_gradients": ["torch_loop"],
    "jax_gradients": ["jax_scan"],
}


@dataclass
class Answer:
    """One answer: its code, the expected state, and parts of the verdict."""

    exercise: str
    line: int  # where it begins in the file
    state: str
    slow: bool
    code: str
    says: list[str]
    marks: set[str]

    def __str__(self) -> str:
        return f"{self.exercise}.txt:{self.line}"


def read(exercise: str) -> list[Answer]:
    """Return the answers to an exercise."""
    lines = (FOLDER / f"{exercise}.txt").read_text(encoding="utf-8").splitlines()
    starts = [n for n, line in enumerate(lines) if line.startswith("## ")]
    return [_answer(exercise, n + 1, lines[n:end]) for n, end in zip(starts, [*starts[1:], len(lines)], strict=True)]


def _answer(exercise: str, number: int, lines: list[str]) -> Answer:
    title, *body = lines
    kind, *slow = title.removeprefix("## ").split(":")[0].split()
    expected = [line for line in body if line.startswith(MARKS)]
    code = "\n".join(line for line in body if line not in expected).strip("\n") + "\n"
    if code.startswith("- "):
        code = _changed(solutions.code(exercise), code)
    says = [line[2:] for line in expected]
    return Answer(exercise, number, STATES[kind], slow == ["slow"], code, says, {line[0] for line in expected})


def _changed(code: str, changes: str) -> str:
    """Replace the lines after "- " by those after "+ "."""
    for old, new in re.findall(r"((?:^- .*\n)+)((?:^\+.*\n)*)", changes, re.MULTILINE):
        before, after = ("\n".join(line[2:] for line in part.splitlines()) for part in (old, new))
        assert before in code, f"the code has no {before!r}"
        code = code.replace(before, after)
    return code


def everything() -> list[Answer]:
    """Return all answers, in the order of the exercises."""
    return [answer for exercise in EXERCISES for answer in read(exercise)]


def table() -> str:
    """Return a table in Markdown: the answers of each exercise by what their verdicts say."""
    rows = ["| exercise | right | unfinished | right cause | only what differs | misleading |", "|---|" + "---:|" * 5]
    total = [0] * 5
    for exercise in EXERCISES:
        answers = read(exercise)
        wrong = [answer.marks for answer in answers if answer.state == STATES["wrong"]]
        states = [sum(answer.state == STATES[kind] for answer in answers) for kind in ("right", "unfinished")]
        counts = [*states, *(sum(mark == max(marks, key="~=!".index) for marks in wrong) for mark in "=~!")]
        total = [a + b for a, b in zip(total, counts, strict=True)]
        rows.append(f"| {exercise} | {' | '.join(map(str, counts))} |")
    return "\n".join([*rows, f"| all | {' | '.join(map(str, total))} |"])
