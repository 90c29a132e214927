"""CSV for spreadsheets, in which no cell is a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def to_csv(lines: Iterable[Iterable[object]]) -> str:
    """Return lines of cells as CSV.

    A spreadsheet computes a cell that begins with a character of `FORMULA_STARTS`, and a formula can send data away or
    start programs. Cells may hold what somebody else has written (answers, messages, names of files), so this follows
    OWASP's advice against CSV injection: a text that begins so gets an apostrophe before it, each text stands in double
    quotes, and a double quote in it is doubled. A program that reads the file removes that apostrophe. Numbers stay as
    they are, negative ones too; None is an empty cell.
    """
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n").writerows(
        ["" if cell is None else _plain(cell) for cell in line] for line in lines
    )
    return text.getvalue()


def _plain(cell: object) -> object:
    if isinstance(cell, (int, float)):
        return cell
    return f"'{cell}" if str(cell).startswith(FORMULA_STARTS) else str(cell)
