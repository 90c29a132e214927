"""Progress and answers of a class, read from the folders that `lxmls-rnn class collect` makes."""

from __future__ import annotations

import html
import importlib.util
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from lxmls_rnn.runs import Run, find_runs
from lxmls_rnn.storage import records
from lxmls_rnn.storage.files import escaped, in_words

PROGRESS, ANSWERS = "exercises.json", "answers.json"  # in a folder of runs
LEGEND = (
    "✓ right, ✗ not right, … not yet; 3×: three tries, 1?: one hint, s: the solution was shown; minutes. "
    "Exercises that nobody has begun are left out. Optional ones count after a +."
)
ERROR = ".error"  # in a student's folder: the error that stopped its collection
RENDERINGS = ("sheet", "page", "wide", "narrow")  # a spreadsheet, HTML, a wide terminal and one of 80 columns
PROBLEM_STYLE = "color:#b71c1c;min-width:8em"
COLUMN_STYLE = "writing-mode:vertical-rl;transform:rotate(180deg);white-space:nowrap"  # narrow: there are 30 columns
STUDENT_STYLE = "position:sticky;left:0;background:#fff;color:#000"  # the table is wide and scrolls
TIME = "%Y-%m-%d %H:%M"  # format of dates and times
STATE_SIGNS = {"right": "✓", "not right": "✗", "not yet": "…"}
STUCK_TRIES, STUCK_MINUTES = 3, 10  # a student is stuck after so many tries over so much time without success
MAX_DEPTH = 3  # folders between a class's folder and a misplaced folder of runs


def _course() -> dict[str, bool]:
    """Return the exercises in the order of the course, and whether each is optional, from the lab's catalogue."""
    lab = importlib.util.find_spec("lab")
    folders = [Path(folder) for folder in lab.submodule_search_locations or []] if lab else []
    files = sorted(file for folder in folders for file in (folder / "exercises" / "catalogue").glob("*.md"))
    return {file.stem.partition("-")[2]: "\n- optional: " in file.read_text(encoding="utf-8") for file in files}


COURSE = _course()
OPTIONAL = frozenset(name for name, is_optional in COURSE.items() if is_optional)


@dataclass
class Entry:
    """The progress of a student in an exercise: state, tries, hints, solution shown, times."""

    state: str = "not yet"
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
        return self.state != "right" and enough

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


QUANTITIES: dict[str, Callable[[Entry], object]] = {  # columns of a spreadsheet for each exercise, beside its state
    "tries": lambda entry: entry.tries,
    "hints": lambda entry: entry.hints,
    "solution": lambda entry: "shown" if entry.solution else None,
    "minutes": lambda entry: entry.minutes,
}


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


class Column(NamedTuple):
    """A column of the class table; `cells` has a function for each rendering that has the column."""

    title: str
    cells: dict[str, Callable[[Student], object]]
    short: str = ""  # the title in 80 columns, if it is another one
    last: str = ""  # the cell of the last line


def columns(students: list[Student]) -> list[Column]:
    """Return the columns of the class table in all `RENDERINGS`.

    The cell of an exercise says whether it is right (✓), not right (✗) or not yet there (…), after how many tries (×),
    with how many hints (?), whether the solution was shown (s), and how many minutes it took, from the first try or
    hint on. A spreadsheet has a column for each of these, and 80 columns have room for a sign.
    """
    names = exercises_of(students)

    def everywhere(value: Callable[[Student], object], **other: Callable[[Student], object]) -> dict[str, Any]:
        return dict.fromkeys(RENDERINGS, value) | other

    def of(name: str, quantity: Callable[[Entry], object]) -> Callable[[Student], object]:
        return lambda student: quantity(student.exercises[name]) if name in student.exercises else None

    def done(student: Student, plus: str, among: str = "") -> str:
        return f"{student.n_done}{among}{f'{plus}{student.n_optional}' if student.n_optional else ''}"

    def signs(student: Student) -> str:
        return "".join(_sign(student.exercises.get(name)) for name in names)

    def best(student: Student) -> str:
        return "" if student.best is None else f"{student.best:.1%}"

    def problems(student: Student) -> str:
        return "; ".join(problem.text for problem in student.problems)

    found = [Column("student", everywhere(lambda student: student.name), last="done by")]
    for name in names:
        cell = of(name, _cell)
        done_by = f"{_done_by(students, name)} of {len(students)}"
        found.append(Column(name, {"sheet": of(name, lambda e: e.state), "page": cell, "wide": cell}, last=done_by))
        found += [Column(f"{name} {title}", {"sheet": of(name, quantity)}) for title, quantity in QUANTITIES.items()]
    numbers = "".join(str(n % 10) for n in range(1, len(names) + 1))
    among = f" of {len(set(names) - OPTIONAL)}"
    of_course = {"sheet": lambda student: student.n_done, "narrow": lambda student: done(student, "+")}
    kinds = {"wide": lambda student: student.kinds, "narrow": lambda student: student.kinds}
    return [
        *found,
        Column(numbers or "exercises", {"narrow": signs}),
        Column("done", everywhere(lambda student: done(student, " + ", among), **of_course)),
        Column("last done", everywhere(lambda student: student.last, narrow=lambda student: student.last[5:])),
        Column("answers", everywhere(lambda student: len(student.answers)), "answ"),
        Column("runs", everywhere(lambda student: len(student.runs))),
        Column("best on dev", everywhere(best, sheet=lambda student: student.best), "dev"),
        Column("problems", everywhere(problems, **kinds), "problem"),
    ]


def table(students: list[Student], rendering: str = "page") -> tuple[list[str], list[list[Any]]]:
    """Return header and lines: one per student, and on a page and in a wide terminal how many have done each exercise.

    The cells are texts; those of a spreadsheet are values.
    """
    shown = [column for column in columns(students) if rendering in column.cells]
    header = [column.short or column.title if rendering == "narrow" else column.title for column in shown]
    lines = [[column.cells[rendering](student) for column in shown] for student in students]
    if rendering == "sheet":
        return header, lines
    last = [] if rendering == "narrow" else [[column.last for column in shown]]
    return header, [*(["" if cell is None else str(cell) for cell in line] for line in lines), *last]


def narrow_legend(students: list[Student]) -> str:
    """Return the legend of the table in 80 columns."""
    done_by = (f"{n} {name} ({_done_by(students, name)})" for n, name in enumerate(exercises_of(students), 1))
    return (
        "✓ right, ✗ not right, … not yet, · not begun. A wider terminal, --html and --csv show tries, hints and times. "
        f"How many of {len(students)} have done each exercise: {', '.join(done_by)}."
    )


def _done_by(students: list[Student], name: str) -> int:
    return sum(student.exercises.get(name, Entry()).state == "right" for student in students)


def _sign(entry: Entry | None) -> str:
    return "·" if entry is None else STATE_SIGNS.get(entry.state, "?")


def _cell(entry: Entry) -> str:
    more = [f"{entry.tries}×"] if entry.tries else []
    more += [f"{entry.hints}?"] if entry.hints else []
    more += ["s"] if entry.solution else []
    more += [f"{entry.minutes}min"] if entry.minutes is not None else []
    return " ".join([STATE_SIGNS.get(entry.state, entry.state), *more])


def stuck(students: list[Student]) -> list[str]:
    """Return a line for each exercise at which students are stuck (`Entry.is_stuck`), most students first."""
    said = []
    for name in exercises_of(students):
        entries = [(s.name, s.exercises[name]) for s in students if name in s.exercises]
        open_ = [(student, entry) for student, entry in entries if entry.is_stuck]
        if open_:
            tries = sum(entry.tries for _, entry in open_)
            said.append((len(open_), tries, f"{name}: {', '.join(student for student, _ in open_)}, {tries} tries"))
    return [text for *_, text in sorted(said, key=lambda one: (-one[0], -one[1]))]


def as_html(students: list[Student]) -> str:
    """Return a page with the table and the answers in words."""
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>The class</title>
<style>
body {{ font-family: sans-serif; max-width: 86em }} table {{ border-collapse: collapse }}
td, th {{ border: 1px solid #bbb; padding: 2px 3px; text-align: left }}
</style>
<h1>The class</h1>
{progress_html(students)}
{answers_html(students)}
</html>
"""


def progress_html(students: list[Student]) -> str:
    """Return the table, and the exercises at which students are stuck, as HTML; "" without students."""
    if not students:
        return ""
    header, lines = table(students)
    rows = "\n".join(
        f"<tr><th scope='row' style='{STUDENT_STYLE}'>{_html(name)}</th>"
        f"{''.join(f'<td>{_html(cell)}</td>' for cell in cells)}<td style='{PROBLEM_STYLE}'>{_html(problem)}</td></tr>"
        for name, *cells, problem in lines
    )
    head = "".join(f"<th scope='col' style='{COLUMN_STYLE}'>{_html(name)}</th>" for name in header)
    worst = "".join(f"<li>{_html(text)}</li>" for text in stuck(students))
    return f"""<div style="overflow-x:auto"><table style="font-size:10px"><thead><tr>{head}</tr></thead><tbody>
{rows}
</tbody></table></div>
<p>{LEGEND}</p>
{f"<h2>Stuck</h2><ul>{worst}</ul>" if worst else ""}"""


def answers_html(students: list[Student]) -> str:
    """Return the written answers as HTML, grouped by question."""
    parts = []
    for question, answers in answers_of(students).items():
        said = "".join(f"<dt><b>{_html(name)}</b></dt><dd>{_html(text)}</dd>" for name, text in answers.items())
        parts.append(f"<h3>{_html(question)}</h3><dl style='white-space:pre-wrap'>{said}</dl>")
    return "\n".join(["<h2>Answers in words</h2>", *parts]) if parts else ""


def _html(text: str) -> str:
    """Escape a student's text for HTML, with control characters except line breaks as backslash escapes."""
    return "\n".join(html.escape(escaped(line)) for line in text.split("\n"))
