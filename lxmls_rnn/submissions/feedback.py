"""A page for each student with points, verdicts and the teacher's comments."""

from __future__ import annotations

import csv
import html
import io
from pathlib import Path

from lxmls_rnn.classroom import STATE_SIGNS
from lxmls_rnn.storage.files import escaped, read_regular, write_atomically
from lxmls_rnn.storage.spreadsheet import to_csv
from lxmls_rnn.submissions.marks import Marks, Stored

COMMENTS = "comments.csv"  # beside the pages: columns student and comment
MAX_COMMENTS_BYTES = 8 << 20


def write_pages(folder: Path, stored: Stored) -> dict[str, str]:
    """Write NAME.html for each student, with the comments in `COMMENTS`, which is made if it does not exist.

    Return the comments by student. Raise ValueError if `COMMENTS` names an unknown student.
    """
    file = folder / COMMENTS
    if not file.exists():
        write_atomically(file, to_csv([["student", "comment"], *([one.student, ""] for one in stored.marks)]))
    comments = _comments(file)
    names = {one.student for one in stored.marks}
    if unknown := [name for name in comments if name not in names]:
        raise ValueError(f"{file}: no student {unknown[0]!r}, expected one of {', '.join(sorted(names))}")
    for one in stored.marks:
        write_atomically(folder / f"{one.student}.html", page(one, stored.weights, comments.get(one.student, "")))
    return {name: text for name, text in comments.items() if text}


def _comments(file: Path) -> dict[str, str]:
    """Read the comments; several lines of a student are joined. Spreadsheets write commas, semicolons or tabs."""
    text = read_regular(file, MAX_COMMENTS_BYTES).decode("utf-8-sig")
    delimiter = next((mark for mark in ";\t" if mark in text.partition("\n")[0]), ",")
    comments: dict[str, str] = {}
    for row in csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter):
        if not {"student", "comment"} <= row.keys():
            raise ValueError(f"{file}: expected the columns student and comment, got {', '.join(map(str, row))}")
        name = (row["student"] or "").removeprefix("'")
        if name or row["comment"]:
            comments[name] = "\n".join(filter(None, (comments.get(name), row["comment"])))
    return comments


def page(marks: Marks, weights: dict[str, float], comment: str) -> str:
    """Return a student's page as HTML."""
    rows = []
    for name, weight in weights.items():
        answer = marks.answers.get(name)
        state = answer.state if answer else "not begun"
        if not answer and not weight:
            continue
        points = f"{weight if state == 'right' else 0:g} of {weight:g}"
        cells = (name, f"{STATE_SIGNS.get(state, '')} {state}", points, answer.text if answer else "")
        rows.append("".join(f"<td>{_html(cell)}</td>" for cell in cells))
    claimed = ", ".join(marks.claimed)
    notes = [f"Stored as right, but the code in the notebook is not: {claimed}."] if claimed else []
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
<h1>{_html(marks.student)}: {marks.points:g} of {sum(weights.values()):g} points</h1>
{f"<h2>Comment</h2><blockquote>{_html(comment)}</blockquote>" if comment else ""}
<h2>Exercises</h2>
<table><thead><tr><th>exercise</th><th>state</th><th>points</th><th>verdict</th></tr></thead><tbody>
{"".join(f"<tr>{row}</tr>" for row in rows)}
</tbody></table>
{"".join(f"<p>{_html(note)}</p>" for note in notes)}
</html>
"""


def _html(text: str) -> str:
    return "\n".join(html.escape(escaped(line)) for line in text.split("\n"))
