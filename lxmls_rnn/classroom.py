"""Progress and answers of a class, read from the folders that `docker/jupyterhub/collect.sh` makes."""

from __future__ import annotations

import html
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from lxmls_rnn.runs import Run, find_runs
from lxmls_rnn.storage import records
from lxmls_rnn.storage.files import escaped, in_words

PROGRESS, ANSWERS = "exercises.json", "answers.json"  # in a folder of runs
OPTIONAL = frozenset({"torch_loop", "torch_gradients", "torch_layer", "jax_scan", "jax_gradients"})  # exercises
OPTIONAL |= {"unknown_words", "early_stopping", "pad_batch", "clip", "forget_gate"}
LEGEND = (
    "✓ right, ✗ not right, … not yet; 3×: three tries, 1?: one hint, s: the solution was shown; minutes. "
    "Exercises that nobody has begun are left out. Optional ones count after a +."
)
TIME = "%Y-%m-%d %H:%M"  # format of dates and times
STATE_SIGNS = {"right": "✓", "not right": "✗", "not yet": "…"}


@dataclass
class Entry:
    """The progress of a student in an exercise: state, tries, hints, solution shown, times."""

    state: str = "not yet"
    tries: records.Count = 0
    hints: records.Count = 0
    solution: bool = False
    done: str | None = None
    begun: str | None = None  # the first try or hint

    @property
    def minutes(self) -> int | None:
        """Minutes from the first try or hint until the exercise was done; None if unknown."""
        try:
            begun, done = (datetime.strptime(said or "", TIME) for said in (self.begun, self.done))
        except ValueError:
            return None
        return round((done - begun).total_seconds() / 60)


@dataclass
class Answer:
    """An answer in words, and when it was written."""

    text: str
    written: str


@dataclass
class Student:
    """The exercises, answers and runs of a student."""

    name: str
    exercises: dict[str, Entry] = field(default_factory=dict)  # by name, in the order in which they were begun
    answers: dict[str, Answer] = field(default_factory=dict)  # by question, in the order in which they were begun
    runs: list[Run] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)  # a message for each file that could not be read

    @property
    def n_done(self) -> int:
        """The number of exercises that are right, without optional ones."""
        return sum(entry.state == "right" for name, entry in self.exercises.items() if name not in OPTIONAL)

    @property
    def n_optional(self) -> int:
        """The number of optional exercises that are right."""
        return sum(entry.state == "right" for name, entry in self.exercises.items() if name in OPTIONAL)

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
    """Read the work of a class, sorted by student: `folder` has a folder for each, with a folder `runs` in it.

    Raise FileNotFoundError if `folder` does not exist or has no student's folder in it.
    """
    found = sorted(runs.parent for runs in folder.glob("*/runs") if runs.is_dir())
    if not found:
        raise FileNotFoundError(
            f"{folder} has no student's folder, such as {folder}/anna/runs: make them with "
            "docker/jupyterhub/collect.sh (a teacher's server sees only students whose servers existed when it started)"
        )
    return [_read_student(student) for student in found]


def _read_student(folder: Path) -> Student:
    student = Student(folder.name)
    for name, kind, into in ((PROGRESS, Entry, student.exercises), (ANSWERS, Answer, student.answers)):
        try:
            into.update(records.read(dict[str, kind], folder / "runs" / name))  # type: ignore[valid-type]
        except FileNotFoundError:
            pass
        except (ValueError, OSError) as error:
            student.damaged.append(in_words(error))
    student.runs, damaged = find_runs(folder / "runs")
    student.damaged += [broken.why for broken in damaged]
    return student


def exercises_of(students: list[Student]) -> list[str]:
    """Return the names of all exercises that a student has begun, roughly in the order of the course."""
    return _in_order(student.exercises for student in students)


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


def table(students: list[Student]) -> tuple[list[str], list[list[str]]]:
    """Return header and lines: one per student, and a last one with how many have done each exercise.

    A cell says whether the exercise is right (✓), not right (✗) or not yet there (…), after how many tries (×), with
    how many hints (?), whether the solution was shown (s), and how many minutes it took, from the first try or hint on.
    """
    names = exercises_of(students)
    header = ["student", *names, "done", "last done", "answers", "runs", "best on dev"]
    lines = []
    for student in students:
        cells = [_cell(student.exercises.get(name)) for name in names]
        best = "" if student.best is None else f"{student.best:.1%}"
        optional = f" + {student.n_optional}" if student.n_optional else ""
        done = f"{student.n_done} of {len(set(names) - OPTIONAL)}{optional}"
        counted = [str(len(student.answers)), str(len(student.runs))]
        lines.append([student.name, *cells, done, student.last, *counted, best])
    done_by = [sum(s.exercises.get(name, Entry()).state == "right" for s in students) for name in names]
    lines.append(["done by", *(f"{n} of {len(students)}" for n in done_by), "", "", "", "", ""])
    return header, lines


def _cell(entry: Entry | None) -> str:
    if entry is None:
        return ""
    more = [f"{entry.tries}×"] if entry.tries else []
    more += [f"{entry.hints}?"] if entry.hints else []
    more += ["s"] if entry.solution else []
    more += [f"{entry.minutes}min"] if entry.minutes is not None else []
    return " ".join([STATE_SIGNS.get(entry.state, entry.state), *more])


def spreadsheet(students: list[Student]) -> list[list[object]]:
    """Return header and lines for a spreadsheet: one line per student, five columns per exercise, and totals."""
    names = exercises_of(students)
    parts = ("", " tries", " hints", " solution", " minutes")
    of_exercises = [f"{name}{part}" for name in names for part in parts]
    lines: list[list[object]] = [["student", *of_exercises, "done", "last done", "answers", "runs", "best on dev"]]
    for student in students:
        cells: list[object] = []
        for entry in (student.exercises.get(name) for name in names):
            if entry is None:
                cells += [None] * len(parts)
            else:
                cells += [entry.state, entry.tries, entry.hints, "shown" if entry.solution else None, entry.minutes]
        counted = [student.n_done, student.last, len(student.answers), len(student.runs), student.best]
        lines.append([student.name, *cells, *counted])
    return lines


def stuck(students: list[Student]) -> list[str]:
    """Return a line for each exercise that students tried without success, most students first."""
    said = []
    for name in exercises_of(students):
        entries = [(s.name, s.exercises[name]) for s in students if name in s.exercises]
        open_ = [(student, entry) for student, entry in entries if entry.state != "right" and entry.tries]
        if open_:
            tries = sum(entry.tries for _, entry in open_)
            said.append((len(open_), tries, f"{name}: {', '.join(student for student, _ in open_)}, {tries} tries"))
    return [text for *_, text in sorted(said, key=lambda one: (-one[0], -one[1]))]


def as_html(students: list[Student]) -> str:
    """Return a page with the table and the answers in words."""
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>The class</title>
<style>
body {{ font-family: sans-serif; max-width: 75em }} table {{ border-collapse: collapse }}
td, th {{ border: 1px solid #bbb; padding: 3px 8px; text-align: left }}
</style>
<h1>The class</h1>
{progress_html(students)}
{answers_html(students)}
</html>
"""


def progress_html(students: list[Student]) -> str:
    """Return the table, the exercises with most failures, and unreadable files, as HTML; "" without students."""
    if not students:
        return ""
    header, lines = table(students)
    rows = "\n".join(f"<tr>{''.join(f'<td>{_html(cell)}</td>' for cell in line)}</tr>" for line in lines)
    head = "".join(f"<th>{_html(name)}</th>" for name in header)
    worst = "".join(f"<li>{_html(text)}</li>" for text in stuck(students))
    broken = "".join(f"<li>{_html(why)}</li>" for student in students for why in student.damaged)
    return f"""<table><thead><tr>{head}</tr></thead><tbody>
{rows}
</tbody></table>
<p>{LEGEND}</p>
{f"<h2>Stuck</h2><ul>{worst}</ul>" if worst else ""}
{f"<h2>Not readable</h2><ul>{broken}</ul>" if broken else ""}"""


def answers_html(students: list[Student]) -> str:
    """Return the written answers as HTML, grouped by question."""
    parts = []
    for question, answers in answers_of(students).items():
        said = "".join(
            f"<dt><b>{_html(name)}</b></dt><dd style='white-space:pre-wrap'>{_html(text)}</dd>"
            for name, text in answers.items()
        )
        parts.append(f"<h3>{_html(question)}</h3><dl>{said}</dl>")
    return "\n".join(["<h2>Answers in words</h2>", *parts]) if parts else ""


def _html(text: str) -> str:
    """Escape a student's text for HTML, with control characters except line breaks as backslash escapes."""
    return "\n".join(html.escape(escaped(line)) for line in text.split("\n"))
