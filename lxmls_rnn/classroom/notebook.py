"""Code cells of a student's notebook, and those that an exercise needs.

It runs in the student's process, because a notebook can be made to take long or much memory.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
import symtable
from collections.abc import Iterator
from dataclasses import dataclass

from lxmls_rnn.classroom.tasks import HandedOut

UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)  # errors of Python's parser
PYTHON_MAGICS = ("time", "timeit", "capture", "prun")  # commands for a whole cell, whose other lines are Python
ALL_NAMES = "*"  # what `from module import *` binds
_CELL_MAGIC = re.compile(r"\A\s*%%(\w+).*\n?")
_MAGIC = re.compile(r"^([ \t]*)(?:[\w, ]+=\s*)?[!%?].*$|^([ \t]*)[\w.]+\?{1,2}[ \t]*$", re.MULTILINE)


@dataclass(frozen=True)
class Cell:
    """A code cell: its place and source, and the global names that it binds and needs."""

    number: int  # in the notebook, from 1
    source: str  # Python, without IPython's commands
    exercise: str  # whose cell it is; "" for none
    is_changed: bool  # it differs from the notebook that was handed out
    binds: frozenset[str]
    needs: frozenset[str]
    checks: dict[str, str]  # exercises that it checks, and the expression that each check is given


@dataclass(frozen=True)
class Task:
    """An exercise that a student has begun: expressions for the answer, and cells to run, in order."""

    exercise: str
    answers: list[str]  # the first one that can be evaluated is the answer
    renamed: list[str]  # further ones, for cells that do not fail: functions and classes of the exercise's own cell
    cells: list[Cell]
    own: list[Cell]  # those of the answer itself

    @property
    def code(self) -> str:
        """The digest of the answer's cells."""
        return digest("\n".join(cell.source for cell in self.own))


def read(content: bytes, out: HandedOut) -> list[Cell]:
    """Return the code cells of a notebook; raise ValueError if it is damaged."""
    try:
        cells = json.loads(content)["cells"]
        found = [(n, cell) for n, cell in enumerate(cells, 1) if cell["cell_type"] == "code"]
    except (TypeError, KeyError, RecursionError, MemoryError) as error:
        raise ValueError(f"not a notebook ({type(error).__name__})") from None
    return [_cell(n, cell, out) for n, cell in found]


def source_of(cell: dict[str, object]) -> str:
    """Return the text of a cell; "" if it is none."""
    source = cell.get("source", "")
    if isinstance(source, list):
        source = "".join(map(str, source))
    return source if isinstance(source, str) else ""


def _cell(number: int, cell: dict[str, object], out: HandedOut) -> Cell:
    metadata, text = cell.get("metadata"), source_of(cell)
    marked = metadata.get("exercise") if isinstance(metadata, dict) else None
    exercise = marked if isinstance(marked, str) else out.ids.get(str(cell.get("id")), "")
    source = python(text)
    try:
        binds, needs = names_of(source)
        checks = dict(_checks(source, out))
    except UNREADABLE:  # running the cell says so
        binds, needs, checks = frozenset[str](), frozenset[str](), {}
    return Cell(number, source, exercise, text not in out.sources, binds, needs, checks)


def python(text: str) -> str:
    """Return a cell without IPython's commands; "" if another program would run it."""
    try:
        ast.parse(text)
        return text
    except UNREADABLE:
        pass
    if magic := _CELL_MAGIC.match(text):
        text = text[magic.end() :] if magic[1] in PYTHON_MAGICS else ""
    return _MAGIC.sub(lambda found: f"{found[1] or found[2] or ''}pass", text)


def names_of(source: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the global names that a source binds, and those that it needs from elsewhere."""
    whole = symtable.symtable(source, "<cell>", "exec")
    binds: set[str] = set()
    needs: set[str] = set()
    tables = [whole]
    while tables:
        table = tables.pop()
        tables += table.get_children()
        for symbol in table.get_symbols():
            if table is not whole and not symbol.is_global():
                continue
            if symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace():
                binds.add(symbol.get_name())
            if symbol.is_referenced():
                needs.add(symbol.get_name())
    if any(isinstance(node, ast.ImportFrom) and node.names[0].name == "*" for node in ast.parse(source).body):
        binds.add(ALL_NAMES)
    return frozenset(binds), frozenset(needs - binds)


def _checks(source: str, out: HandedOut) -> Iterator[tuple[str, str]]:
    """Yield each exercise that a source checks, `check.forward(my_forward)`, and the expression of its answer."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(called := node.func, ast.Attribute) and node.args:
            is_check = called.attr in out.names and ast.unparse(called.value).split(".")[-1] == "check"
            if is_check:
                yield called.attr, ast.unparse(node.args[0])


def task(cells: list[Cell], exercise: str, out: HandedOut) -> Task | None:
    """Return the task of an exercise, None if the student has not begun it.

    The cells are the exercise's own and every other cell that binds a name they need, followed through: those above the
    check, or else those below it.
    """
    checks = [(n, cell.checks[exercise]) for n, cell in enumerate(cells) if exercise in cell.checks]
    place, answer = checks[-1] if checks else (-1, out.names[exercise])
    try:
        _, wanted = names_of(answer)
    except UNREADABLE:
        wanted = frozenset([answer])
    marked = [n for n, cell in enumerate(cells) if cell.exercise == exercise]
    own = [n for n in marked if cells[n].is_changed]
    own += [n for n, cell in enumerate(cells) if cell.is_changed and wanted & cell.binds and n not in own]
    if not own:
        return None
    end = max([place, *own])
    chosen, names = set(own), set(wanted).union(*(cells[n].needs for n in own))
    known: set[str] = set()
    while left := names - known:
        known |= left
        for name in left:
            for n in _binders(cells, name, end):
                if n not in chosen:
                    chosen.add(n)
                    names |= cells[n].needs
    answers = list(dict.fromkeys([answer, out.names[exercise]]))
    renamed = [*_defined(cells[marked[-1]].source)][::-1] if marked and marked[-1] in own else []
    return Task(exercise, answers, renamed, [cells[n] for n in sorted(chosen)], [cells[n] for n in sorted(own)])


def _binders(cells: list[Cell], name: str, end: int) -> list[int]:
    """Return the places of the cells that bind a name: those up to `end`, or else the later ones.

    A cell of an exercise that is as it was handed out counts only if no other one binds the name.
    """
    for bound in (name, ALL_NAMES):
        places = [n for n, cell in enumerate(cells) if bound in cell.binds]
        places = [n for n in places if cells[n].is_changed or not cells[n].exercise] or places
        if found := [n for n in places if n <= end] or places:
            return found
    return []


def _defined(source: str) -> Iterator[str]:
    """Yield the functions and classes of a source, also those that are assigned, in order."""
    try:
        body = ast.parse(source).body
    except UNREADABLE:
        return
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def digest(source: str) -> str:
    """Return a digest of a source that does not depend on comments and spaces; "" if it is no Python."""
    try:
        return hashlib.sha256(ast.unparse(ast.parse(source)).encode()).hexdigest()
    except UNREADABLE:
        return ""
