"""The table of a class for a page, a spreadsheet and a terminal; stuck students; mistakes; written answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from html import escape
from typing import Any, NamedTuple

from lxmls_rnn.classroom.students import RIGHT, STATE_SIGNS, Attempts, SchoolClass, Student, escaped_lines

LEGEND = (
    "✓ right, ✗ not right, … not yet; 3×: three tries, 1?: one hint, s: the solution was shown; minutes. "
    "Exercises that nobody has begun are left out. Optional ones count after a +."
)
RENDERINGS = ("sheet", "page", "wide", "narrow")  # a spreadsheet, HTML, a wide terminal and one of 80 columns
PROBLEM_STYLE = "color:#b71c1c;min-width:8em"
MAX_MISTAKES = 3  # of an exercise
COLUMN_STYLE = "writing-mode:vertical-rl;transform:rotate(180deg);white-space:nowrap"  # narrow: there are 30 columns
STUDENT_STYLE = "position:sticky;left:0;background:#fff;color:#000"  # the table is wide and scrolls
QUANTITIES: dict[str, Callable[[Attempts], object]] = {  # columns of a spreadsheet for each exercise, beside its state
    "tries": lambda entry: entry.tries,
    "hints": lambda entry: entry.hints,
    "solution": lambda entry: "shown" if entry.solution else None,
    "minutes": lambda entry: entry.minutes,
    "mistake": lambda entry: entry.mistake or None,
}


class Column(NamedTuple):
    """A column of the class table; `cells` has a function for each rendering that has the column."""

    title: str
    cells: dict[str, Callable[[Student], object]]
    short: str = ""  # the title in 80 columns, if it is another one
    last: str = ""  # the cell of the last line


def columns(of_class: SchoolClass) -> list[Column]:
    """Return the columns of the class table in all `RENDERINGS`.

    The cell of an exercise shows its state, right (✓), not right (✗) or not filled in (…), the number of tries (×) and
    of hints (?), whether the solution was shown (s), and the minutes from the first try or hint until it was right. A
    spreadsheet has a column for each of these. A terminal of 80 columns shows only the sign of the state.
    """
    names, students = of_class.exercises, of_class.students

    def everywhere(value: Callable[[Student], object], **other: Callable[[Student], object]) -> dict[str, Any]:
        return dict.fromkeys(RENDERINGS, value) | other

    def of(name: str, quantity: Callable[[Attempts], object]) -> Callable[[Student], object]:
        return lambda student: quantity(student.exercises[name]) if name in student.exercises else None

    def n_done(student: Student, optional: bool = False) -> int:
        tried = student.exercises.items()
        return sum(entry.state == RIGHT for name, entry in tried if of_class.course[name] is optional)

    def done(student: Student, plus: str, among: str = "") -> str:
        extra = n_done(student, optional=True)
        return f"{n_done(student)}{among}{f'{plus}{extra}' if extra else ''}"

    def signs(student: Student) -> str:
        return "".join(_sign(student.exercises.get(name)) for name in names)

    def best(student: Student) -> str:
        return "" if student.best is None else f"{student.best:.1%}"

    def problems(student: Student) -> str:
        return "; ".join(problem.text for problem in student.problems)

    columns = [Column("student", everywhere(lambda student: student.name), last="done by")]
    for name in names:
        cell = of(name, _cell)
        done_by = f"{_done_by(students, name)} of {len(students)}"
        columns.append(Column(name, {"sheet": of(name, lambda e: e.state), "page": cell, "wide": cell}, last=done_by))
        columns += [Column(f"{name} {title}", {"sheet": of(name, quantity)}) for title, quantity in QUANTITIES.items()]
    numbers = "".join(str(n % 10) for n in range(1, len(names) + 1))
    among = f" of {sum(not of_class.course[name] for name in names)}"
    of_course = {"sheet": lambda student: n_done(student), "narrow": lambda student: done(student, "+")}
    kinds = {"wide": lambda student: student.kinds, "narrow": lambda student: student.kinds}
    return [
        *columns,
        Column(numbers or "exercises", {"narrow": signs}),
        Column("done", everywhere(lambda student: done(student, " + ", among), **of_course)),
        Column("last done", everywhere(lambda student: student.last, narrow=lambda student: student.last[5:])),
        Column("answers", everywhere(lambda student: len(student.answers)), "answ"),
        Column("runs", everywhere(lambda student: len(student.runs))),
        Column("best on dev", everywhere(best, sheet=lambda student: student.best), "dev"),
        Column("problems", everywhere(problems, **kinds), "problem"),
    ]


def table(of_class: SchoolClass, rendering: str = "page") -> tuple[list[str], list[list[Any]]]:
    """Return the header and a line per student; a page and a wide terminal also get a line with totals per exercise.

    The cells are texts; those of a spreadsheet are values.
    """
    shown = [column for column in columns(of_class) if rendering in column.cells]
    header = [column.short or column.title if rendering == "narrow" else column.title for column in shown]
    lines = [[column.cells[rendering](student) for column in shown] for student in of_class.students]
    if rendering == "sheet":
        return header, lines
    last = [] if rendering == "narrow" else [[column.last for column in shown]]
    return header, [*(["" if cell is None else str(cell) for cell in line] for line in lines), *last]


def narrow_legend(of_class: SchoolClass) -> str:
    """Return the legend of the table for a terminal of 80 columns."""
    students = of_class.students
    done_by = (f"{n} {name} ({_done_by(students, name)})" for n, name in enumerate(of_class.exercises, 1))
    return (
        "✓ right, ✗ not right, … not yet, · not begun. A wider terminal, --html and --csv show tries, hints and times. "
        f"How many of {len(students)} have done each exercise: {', '.join(done_by)}."
    )


def _done_by(students: list[Student], name: str) -> int:
    return sum(student.exercises.get(name, Attempts()).state == RIGHT for student in students)


def _sign(entry: Attempts | None) -> str:
    return "·" if entry is None else STATE_SIGNS.get(entry.state, "?")


def _cell(entry: Attempts) -> str:
    more = [f"{entry.tries}×"] if entry.tries else []
    more += [f"{entry.hints}?"] if entry.hints else []
    more += ["s"] if entry.solution else []
    more += [f"{entry.minutes}min"] if entry.minutes is not None else []
    return " ".join([STATE_SIGNS.get(entry.state, entry.state), *more])


def stuck(of_class: SchoolClass) -> list[str]:
    """Return a line for each exercise at which students are stuck (`Attempts.is_stuck`), most students first."""
    lines = []
    for name in of_class.exercises:
        entries = [(s.name, s.exercises[name]) for s in of_class.students if name in s.exercises]
        open_ = [(student, entry) for student, entry in entries if entry.is_stuck]
        if open_:
            tries = sum(entry.tries for _, entry in open_)
            lines.append((len(open_), tries, f"{name}: {', '.join(student for student, _ in open_)}, {tries} tries"))
    return [text for *_, text in sorted(lines, key=lambda line: (-line[0], -line[1]))]


def mistakes(of_class: SchoolClass) -> list[str]:
    """Return a line for each of the `MAX_MISTAKES` most frequent mistakes that students now have in an exercise."""
    lines = []
    for name in of_class.exercises:
        made = Counter(s.exercises[name].mistake for s in of_class.students if name in s.exercises)
        del made[""]
        frequent = made.most_common(MAX_MISTAKES)
        lines += [f"{name}, {n} of {len(of_class.students)}: {mistake}" for mistake, n in frequent]
    return lines


def as_html(of_class: SchoolClass) -> str:
    """Return a page with the table and the answers in words."""
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>The class</title>
<style>
body {{ font-family: sans-serif; max-width: 86em }} table {{ border-collapse: collapse }}
td, th {{ border: 1px solid #bbb; padding: 2px 1px; text-align: left }}
</style>
<h1>The class</h1>
{progress_html(of_class)}
{answers_html(of_class)}
</html>
"""


def progress_html(of_class: SchoolClass) -> str:
    """Return the table, the exercises at which students are stuck, and mistakes, as HTML; "" without students."""
    if not of_class.students:
        return ""
    header, lines = table(of_class)
    rows = "\n".join(
        f"<tr><th scope='row' style='{STUDENT_STYLE}'>{_html(name)}</th>"
        f"{''.join(f'<td>{_html(cell)}</td>' for cell in cells)}<td style='{PROBLEM_STYLE}'>{_html(problem)}</td></tr>"
        for name, *cells, problem in lines
    )
    head = "".join(f"<th scope='col' style='{COLUMN_STYLE}'>{_html(name)}</th>" for name in header)
    lists = ""
    for title, texts in (("Stuck", stuck(of_class)), ("Mistakes", mistakes(of_class))):
        items = "".join(f"<li>{_html(text)}</li>" for text in texts)
        lists += f"<h2>{title}</h2><ul>{items}</ul>" if items else ""
    return f"""<div style="overflow-x:auto"><table style="font-size:10px"><thead><tr>{head}</tr></thead><tbody>
{rows}
</tbody></table></div>
<p>{LEGEND}</p>
{lists}"""


def answers_html(of_class: SchoolClass) -> str:
    """Return the written answers as HTML, grouped by question."""
    parts = []
    for question, answers in of_class.answers.items():
        entries = "".join(f"<dt><b>{_html(name)}</b></dt><dd>{_html(text)}</dd>" for name, text in answers.items())
        parts.append(f"<h3>{_html(question)}</h3><dl style='white-space:pre-wrap'>{entries}</dl>")
    return "\n".join(["<h2>Answers in words</h2>", *parts]) if parts else ""


def _html(text: str) -> str:
    return escape(escaped_lines(text))
