"""CSV export that is safe for spreadsheets: no cell is run as a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def to_csv(lines: Iterable[Iterable[object]]) -> str:
    """Return lines of cells as CSV.

    A spreadsheet runs a cell that begins with a character of `FORMULA_STARTS` as a formula, which can send data away or
    start programs. Cells may hold texts of other people (answers, messages, file names), so this follows OWASP's advice
    against CSV injection: such a text gets an apostrophe before it, every text is put in double quotes, and double
    quotes in it are doubled. A program that reads the file must remove that apostrophe. Numbers, negative ones too,
    are unchanged; None is an empty cell.
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
