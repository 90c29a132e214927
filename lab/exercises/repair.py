"""Find the mistake in the wrong lines of an answer by repairing them: small changes, until the check accepts one.

A change names the mistake if the whole check accepts the changed answer, also for inputs that the search has not used.
It is made at one place of the answer, or at all places where the same change is possible.
"""

import ast
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from lab.exercises.answer_code import Source, copied

# how a sentence about a kind of change begins, in the order in which the kinds are tried
_KINDS = {
    "arguments": "Wrong order",
    "transposed": "Wrongly transposed",
    "order": "Wrong order",
    "not transposed": "Not transposed",
    "parentheses": "Wrong parentheses",
    "operation": "Wrong operation",
    "part": "Too much",
    "condition": "Needless condition",
    "comparison": "Wrong comparison",
    "operands": "Wrong order",
    "number": "Wrong index or number",
    "variable": "Wrong variable",
}
_ORDERED = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)
_OTHERS: dict[type, tuple[type, ...]] = {  # operators that are mistaken for each other
    **dict.fromkeys(_ORDERED, _ORDERED),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div, ast.Pow),
    ast.Div: (ast.Mult,),
}
_PLACES = (ast.Name, ast.Subscript)
_METHODS = {"mean": "sum", "sum": "mean", "dot": "outer"}

# a node that can be replaced: its parent, and where the parent has it, in a list or among its fields
Place = tuple[ast.AST, Any, Any]
Change = tuple[Place, Any]  # the node to be put there


def repaired(source: Source, lines: Sequence[int], accepts: Callable[[Any], bool], is_late: Callable[[], bool]) -> str:
    """Return a sentence about the small change in one of these lines that makes an answer right, or an empty string.

    `accepts` returns whether a changed answer is right, and may raise an exception; `is_late` ends the search.
    """
    tree = copied(source.tree)
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for kind, changes in _changes(tree, lines):
        if is_late():
            break
        old = [container[key] for (_, container, key), _ in changes]
        shown = [_shown(place, parents) for place, _ in changes]
        before = ast.unparse(shown[0])
        try:
            for (_, container, key), node in changes:
                container[key] = node
            if accepts(source.compiled(tree)):
                after = ast.unparse(changes[0][1] if shown[0] is old[0] else shown[0])
                numbers = list(dict.fromkeys(str(_line(place)) for place, _ in changes))
                where = f"line{'s' * (len(numbers) > 1)} {' and '.join(numbers)}"
                return f"{_KINDS[kind]} in {where}: {before} should be {after}."
        except Exception:
            continue
        finally:
            for ((_, container, key), _), node in zip(changes[::-1], old[::-1], strict=True):
                container[key] = node
    return ""


def _shown(place: Place, parents: dict[ast.AST, ast.AST]) -> Any:
    """Return the node that a sentence shows for a place: the innermost whole expression that contains it."""
    node, container, key = place
    while isinstance(node, (ast.Tuple, ast.Slice)) and isinstance(parents[node], ast.expr):
        node = parents[node]
    return node if isinstance(node, (ast.expr, ast.AugAssign, ast.keyword)) else container[key]


def _line(place: Place) -> int:
    parent, container, key = place
    return getattr(container[key], "lineno", 0) or getattr(parent, "lineno", 0)


def _changes(tree: ast.AST, lines: Sequence[int]) -> Iterator[tuple[str, list[Change]]]:
    """Yield the changes in these lines with their kinds: first at single places, then the same change at all places."""
    names = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    names |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    found: dict[str, dict[str, list[Change]]] = {kind: defaultdict(list) for kind in _KINDS}
    for parent in ast.walk(tree):
        places: list[Place] = [(parent, vars(parent), field) for field in parent._fields]
        places += [
            (parent, part, n) for part in vars(parent).values() if isinstance(part, list) for n in range(len(part))
        ]
        for place in places:
            old = place[1][place[2]]
            for kind, key, node in _at(place, old, sorted(names)):
                if isinstance(node, (ast.expr, ast.stmt)):
                    ast.fix_missing_locations(ast.copy_location(node, old))
                found[kind][key].append((place, node))
    tried: list[tuple[str, list[Change]]] = []
    for kind, of_key in found.items():
        tried += [(kind, [change]) for changes in of_key.values() for change in changes]
        tried += [(kind, changes) for changes in of_key.values() if len(changes) > 1]
    yield from ((kind, changes) for kind, changes in tried if all(_line(place) in lines for place, _ in changes))


def _at(place: Place, node: Any, names: list[str]) -> Iterator[tuple[str, str, Any]]:
    """Yield each possible change of a node: its kind, a key that the same change has elsewhere, and the new node."""
    if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add):
        yield "operation", "=", ast.Assign([node.target], node.value)
    elif isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], _PLACES):
        yield "operation", "+=", ast.AugAssign(node.targets[0], ast.Add(), node.value)
    if type(node) in _OTHERS:
        kind = "comparison" if isinstance(node, ast.cmpop) else "operation"
        yield from ((kind, f"{type(node)} {other}", other()) for other in _OTHERS[type(node)])
    elif isinstance(node, ast.arguments) and vars(place[0]).get("col_offset"):  # not of the function that is checked
        for n in range(1, len(node.args)):
            yield "arguments", "", ast.arguments([], _swapped(node.args, n - 1, n), None, [], [], None, node.defaults)
    elif isinstance(node, ast.expr) and isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
        yield from _of_expression(place, node, names)


def _of_expression(place: Place, node: ast.expr, names: list[str]) -> Iterator[tuple[str, str, Any]]:
    load = ast.Load()
    parts: list[ast.expr] = []
    match node:
        case ast.Attribute(value, "T"):
            yield "transposed", "", value
        case ast.Attribute(value, attr) if attr in _METHODS:
            yield "operation", attr, ast.Attribute(value, _METHODS[attr], load)
        case ast.Tuple(elements) | ast.List(elements):
            for n, m in ((0, 1), (1, 2), (0, 2), (2, 3)):
                if m < len(elements):
                    yield "order", f"{n} {m}", type(node)(_swapped(elements, n, m), load)
        case ast.Call(f, arguments, keywords):
            if len(arguments) > 1:
                yield "order", ast.unparse(f), ast.Call(f, _swapped(arguments, 0, 1), keywords)
            match arguments:
                case [ast.Call(ast.Attribute(value, attr), [])]:  # f(x.sum()) -> f(x).sum()
                    yield (
                        "parentheses",
                        "call",
                        ast.Call(ast.Attribute(ast.Call(f, [value], keywords), attr, load), [], []),
                    )
            parts = [*arguments, *([f.value] if isinstance(f, ast.Attribute) else [])]
        case ast.BinOp(left, op, right):
            if isinstance(op, (ast.Sub, ast.Div, ast.Pow)):
                yield "operands", type(op).__name__, ast.BinOp(right, op, left)
            if isinstance(op, (ast.Mult, ast.MatMult)):
                outer = ast.Attribute(ast.Name("np", load), "outer", load)
                yield "operation", "dot", ast.Call(ast.Attribute(left, "dot", load), [right], [])
                yield "operation", f"outer {type(left)} {type(right)}", ast.Call(outer, [left, right], [])
            match left:
                case ast.BinOp(a, inner, b):
                    yield "parentheses", "right", ast.BinOp(a, inner, ast.BinOp(b, op, right))
                case ast.Call(f, [a], keywords):
                    yield "parentheses", "in", ast.Call(f, [ast.BinOp(a, op, right)], keywords)
            if isinstance(right, ast.BinOp):
                yield "parentheses", "left", ast.BinOp(ast.BinOp(left, op, right.left), right.op, right.right)
            parts = [
                left,
                right,
                *(x for part in (left, right) if isinstance(part, ast.BinOp) for x in (part.left, part.right)),
            ]
        case ast.UnaryOp(_, operand):
            parts = [operand]
        case ast.BoolOp(_, values):
            parts = values
        case ast.IfExp(_, body, orelse):
            parts = [body, orelse]
        case ast.Compare():
            yield from (
                ("condition", f"{ast.unparse(node)} {is_met}", ast.Constant(is_met)) for is_met in (True, False)
            )
        case ast.Subscript(value):
            parts = [value, *(value.args if isinstance(value, ast.Call) else [])]
            yield from (("variable", f"{name} {ast.unparse(node)}", ast.Name(name, load)) for name in names)
        case ast.Constant(int() | float() as number):
            yield from (("number", f"{number} {by}", ast.Constant(number + by)) for by in (1, -1))
            yield from (("number", f"{number} {name}", ast.Name(name, load)) for name in names)
        case ast.Name(own):
            if not isinstance(place[0], ast.Attribute):
                yield "not transposed", own, ast.Attribute(node, "T", load)
            if place[2] == "slice" or isinstance(place[2], int):
                for op in (ast.Add(), ast.Sub()):
                    yield "number", f"{own} {op}", ast.BinOp(node, op, ast.Constant(1))
            yield from (("variable", f"{own} {name}", ast.Name(name, load)) for name in names if name != own)
    yield from (("part", f"{type(node)} {n}", part) for n, part in enumerate(parts))


def _swapped(nodes: list[Any], n: int, m: int) -> list[Any]:
    return [*nodes[:n], nodes[m], *nodes[n + 1 : m], nodes[n], *nodes[m + 1 :]]
