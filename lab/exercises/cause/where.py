"""Find the wrong lines of an answer: those that help if the solution's statements replace them."""

from __future__ import annotations

import ast

from lab.exercises.cause.search import Search
from lab.exercises.cause.source import Source, names_in, nodes, substitutions
from lab.exercises.compare import Difference

_ONLY_THIS = "The rest is right: only this is wrong"
_ONE_OF_THESE = "The rest is right: the mistake is in one of these lines"

Changed = tuple[ast.AST, Difference]  # an answer with some lines as in the solution, and its first difference


def located(search: Search, difference: Difference | None, step: str = "") -> tuple[list[int], str, Changed | None]:
    """Return the wrong lines, if any are found, and a sentence if the rest of the answer is right.

    The third result is the answer with these lines as in the solution, if it is still wrong.

    If `step`, a function inside the answer, fails, replacements that remove it are left out: they say nothing about
    its lines.
    """
    better: list[tuple[tuple[int, int], list[int], Changed | None]] = [((-1, -1), [], None)]
    for replaced, lines, tree in substitutions(search.source.tree, search.solution):
        if search.is_late():
            break
        if step and step not in names_in(tree):
            continue
        try:
            remaining = search.first_difference(search.source.compiled(tree), difference)
        except Exception:
            continue
        if remaining is None:
            behind = _behind(search, lines)
            return behind, _ONE_OF_THESE if set(behind) > set(lines) else _ONLY_THIS, None
        if difference and difference.quantity in replaced and search.rank(remaining) > search.rank(difference):
            better.append((search.rank(remaining), lines, (tree, remaining)))
    _, lines, changed = max(better, key=lambda one: one[:2])
    return lines, "", changed


def _behind(search: Search, lines: list[int]) -> list[int]:
    """Return the lines that may hold the mistake: `lines`, and before them the lines that they depend on.

    A line depends on the simple statements that assign its names, if the solution has no such names, and these depend
    on others; two steps back are followed. A line that only returns such a name is left out.
    """
    known, suspects, newest = names_in(search.solution), list(lines), set(lines)
    for _ in range(2):
        own = set[str]()
        for node in nodes(search.source.tree, ast.stmt):
            if node.lineno in newest:
                header = [child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.stmt)]
                own |= set[str]().union(*map(names_in, header)) - known
                if isinstance(node, ast.Return) and isinstance(node.value, ast.Name) and node.value.id in own:
                    suspects.remove(node.lineno)
        newest = {line for name in own for line in search.source.lines_of(name)} - set(suspects)
        suspects = [*sorted(newest), *suspects]
    return suspects or lines


def shown(search: Search, lines: list[int], title: str, name: str, own: list[int]) -> str:
    """Return the wrong lines in words; without any, the only one of `own` that computes the quantity `name`."""
    if title and not lines:
        is_missing = name in search.exercise.quantities and name.isidentifier() and not own
        return f"The line for {name} is missing; the rest is right." if is_missing else ""
    lines = lines or (own if len(own) == 1 else [])
    return f"{title or f'{name} is computed here'}\n{quoted(search.source, lines)}" if lines else ""


def quoted(source: Source, lines: list[int]) -> str:
    """Return the first three of these lines with their numbers."""
    return "\n".join(f"  line {number}:  {source.lines[number]}" for number in lines[:3])
