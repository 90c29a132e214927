"""Lines of JSON between `lxmls-rnn class check`, the process of a student's code, and the one that judges."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

RIGHT, NOT_RIGHT, NOT_YET = "right", "not right", "not yet"
NOT_CHECKED, AGAIN = "not checked", "mark again"  # the framework is missing; the machine is busy
MAX_TEXT = 2000  # characters of a verdict
MAX_LINE_BYTES = 32 << 20
READY, PROBLEM, BEGIN, ANSWER, END = "ready", "problem", "begin", "answer", "end"


@dataclass(frozen=True)
class Spec:
    """The part of an exercise that a harness needs: its kind, the names of the arguments, and of what is returned."""

    kind: str
    arguments: Sequence[str]
    results: Sequence[str]


@dataclass(frozen=True)
class Exercise(Spec):
    """The part of an exercise that a student's process gets: neither solution nor expected values."""

    inputs: list[str]  # a line of JSON (`harness.to_json`) for each case
    code: str  # the digest of the solution (`notebook.digest`)


@dataclass(frozen=True)
class HandedOut:
    """The exercises of the notebooks that were handed out."""

    names: dict[str, str]  # of each exercise the function or class that is checked, in the order of the notebooks
    sources: list[str]  # of all cells
    ids: dict[str, str]  # exercise of a cell's id
    files: list[str]  # names of the notebooks with exercises
    cells: dict[str, str]  # the cell of each exercise


@dataclass(frozen=True)
class Job:
    """The work of a student's process; `hidden` are folders to cover, None if the process is not isolated."""

    notebooks: dict[str, str]  # content of each, in base64, by name
    out: HandedOut
    exercises: dict[str, Exercise]
    answered: list[list[str]]  # notebook and exercise of what is done
    hidden: list[str] | None
    seconds: float  # of the processor, for an exercise
    megabytes: int

    @classmethod
    def from_json(cls, line: str | bytes) -> Job:
        """Return the job in a line, which is trusted."""
        content = json.loads(line)
        exercises = {name: Exercise(**one) for name, one in content["exercises"].items()}
        return cls(**{**content, "out": HandedOut(**content["out"]), "exercises": exercises})


@dataclass(frozen=True)
class Report:
    """A line of a student's process: what happens, in which notebook and exercise."""

    kind: str  # READY, PROBLEM, BEGIN, ANSWER or END
    text: str = ""  # of a problem; of an answer what its process has written, a line with `Said`
    notebook: str = ""
    exercise: str = ""
    code: str = ""  # a digest of the answer's cells


@dataclass(frozen=True)
class Said:
    """The outcome of an answer's code: lines of JSON with named arrays, or a state and its reason."""

    results: list[str] = field(default_factory=list)  # for each case, until one fails
    state: str = ""  # another one than RIGHT if a case has failed
    text: str = ""
    skipped: list[str] = field(default_factory=list)  # cells that failed


@dataclass(frozen=True)
class Verdict:
    """The decision of the judging process on an answer."""

    state: str
    text: str
    share: float = 0.0  # of the named arrays that are right, without those that are right in the cell as handed out
    skipped: list[str] = field(default_factory=list)  # cells that failed, and why
    code: str = ""  # a digest of the answer's cells


def to_json(one: Job | Report | Said | Verdict) -> str:
    """Return a line; half characters (lone surrogates) become question marks."""
    return json.dumps(asdict(one), ensure_ascii=False).encode(errors="replace").decode()
