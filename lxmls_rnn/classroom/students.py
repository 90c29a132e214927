"""The students of a class, with their progress and answers, read from the folders that `lxmls-rnn class collect` makes.

Callers pass the exercises of the course, a `Course`: the package imports no exercise.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TypeVar

from lxmls_rnn.runs import Run, find_runs
from lxmls_rnn.storage import records
from lxmls_rnn.storage.messages import escaped, in_words

T = TypeVar("T")
Course = Mapping[str, bool]  # the exercises in their order, and whether each is optional

RIGHT, NOT_RIGHT, NOT_YET = "right", "not right", "not yet"
PROGRESS, ANSWERS = "exercises.json", "answers.json"  # in a folder of runs
PROGRESS_FORMAT, ANSWERS_FORMAT = records.Format("lxmls-rnn exercises"), records.Format("lxmls-rnn answers")
ERROR = ".error"  # in a student's folder: the error that stopped its collection
TIME = "%Y-%m-%d %H:%M"  # format of dates and times
STATE_SIGNS = {RIGHT: "✓", NOT_RIGHT: "✗", NOT_YET: "…"}
STUCK_TRIES, STUCK_MINUTES = 3, 10  # a student is stuck after so many tries over so much time without success
MAX_CAUSE_CHARACTERS = 300  # the lab's sentences are shorter
MAX_ANSWERS = 200  # of a student; the lab asks some 40 questions
MAX_DEPTH = 3  # folders between a class's folder and a misplaced folder of runs


def escaped_lines(text: str) -> str:
    """Return a student's text with control characters except line breaks as backslash escapes."""
    return "\n".join(map(escaped, text.split("\n")))


@dataclass
class Attempts:
    """The progress of a student in an exercise: state, last cause, tries, hints, solution shown, times."""

    state: str = NOT_YET
    tries: records.Count = 0
    hints: records.Count = 0
    solution: bool = False
    done: str | None = None
    begun: str | None = None  # the first try or hint
    tried: str | None = None  # the last try
    cause: str | None = None  # a sentence about the mistake of the last try; None if it was right or not filled in

    @property
    def minutes(self) -> int | None:
        """Minutes from the first try or hint until the exercise was done; None if unknown."""
        return self._minutes_until(self.done)

    @property
    def mistake(self) -> str:
        """The beginning of the cause, in a line that is safe to print; "" if there is none."""
        return escaped((self.cause or "")[:MAX_CAUSE_CHARACTERS])

    @property
    def is_stuck(self) -> bool:
        """Whether `STUCK_TRIES` over `STUCK_MINUTES` (if the times are known) brought no success."""
        minutes = self._minutes_until(self.tried)
        enough = self.tries >= STUCK_TRIES and (minutes is None or minutes >= STUCK_MINUTES)
        return self.state != RIGHT and enough

    def _minutes_until(self, end: str | None) -> int | None:
        try:
            begun, ended = (datetime.strptime(text or "", TIME) for text in (self.begun, end))
        except ValueError:
            return None
        return round((ended - begun).total_seconds() / 60)


@dataclass
class WrittenAnswer:
    """An answer in words, and when it was written."""

    text: str
    written: str


class Problem(NamedTuple):
    """A problem with the files of a student: one word for a narrow column, and a sentence."""

    kind: str  # 'empty', 'no runs', 'zipped', 'misplaced' or 'damaged'
    text: str


@dataclass
class Student:
    """The exercises, answers and runs of a student."""

    name: str
    exercises: dict[str, Attempts] = field(default_factory=dict)  # by name, in the order in which they were begun
    answers: dict[str, WrittenAnswer] = field(default_factory=dict)  # by question, in the same order
    runs: list[Run] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    folder: Path = Path(os.devnull)  # the one with `runs` and `notebooks` in it, or a zip file

    @property
    def kinds(self) -> str:
        """The kinds of the problems without repetition."""
        return ", ".join(dict.fromkeys(problem.kind for problem in self.problems))

    @property
    def best(self) -> float | None:
        """The best accuracy on dev of the runs, None if none was measured."""
        measured = [row.dev_accuracy for run in self.runs for row in run.metrics()]
        return max((accuracy for accuracy in measured if accuracy is not None), default=None)

    @property
    def last(self) -> str:
        """The time at which the student last completed an exercise; "" if none is done."""
        return max((entry.done or "" for entry in self.exercises.values()), default="")


@dataclass
class SchoolClass:
    """The students of a class, sorted by name, and the exercises of their course."""

    students: list[Student]
    course: Course

    @property
    def exercises(self) -> list[str]:
        """The exercises of the course that a student has begun."""
        return [name for name in self.course if any(name in student.exercises for student in self.students)]

    @property
    def answers(self) -> dict[str, dict[str, str]]:
        """The answers to each question by student, roughly in the order of the course."""
        questions = _in_order(student.answers for student in self.students)
        return {q: {s.name: s.answers[q].text for s in self.students if q in s.answers} for q in questions}


def read_class(folder: Path, course: Course) -> SchoolClass:
    """Read the work of a class: each folder or zip file in `folder` is a student.

    A student without a folder `runs`, or with a damaged file, has `problems`. Hidden entries, other files, and
    exercises that are not in the course are ignored. Raise FileNotFoundError if
    `folder` does not exist or nothing of a student is in it.
    """
    entries = sorted(folder.iterdir()) if folder.is_dir() and not (folder / "runs").is_dir() else []
    visible = [entry for entry in entries if not entry.name.startswith(".") and (entry.is_dir() or _is_zip(entry))]
    students = [_try_to_read(entry, course) for entry in visible]
    if all(s.kinds in ("empty", "no runs") and not (folder / s.name / "notebooks").is_dir() for s in students):
        raise FileNotFoundError(
            f"{folder} has no student's folder, such as {folder}/anna/runs: make them with `lxmls-rnn class collect`"
        )
    return SchoolClass(students, course)


def _is_zip(file: Path) -> bool:
    return file.suffix.lower() == ".zip" and file.is_file()


def _try_to_read(entry: Path, course: Course) -> Student:
    try:
        return _read_student(entry, course)
    except OSError as error:
        return Student(entry.name, folder=entry, problems=[Problem("damaged", in_words(error))])


def _read_student(entry: Path, course: Course) -> Student:
    if not entry.is_dir():
        return Student(entry.stem, folder=entry, problems=[_zipped(entry)])
    student = Student(entry.name, folder=entry)
    runs = entry / "runs"
    if not runs.is_dir():
        student.problems.append(problem := _without_runs(entry))
        if problem.kind != "misplaced":
            return student
        runs = _misplaced_runs(entry) or entry
        student.folder = runs.parent if runs.name == "runs" else entry
    tried = _read_stored(Attempts, runs / PROGRESS, PROGRESS_FORMAT, student)
    student.exercises = {name: one for name, one in tried.items() if name in course}
    answers = _read_stored(WrittenAnswer, runs / ANSWERS, ANSWERS_FORMAT, student)
    student.answers = dict(islice(answers.items(), MAX_ANSWERS))
    if len(answers) > MAX_ANSWERS:
        text = f"{runs / ANSWERS} has {len(answers):,} answers: the first {MAX_ANSWERS} are shown"
        student.problems.append(Problem("damaged", text))
    student.runs, damaged = find_runs(runs)
    student.problems += [Problem("damaged", broken.why) for broken in damaged]
    return student


def _read_stored(kind: type[T], file: Path, form: records.Format, student: Student) -> dict[str, T]:
    """Return the entries of a file of a student, none if it is missing or damaged."""
    try:
        return records.read_entries(kind, file, form)
    except FileNotFoundError:
        return {}
    except (ValueError, OSError) as error:
        student.problems.append(Problem("damaged", in_words(error)))
        return {}


def _zipped(file: Path) -> Problem:
    return Problem("zipped", f"{file} is not unpacked: `lxmls-rnn class collect` unpacks it")


def _without_runs(folder: Path) -> Problem:
    if (folder / ERROR).is_file():
        return Problem("damaged", (folder / ERROR).read_text())
    content = [entry for entry in folder.iterdir() if not entry.name.startswith(".")]
    if not content:
        return Problem("empty", f"{folder} is empty")
    runs = _misplaced_runs(folder)
    if runs or (folder / PROGRESS).is_file() or (folder / ANSWERS).is_file():
        return Problem("misplaced", f"{runs or folder} holds what is expected in {folder / 'runs'}")
    if zips := [entry for entry in content if _is_zip(entry)]:
        return _zipped(zips[0])
    return Problem("no runs", f"{folder} has no folder runs: nothing is stored about exercises, answers and trainings")


def _misplaced_runs(folder: Path) -> Path | None:
    paths = (path for depth in range(1, MAX_DEPTH) for path in sorted(folder.glob("*/" * depth + "runs")))
    return next((path for path in paths if path.is_dir()), None)


def _in_order(begun: Iterable[Iterable[str]]) -> list[str]:
    places: dict[str, list[int]] = {}
    for names in begun:
        for place, name in enumerate(names):
            places.setdefault(name, []).append(place)
    return sorted(places, key=lambda name: (max(places[name]), name))
