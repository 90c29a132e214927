"""Lines of JSON between `lxmls-rnn class check` and the process that runs a student's code."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

from lxmls_rnn.storage import records

NOT_CHECKED = "not checked"  # besides the states of a check: the framework is missing
READY = ""  # the exercise of an answer that only says that the process is ready
MAX_TEXT = 2000  # characters of a verdict


@dataclass(frozen=True)
class Cell:
    """A code cell of a student's notebook."""

    number: int  # of the cell in the notebook, from 1
    source: str
    is_run: bool  # as a whole: it is of the exercise or one that it uses; of others only imports and definitions
    is_own: bool  # it is of the exercise that is checked
    is_changed: bool  # it differs from the notebook that was handed out


@dataclass(frozen=True)
class Task:
    """An exercise in a student's notebook: the cells up to its check, and possible names of what is checked."""

    exercise: str
    names: list[str]
    cells: list[Cell]


@dataclass(frozen=True)
class Job:
    """The tasks of a student, and limits; `hidden` are folders to cover, None if the process is not isolated."""

    tasks: list[Task]
    hidden: list[str] | None
    seconds: float
    megabytes: int

    def to_json(self) -> str:
        """Return a line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, line: str) -> Job:
        """Return the job in a line."""
        return records.parse(cls, line)


@dataclass(frozen=True)
class Answer:
    """The verdict on an exercise, and what the student's code imports or uses that solutions have no use for."""

    exercise: str
    state: str
    text: str
    unusual: list[str] = field(default_factory=list)

    def to_json(self) -> str:
        """Return a line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, line: bytes) -> Answer:
        """Return the answer in a line; raise ValueError if it is not one."""
        return records.parse(cls, line)
