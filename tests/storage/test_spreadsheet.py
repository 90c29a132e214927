"""Cells that a spreadsheet must not compute."""

import csv
import io

import pytest

from lxmls_rnn.storage.spreadsheet import to_csv


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝"])
def test_no_text_begins_as_a_formula_does(start):
    cell = f'{start}HYPERLINK("http://example.org";"a,b")'
    written = to_csv([["name", cell]])
    assert next(csv.reader(io.StringIO(written, newline=""))) == ["name", f"'{cell}"]


def test_a_separator_or_quote_within_a_text_begins_no_other_cell():
    assert to_csv([["a;=1+1", 'b",=1+1', "c\n=1+1"]]) == '"a;=1+1","b"",=1+1","c\n=1+1"\n'


def test_numbers_and_empty_cells_stay():
    assert to_csv([[-1.5, 2, True, None, "word"]]) == '-1.5,2,True,"","word"\n'
