"""A page for each student with points, verdicts and the teacher's comments."""

from __future__ import annotations

import csv
import io
import math
from collections import defaultdict
from html import escape
from pathlib import Path

from lxmls_rnn.classroom.marks import Marks, Stored, points_of
from lxmls_rnn.classroom.progress import STATE_SIGNS, escaped_lines
from lxmls_rnn.classroom.tasks import NOT_RIGHT
from lxmls_rnn.storage.files import quoted, read_regular, write_atomically
from lxmls_rnn.storage.spreadsheet import to_csv

MARKS_FILE = "marks.json"  # in the folder of the pages
COMMENTS = "comments.csv"  # beside the pages: columns student and comment, and points to add
MAX_COMMENTS_BYTES = 8 << 20


def write_pages(folder: Path, stored: Stored) -> dict[str, str]:
    """Write NAME.html for each student, with the comments in `COMMENTS`, which is made if it does not exist.

    Set `added` of the marks to the teacher's points. Return the comments by student. Raise ValueError if a student's
    name is not that of a folder, or as `_comments`.
    """
    for one in stored.marks:
        if not one.student or Path(one.student).name != one.student or "\0" in one.student:
            raise ValueError(
                f"{folder / MARKS_FILE}: a student's name must be the name of a folder, got {quoted(one.student)}"
            )
    file = folder / COMMENTS
    if not file.exists():
        write_atomically(
            file, to_csv([["student", "comment", "points"], *([one.student, "", ""] for one in stored.marks)])
        )
    comments, points = _comments(file)
    names = {one.student for one in stored.marks}
    if unknown := [name for name in comments if name not in names]:
        raise ValueError(f"{file}: no student {unknown[0]!r}, expected one of {', '.join(sorted(names))}")
    for one in stored.marks:
        one.added = points.get(one.student, 0.0)
        write_atomically(folder / f"{one.student}.html", page(one, stored.weights, comments.get(one.student, "")))
    return {name: text for name, text in comments.items() if text}


def _comments(file: Path) -> tuple[dict[str, str], dict[str, float]]:
    """Read the comments and the points by student; several lines of a student are joined, and their points added.

    Spreadsheets write UTF-8 or Windows-1252, and commas, semicolons or tabs. Raise ValueError, with a remedy, if it is
    another encoding, a column is missing, points are no number, or a line has more fields than the first.
    """
    content = read_regular(file, MAX_COMMENTS_BYTES)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = content.decode("cp1252")
        except UnicodeDecodeError:
            raise ValueError(f"{file}: neither UTF-8 nor Windows-1252: save it as CSV UTF-8") from None
    delimiter = next((mark for mark in ";\t" if mark in text.partition("\n")[0]), ",")
    csv.field_size_limit(MAX_COMMENTS_BYTES)
    reader, comments = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), defaultdict[str, list[str]](list)
    points = defaultdict[str, float](float)
    try:
        header = next(reader, [])
        if not {"student", "comment"} <= set(header):
            raise ValueError(f"{file}: expected the columns student and comment, got {quoted(delimiter.join(header))}")
        places = header.index("student"), header.index("comment")
        for row in reader:
            if any(row[len(header) :]):
                raise ValueError(
                    f"{file}, line {reader.line_num}: {len(row)} fields, expected {len(header)}: "
                    f'put a comment with "{delimiter}" in double quotes'
                )
            name, comment = (row[place] if place < len(row) else "" for place in places)
            added = dict(zip(header, row, strict=False)).get("points", "").strip()
            if name or comment or added:
                comments[name.removeprefix("'")].append(comment)
                points[name.removeprefix("'")] += _number(added or "0", f"{file}, line {reader.line_num}")
    except csv.Error as error:
        raise ValueError(f"{file}, line {reader.line_num}: {error}: save it as CSV UTF-8") from None
    return {name: "\n".join(filter(None, lines)) for name, lines in comments.items()}, points


def _number(text: str, place: str) -> float:
    try:
        number = float(text.removeprefix("'").replace(",", "."))  # a spreadsheet may write 1,5
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{place}: expected a number of points to add, such as 1.5 or -1, got {quoted(text)}")
    return number


def page(marks: Marks, weights: dict[str, float], comment: str) -> str:
    """Return a student's page as HTML."""
    rows = []
    for name, weight in weights.items():
        answer = marks.answers.get(name)
        state = answer.state if answer else "not begun"
        if not answer and not weight:
            continue
        points = f"{points_of(marks, name, weight):g} of {weight:g}"
        text = answer.text if answer else ""
        if answer and state == NOT_RIGHT and answer.share:
            text += f"\nPartial credit: {answer.share:.0%}, the share of the results that are right."
        text += "".join(f"\nSkipped: {cell}" for cell in answer.skipped) if answer else ""
        cells = (name, f"{STATE_SIGNS.get(state, '')} {state}", points, text)
        rows.append("".join(f"<td>{_html(cell)}</td>" for cell in cells))
    claimed = ", ".join(marks.claimed)
    notes = [f"Stored as right, but the code in the notebook is not: {claimed}."] if claimed else []
    notes += [f"Added by the teacher: {marks.added:g} points."] if marks.added else []
    notes += [f"Handed in: {marks.handed_in}."] if marks.handed_in else []
    notes += [marks.problems] if marks.problems else []
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{_html(marks.student)}</title>
<style>
body {{ font-family: sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em }}
table {{ border-collapse: collapse }}
td, th {{ border: 1px solid #bbb; padding: 3px 8px; text-align: left; vertical-align: top }}
td:last-child, blockquote {{ white-space: pre-wrap }} td:nth-child(2), td:nth-child(3) {{ white-space: nowrap }}
blockquote {{ border-left: 4px solid #1b7f3b; margin: 0; padding: 4px 12px }}
</style>
<h1>{_html(marks.student)}: {marks.total:g} of {sum(weights.values()):g} points</h1>
{f"<h2>Comment</h2><blockquote>{_html(comment)}</blockquote>" if comment else ""}
<h2>Exercises</h2>
<table><thead><tr><th>exercise</th><th>state</th><th>points</th><th>verdict</th></tr></thead><tbody>
{"".join(f"<tr>{row}</tr>" for row in rows)}
</tbody></table>
{"".join(f"<p>{_html(note)}</p>" for note in notes)}
</html>
"""


def _html(text: str) -> str:
    return escape(escaped_lines(text))
