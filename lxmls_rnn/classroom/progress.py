"""Progress and answers of a class, read from the folders that `lxmls-rnn class collect` makes."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from lxmls_rnn.classroom.tasks import NOT_RIGHT, NOT_YET, RIGHT
from lxmls_rnn.runs import Run, find_runs
from lxmls_rnn.storage import records
from lxmls_rnn.storage.files import escaped, in_words

PROGRESS, ANSWERS = "exercises.json", "answers.json"  # in a folder of runs
ERROR = ".error"  # in a student's folder: the error that stopped its collection
TIME = "%Y-%m-%d %H:%M"  # format of dates and times
STATE_SIGNS = {RIGHT: "✓", NOT_RIGHT: "✗", NOT_YET: "…"}
STUCK_TRIES, STUCK_MINUTES = 3, 10  # a student is stuck after so many tries over so much time without success
MAX_DEPTH = 3  # folders between a class's folder and a misplaced folder of runs


def escaped_lines(text: str) -> str:
    """Return a student's text with control characters except line breaks as backslash escapes."""
    return "\n".join(map(escaped, text.split("\n")))


def lab_folders() -> list[Path]:
    """Return the folders of the package `lab`, none if it is not installed."""
    lab = importlib.util.find_spec("lab")
    return [Path(folder) for folder in lab.submodule_search_locations or []] if lab else []


def _course() -> dict[str, bool]:
    """Return the exercises in the order of the course, and whether each is optional, from the lab's catalogue."""
    files = sorted(file for folder in lab_folders() for file in (folder / "exercises" / "catalogue").glob("*.md"))
    return {file.stem.partition("-")[2]: "\n- optional: " in file.read_text(encoding="utf-8") for file in files}


COURSE = _course()
OPTIONAL = frozenset(name for name, is_optional in COURSE.items() if is_optional)


@dataclass
class Entry:
    """The progress of a student in an exercise: state, tries, hints, solution shown, times."""

    state: str = NOT_YET
    tries: records.Count = 0
    hints: records.Count = 0
    solution: bool = False
    done: str | None = None
    begun: str | None = None  # the first try or hint
    tried: str | None = None  # the last try

    @property
    def minutes(self) -> int | None:
        """Minutes from the first try or hint until the exercise was done; None if unknown."""
        return self._minutes_until(self.done)

    @property
    def is_stuck(self) -> bool:
        """Whether `STUCK_TRIES` over `STUCK_MINUTES` (if the times are known) brought no success."""
        minutes = self._minutes_until(self.tried)
        enough = self.tries >= STUCK_TRIES and (minutes is None or minutes >= STUCK_MINUTES)
        return self.state != RIGHT and enough

    def _minutes_until(self, end: str | None) -> int | None:
        try:
            begun, ended = (datetime.strptime(said or "", TIME) for said in (self.begun, end))
        except ValueError:
            return None
        return round((ended - begun).total_seconds() / 60)


@dataclass
class Answer:
    """An answer in words, and when it was written."""

    text: str
    written: str


class Problem(NamedTuple):
    """A problem with what a student handed in: one word for a narrow column, and a sentence."""

    kind: str  # 'empty', 'no runs', 'zipped', 'misplaced' or 'damaged'
    text: str


@dataclass
class Student:
    """The exercises, answers and runs of a student."""

    name: str
    exercises: dict[str, Entry] = field(default_factory=dict)  # by name, in the order in which they were begun
    answers: dict[str, Answer] = field(default_factory=dict)  # by question, in the order in which they were begun
    runs: list[Run] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    folder: Path = Path(os.devnull)  # the one with `runs` and `notebooks` in it, or a zip file

    @property
    def kinds(self) -> str:
        """The kinds of the problems, each once."""
        return ", ".join(dict.fromkeys(problem.kind for problem in self.problems))

    @property
    def n_done(self) -> int:
        """The number of exercises that are right, without optional ones."""
        return sum(entry.state == RIGHT for name, entry in self.exercises.items() if name not in OPTIONAL)

    @property
    def n_optional(self) -> int:
        """The number of optional exercises that are right."""
        return sum(entry.state == RIGHT for name, entry in self.exercises.items() if name in OPTIONAL)

    @property
    def best(self) -> float | None:
        """The best accuracy on dev of the runs, None if none was measured."""
        measured = [row.dev_accuracy for run in self.runs for row in run.metrics()]
        return max((accuracy for accuracy in measured if accuracy is not None), default=None)

    @property
    def last(self) -> str:
        """The time at which the student last completed an exercise; "" if none is done."""
        return max((entry.done or "" for entry in self.exercises.values()), default="")


def read_class(folder: Path) -> list[Student]:
    """Read the work of a class, sorted by student: each folder or zip file in `folder` is a student.

    A student's folder should have a folder `runs` in it; one that has not, or that is damaged, has `problems`. Hidden
    entries are ignored, and so are other files. Raise FileNotFoundError if `folder` does not exist or nothing of a
    student is in it.
    """
    entries = sorted(folder.iterdir()) if folder.is_dir() and not (folder / "runs").is_dir() else []
    visible = [entry for entry in entries if not entry.name.startswith(".") and (entry.is_dir() or _is_zip(entry))]
    students = [_try_to_read(entry) for entry in visible]
    if all(s.kinds in ("empty", "no runs") and not (folder / s.name / "notebooks").is_dir() for s in students):
        raise FileNotFoundError(
            f"{folder} has no student's folder, such as {folder}/anna/runs: make them with `lxmls-rnn class collect`, "
            "or with docker/jupyterhub/collect.sh (a teacher's server sees only students whose servers existed when it "
            "started)"
        )
    return students


def _is_zip(file: Path) -> bool:
    return file.suffix.lower() == ".zip" and file.is_file()


def _try_to_read(entry: Path) -> Student:
    try:
        return _read_student(entry)
    except OSError as error:
        return Student(entry.name, folder=entry, problems=[Problem("damaged", in_words(error))])


def _read_student(entry: Path) -> Student:
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
    for name, kind, into in ((PROGRESS, Entry, student.exercises), (ANSWERS, Answer, student.answers)):
        try:
            into.update(records.read(dict[str, kind], runs / name))  # type: ignore[valid-type]
        except FileNotFoundError:
            pass
        except (ValueError, OSError) as error:
            student.problems.append(Problem("damaged", in_words(error)))
    student.runs, damaged = find_runs(runs)
    student.problems += [Problem("damaged", broken.why) for broken in damaged]
    return student


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
    found = (path for depth in range(1, MAX_DEPTH) for path in sorted(folder.glob("*/" * depth + "runs")))
    return next((path for path in found if path.is_dir()), None)


def exercises_of(students: list[Student]) -> list[str]:
    """Return the names of all exercises that a student has begun, in the order of the course, unknown ones last."""
    begun = _in_order(student.exercises for student in students)
    return [name for name in COURSE if name in begun] + [name for name in begun if name not in COURSE]


def answers_of(students: list[Student]) -> dict[str, dict[str, str]]:
    """Return the answers to each question by student, roughly in the order of the course."""
    questions = _in_order(student.answers for student in students)
    return {q: {s.name: s.answers[q].text for s in students if q in s.answers} for q in questions}


def _in_order(begun: Iterable[Iterable[str]]) -> list[str]:
    places: dict[str, list[int]] = {}
    for names in begun:
        for place, name in enumerate(names):
            places.setdefault(name, []).append(place)
    return sorted(places, key=lambda name: (max(places[name]), name))
