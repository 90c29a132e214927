"""Marks of students whose notebooks are written by a test."""

import pytest
from class_of_thirty import student

from lxmls_rnn.classroom import isolation
from lxmls_rnn.classroom.marks import Judge, Marking, Runner, handed_out
from lxmls_rnn.classroom.progress import read_class

try:
    isolation.prefix()
    NOT_ISOLATED = ""
except RuntimeError as error:
    NOT_ISOLATED = str(error)
needs_isolation = pytest.mark.skipif(bool(NOT_ISOLATED), reason=f"namespaces are forbidden here: {NOT_ISOLATED}")


def mark(folder, notebooks, seconds=20.0, prefix=(), known=()):
    """Return the marks of students by name; `notebooks` are their notebooks."""
    for name, content in notebooks.items():
        student(folder / name, content)
    out = handed_out()
    runner = Runner(isolation.prefix() if prefix == () else prefix, seconds=seconds)
    marking = Marking(out, Judge(out.cells), runner)
    return {one.student: one for one in marking.mark(read_class(folder), known, 2, lambda: False)}
