"""The source of an answer: its statements, and changed versions of it that can be run."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from typing import Any, TypeVar

_PLACEHOLDER = re.compile(r"(=|\breturn\b|^)\s*\.\.\.\s*(#.*)?$")

N = TypeVar("N", bound=ast.AST)
_IF = {"If", "orelse"}  # parts of a path
Path = tuple[str, ...]  # the kinds of blocks around a statement, outermost first
Group = list[ast.stmt]  # statements of one block that compute the same


class Source:
    """The syntax tree of a function, or of a class's `method`; `lines` holds its lines by their number in the cell.

    Both are empty if the source is missing or cannot be compiled by itself.
    """

    def __init__(self, answer: Any, method: str = "") -> None:
        self.answer = type(answer) if method and not inspect.isclass(answer) else answer
        self.method = method
        self.function: Any = getattr(self.answer, method, answer) if method else answer
        self.space: dict[str, Any] = {}  # names in place of those of the cell, for changed versions
        self.tree, self.lines, self.file = ast.Module([], []), dict[int, str](), ""
        try:
            lines, first = inspect.getsourcelines(self.function)
            tree = ast.parse(textwrap.dedent("".join(lines)))
        except (OSError, TypeError, SyntaxError):
            return
        if isinstance(tree.body[0], ast.FunctionDef) and not getattr(self.function, "__closure__", None):
            self.tree, self.file = ast.increment_lineno(tree, first - 1), self.function.__code__.co_filename
            self.lines = dict(enumerate((line.strip() for line in lines), first))

    @property
    def placeholder(self) -> str:
        """The first line that is still `...`, or an empty string."""
        return next((line for line in self.lines.values() if _PLACEHOLDER.search(line)), "")

    def compiled(self, tree: Any) -> Any:
        """Compile another tree; return its function, or a subclass of the answer with its method."""
        space = self.function.__globals__ | self.space
        exec(compile(tree, self.file, "exec"), space)
        new = space[self.function.__name__]
        return new if self.function is self.answer else type(self.answer.__name__, (self.answer,), {self.method: new})

    @property
    def steps(self) -> list[ast.FunctionDef]:
        """The functions that are defined in the answer."""
        return nodes(self.tree, ast.FunctionDef)[1:]

    def step_of(self, number: int) -> str:
        """Return the name of the inner function that contains a line; an empty string if none does."""
        return next((node.name for node in self.steps if node.lineno < number <= (node.end_lineno or 0)), "")

    def lines_of(self, name: str, innermost: bool = False) -> list[int]:
        """Return the lines that assign a name, or part of it; if `innermost`, in the innermost blocks that do."""
        assignments = [(len(path), node.lineno) for path, body in blocks(self.tree) for node in body
                       if name in targets(node) and not _is_compound(node)]  # fmt: skip
        deepest = max((depth for depth, _ in assignments), default=0)
        return sorted(line for depth, line in assignments if depth == deepest or not innermost)


def nodes(tree: ast.AST, *kinds: type[N]) -> list[N]:
    """Return the nodes of these kinds in a tree, outer ones first."""
    return [node for node in ast.walk(tree) if isinstance(node, kinds)]


def names_in(tree: ast.AST) -> set[str]:
    """Return the names in a tree, read or assigned."""
    return {node.id for node in nodes(tree, ast.Name)}


def copied(part: Any) -> Any:
    """Return a copy of a tree, or of a list of trees, faster than `copy.deepcopy`.

    Only the fields and positions of nodes are copied. IPython's tracebacks add an attribute `parent` to nodes that all
    trees share, and a deep copy would follow it into other trees.
    """
    if isinstance(part, list):
        return [copied(element) for element in part]
    if not isinstance(part, ast.AST):
        return part
    new = type(part).__new__(type(part))
    for name in (*part._fields, *part._attributes):
        if hasattr(part, name):
            setattr(new, name, copied(getattr(part, name)))
    return new


def blocks(tree: ast.AST, path: Path = ()) -> Iterator[tuple[Path, list[ast.stmt]]]:
    """Yield all blocks of statements with their paths, outer ones first."""
    for field in ("body", "orelse"):
        if body := body_of(tree, field):
            yield (*path, *((field,) if field == "orelse" else ())), body
            for node in body:
                if _is_compound(node):
                    kind = "loop" if isinstance(node, (ast.For, ast.While)) else type(node).__name__
                    yield from blocks(node, (*path, kind))


def body_of(node: ast.AST, field: str = "body") -> list[ast.stmt]:
    """Return the block of statements in a field of a node; [] if it has none."""
    body = getattr(node, field, None)
    return body if isinstance(body, list) else []


def targets(node: ast.AST) -> frozenset[str]:
    """Return the names that a statement assigns, or whose methods it calls; "return" for a return."""
    if isinstance(node, ast.Return):
        return frozenset({"return"})
    if isinstance(node, ast.Assign):
        return frozenset().union(*(_bases(target) for target in node.targets))
    if isinstance(node, (ast.AugAssign, ast.AnnAssign)):
        return _bases(node.target)
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Attribute):
        return frozenset({ast.unparse(node.value.func.value)})
    if isinstance(node, (ast.If, ast.With, ast.For, ast.While)):
        return frozenset().union(*map(targets, [*node.body, *getattr(node, "orelse", [])]))
    return frozenset()


def targets_of(line: str) -> frozenset[str]:
    """Return the names that a line of code assigns, also one that cannot stand alone."""
    try:
        return targets(ast.parse(line.rstrip(":")).body[0])
    except (SyntaxError, IndexError):
        return frozenset({line.split("=")[0].split("(")[0].strip()})


def _bases(node: ast.expr) -> frozenset[str]:
    if isinstance(node, (ast.Tuple, ast.List)):
        return frozenset().union(*map(_bases, node.elts))
    while isinstance(node, (ast.Subscript, ast.Starred)):
        node = node.value
    return frozenset({ast.unparse(node)})


def groups(tree: ast.AST) -> Iterator[tuple[Path, frozenset[str], Group]]:
    """Yield the statements of each block grouped by the names that they assign; an `if` only if it assigns one name."""
    for path, body in blocks(tree):
        of: dict[frozenset[str], Group] = {}
        for node in body:
            names = targets(node)
            if names and (not _is_compound(node) or (isinstance(node, ast.If) and len(names) == 1)):
                of.setdefault(names, []).append(node)
        for names, group in of.items():
            yield path, names, group


def substitutions(answer: ast.AST, solution: ast.AST) -> Iterator[tuple[frozenset[str], list[int], ast.AST]]:
    """Yield copies of an answer in which some names are computed as in the solution, in inner blocks first.

    Each copy comes with these names, and with the lines of the answer that are replaced: none if the answer does not
    assign the names. Statements are also replaced within an `if` that the solution does not have.
    """
    candidates = []
    for path, names, group in groups(solution):
        exact = False
        for number, (at, body) in enumerate(blocks(answer)):
            within, exact = at == path and not exact, exact or at == path
            if not within and not (at[: len(path)] == path and set(at[len(path) :]) and set(at[len(path) :]) <= _IF):
                continue
            mine = [node for node in body if names <= targets(node) and not _is_compound(node)]
            mine += [node for node in body if isinstance(node, ast.If) and targets(node) == names]
            if [ast.dump(node) for node in mine] != [ast.dump(node) for node in group] and (within or mine):
                candidates.append((len(at), path, names, group, number, body, mine))
    for _, path, names, group, number, body, mine in sorted(candidates, key=lambda candidate: -candidate[0]):
        place = min((body.index(node) for node in mine), default=_place_in(body, solution, path, group))
        kept = [n for n, node in enumerate(body) if node not in mine]
        tree = copied(answer)
        new = [block for _, block in blocks(tree)][number]
        new[:] = [new[n] for n in kept if n < place] + copied(group) + [new[n] for n in kept if n >= place]
        yield names, sorted(_lines(mine, group)), tree
    yield from _headers(answer, solution)


def _lines(mine: Group, group: Group) -> Iterator[int]:
    """Yield the lines of statements that are not in a group of the solution; of an `if`, those in it."""
    known = [ast.dump(node) for node in group]
    for node in [node for node in mine if ast.dump(node) not in known] or mine:
        if not isinstance(node, ast.If):
            yield node.lineno
            continue
        others = [other for other in group if isinstance(other, ast.If)]
        if all(ast.dump(other.test) != ast.dump(node.test) for other in others):
            yield node.lineno
        yield from _lines(
            [*node.body, *node.orelse], [statement for other in others for statement in [*other.body, *other.orelse]]
        )


def _is_compound(node: ast.stmt) -> bool:
    return isinstance(node, (ast.For, ast.While, ast.With, ast.FunctionDef, ast.If))


def _place_in(body: list[ast.stmt], solution: ast.AST, path: Path, group: Group) -> int:
    """Return the index at which to insert statements in a block: after those that precede them in the solution."""
    theirs = next(block for at, block in blocks(solution) if at == path and group[0] in block)
    before = [targets(node) for node in theirs[: theirs.index(group[0])]]
    places = [n for n, node in enumerate(body, 1) if targets(node) and targets(node) in before]
    return max(places, default=0)


def _headers(answer: ast.AST, solution: ast.AST) -> Iterator[tuple[frozenset[str], list[int], ast.AST]]:
    """Yield copies of an answer with the first line of a loop, or the arguments of a step, as in the solution."""
    kinds: dict[str, tuple[type[ast.stmt], list[str]]] = {
        "loop": (ast.For, ["iter", "target"]),
        "arguments": (ast.FunctionDef, ["args"]),
    }
    for name, (kind, fields) in kinds.items():
        mine, theirs = (nodes(tree, kind) for tree in (answer, solution))
        for n, (a, b) in enumerate(zip(mine, theirs, strict=False) if len(mine) == len(theirs) else ()):
            is_checked = kind is ast.FunctionDef and n == 0  # its arguments are given
            if is_checked or all(ast.dump(getattr(a, field)) == ast.dump(getattr(b, field)) for field in fields):
                continue
            tree = copied(answer)
            vars(nodes(tree, kind)[n]).update({field: getattr(b, field) for field in fields})
            yield frozenset({name}), [a.lineno], tree
