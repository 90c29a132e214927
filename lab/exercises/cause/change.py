"""Find the mistake in the wrong lines of an answer by repairing them: small changes, until the check accepts one.

A change names the mistake if the whole check accepts the changed answer, also for inputs that the search has not used.
It is made at one place of the answer, or at all places where the same change is possible.
"""

import ast
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from itertools import combinations, pairwise
from typing import Any, NamedTuple

from lab.exercises.cause.search import Search
from lab.exercises.cause.source import body_of, copied, names_in, nodes, targets
from lab.exercises.compare import Difference
from lxmls_rnn.deep_learning.frameworks import NUMPY

# how a sentence about a kind of change begins, in the order in which the kinds are tried
KINDS = {
    "call": "Missing parentheses",
    "line": "Superfluous",
    "arguments": "Wrong order",
    "transposed": "Wrongly transposed",
    "order": "Wrong order",
    "axis": "Wrong axis",
    "index": "Wrong index",
    "not transposed": "Not transposed",
    "part": "Too much",
    "parentheses": "Wrong parentheses",
    "function": "Wrong function",
    "operation": "Wrong operation",
    "keyword": "Wrong argument",
    "condition": "Needless condition",
    "comparison": "Wrong comparison",
    "operands": "Wrong order",
    "exchanged": "Exchanged variables",
    "number": "Wrong index or number",
    "indices": "Wrong indices",
    "variable": "Wrong variable",
    "place": "Wrong variable",
    "lines": "Wrong order",
    "sign": "Wrong sign",
    "missing": "Missing function",
}
_LIKELY = ("arguments", "transposed", "order", "keyword")  # for a search in lines that need not be wrong
_RARE = ("function", "index", "place", "lines", "sign", "missing")  # only for code that runs fast
_ORDERED = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)
_OTHERS: dict[type, tuple[type, ...]] = {  # operators that are mistaken for each other
    **dict.fromkeys(_ORDERED, _ORDERED),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.Add: (ast.Sub, ast.Mult),
    ast.Sub: (ast.Add, ast.Div),
    ast.Mult: (ast.Div, ast.Pow, ast.Add),
    ast.Div: (ast.Mult, ast.Sub),
    ast.FloorDiv: (ast.Div,),
}
_PLACES = (ast.Name, ast.Subscript)
_PAIRS = [("mean", "sum"), ("max", "min"), ("argmax", "argmin"), ("vstack", "hstack"), ("zeros", "ones")]
_FUNCTIONS = {"dot": "outer"} | {a: b for pair in _PAIRS for a, b in (pair, pair[::-1])}  # mistaken for each other
_SCAN = ("sequences", "outputs_info", "non_sequences")

# a node that can be replaced: its parent, and where the parent has it, in a list or among its fields
Place = tuple[ast.AST, Any, Any]


class Change(NamedTuple):
    """A change of an answer: a place, and the node or the list of statements to be put there."""

    place: Place
    node: Any
    line: int
    said: str = ""  # the sentence, if it is not the kind with the nodes before and after


def small_change(search: Search, lines: Collection[int], is_wide: bool = False, only: tuple[str, ...] = ()) -> str:
    """Return a sentence about a small change that makes the answer right, or an empty string.

    It is in one of these lines or, if `is_wide`, in any line. If `only` has kinds, no others are tried.
    """
    calls = [call for call in nodes(search.solution, ast.Call) if len(call.args) == 1 and not call.keywords]
    find = partial(repaired, search, functions=list(dict.fromkeys(ast.unparse(call.func) for call in calls)))
    if search.exercise.kind.framework is NUMPY:
        kinds = others = tuple(KINDS)
    else:  # building and running a graph takes some 50 ms
        lines = () if only else lines
        kinds, others = tuple(kind for kind in KINDS if kind not in _RARE), _LIKELY
    change = find(lines, kinds=only or kinds)
    if not change and not only:
        change = find((), rules=moved)
    if not change and is_wide:
        change = find(search.source.lines, kinds=others)
    return change


def repaired(
    search: Search,
    lines: Collection[int],
    functions: Sequence[str] = (),
    kinds: Collection[str] = tuple(KINDS),
    rules: Callable[[ast.AST], Iterator[Change]] | None = None,
    likely: Difference | None = None,
) -> str:
    """Return a sentence about the small change in some lines that makes an answer right, or an empty string.

    `functions` are those that an answer may call, by name. If there are `rules`, only their changes are tried. `likely`
    is what a changed answer probably still has.
    """
    search.is_repaired = False
    tree = copied(search.source.tree)
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    tried = (candidate for candidate in _changes(tree, lines, functions) if candidate[0] in kinds)
    if rules:
        tried = (("", [change]) for change in [*rules(tree)])
    for n, (kind, changes) in enumerate(tried):
        if n % 8 == 0 and search.is_late():
            break
        old = [container[key] for (_, container, key), *_ in changes]
        shown = _shown(changes[0].place, parents)
        after = ""
        try:
            for (_, container, key), node, *_ in changes:
                container[key] = node
            if search.accepts(search.source.compiled(tree), likely):
                after = changes[0].said or ast.unparse(changes[0].node if shown is old[0] else shown)
        except Exception:
            continue
        finally:
            for ((_, container, key), *_), node in zip(changes[::-1], old[::-1], strict=True):
                container[key] = node
        if after:
            search.is_repaired = True
            numbers = list(dict.fromkeys(str(change.line) for change in changes))
            where = f"line{'s' * (len(numbers) > 1)} {' and '.join(numbers)}"
            return changes[0].said or f"{KINDS[kind]} in {where}: {ast.unparse(shown)} should be {after}."
    return ""


def _shown(place: Place, parents: dict[ast.AST, ast.AST]) -> Any:
    """Return the node that a sentence shows for a place: the innermost whole expression that contains it."""
    node, container, key = place
    while isinstance(node, (ast.Tuple, ast.Slice, ast.Attribute)) and isinstance(parents[node], ast.expr):
        node = parents[node]
    return node if isinstance(node, (ast.expr, ast.AugAssign, ast.keyword)) else container[key]


def _line(place: Place) -> int:
    parent, container, key = place
    return getattr(container[key], "lineno", 0) or getattr(parent, "lineno", 0)


def _changes(tree: ast.AST, lines: Collection[int], functions: Sequence[str]) -> Iterator[tuple[str, list[Change]]]:
    """Yield the changes in these lines with their kinds: first at single places, then the same change at all places."""
    names = {node.arg for node in nodes(tree, ast.arg)}
    names |= {node.id for node in nodes(tree, ast.Name) if isinstance(node.ctx, ast.Store)}
    parts = {ast.unparse(node): _parsed(ast.unparse(node)) for node in ast.walk(tree) if _is_part(node)}
    lines = set(lines) - ending(tree)
    by_key: dict[str, dict[str, list[Change]]] = {kind: defaultdict(list) for kind in KINDS}
    singles: dict[str, list[Change]] = defaultdict(list)
    for parent in ast.walk(tree):
        places: list[Place] = [(parent, vars(parent), field) for field in parent._fields]
        places += [
            (parent, part, n) for part in vars(parent).values() if isinstance(part, list) for n in range(len(part))
        ]
        for place in places:
            old, line = place[1][place[2]], _line(place)
            if isinstance(old, list) and old and isinstance(old[0], ast.stmt):
                for kind, change in _of_block(place, old, lines):
                    singles[kind].append(change)
            elif line in lines:
                for kind, key, node in _at(place, old, sorted(names - {"_"}), parts, functions):
                    if isinstance(node, (ast.expr, ast.stmt, ast.keyword)):
                        ast.fix_missing_locations(ast.copy_location(node, old))
                    by_key[kind][key].append(Change(place, node, line))
                    singles[kind].append(by_key[kind][key][-1])
    for kind, of_key in by_key.items():
        yield from ((kind, [change]) for change in singles[kind])  # whole expressions before their parts
        yield from ((kind, changes) for changes in of_key.values() if len(changes) > 1)


def moved(tree: ast.AST) -> Iterator[Change]:
    """Yield an answer with a statement moved into the block before it, or out of the end of a block.

    Another repair may be meant: this is for mistakes that have no known cause.
    """
    fixed = ending(tree)
    for parent in ast.walk(tree):
        for n, node in enumerate(body := body_of(parent)):
            if fixed & {node.lineno, *(part.lineno for part in [*getattr(node, "body", [])][-1:])}:
                continue
            for said, new in _indented(node, body[n + 1 :]):
                yield Change((parent, vars(parent), "body"), [*body[:n], *new], node.lineno, said)


def _indented(node: ast.stmt, after: list[ast.stmt]) -> Iterator[tuple[str, list[ast.stmt]]]:
    simple = (ast.Assign, ast.AugAssign, ast.Expr)
    if isinstance(node, (ast.For, ast.While, ast.If)) and not node.orelse:
        kind = "if" if isinstance(node, ast.If) else "loop"
        longer, shorter = copied(node), copied(node)
        if after and isinstance(after[0], simple):
            longer.body.append(after[0])
            yield _belongs(after[0], f"into the {kind}: indent it"), [longer, *after[1:]]
        if len(node.body) > 1 and isinstance(node.body[-1], simple):
            yield _belongs(node.body[-1], f"below the {kind}: indent it less"), [shorter, shorter.body.pop(), *after]


def _belongs(node: ast.stmt, where: str) -> str:
    return f"Line {node.lineno}, {ast.unparse(node).splitlines()[0]}, belongs {where}."


def ending(tree: ast.AST) -> set[int]:
    """Return the lines on which the end of a `while` depends: with a change there it may run for ever."""
    lines = set[int]()
    for loop in nodes(tree, ast.While):
        lines |= {node.lineno for node in nodes(loop, ast.stmt) if names_in(loop.test) & targets(node)}
    return lines


def _of_block(place: Place, body: list[ast.stmt], lines: set[int]) -> Iterator[tuple[str, Change]]:
    """Yield the changes of a block in these lines: without one of them, or with two neighbours exchanged."""
    simple = (ast.Assign, ast.AugAssign, ast.Expr)
    for n, node in enumerate(body):
        if isinstance(node, simple) and node.lineno in lines:
            said = f"Superfluous: line {node.lineno}. Without {ast.unparse(node)} the answer is right."
            rest: list[ast.stmt] = [*body[:n], *body[n + 1 :]] or [ast.Pass(lineno=node.lineno, col_offset=0)]
            yield "line", Change(place, rest, node.lineno, said)
    for n, (node, later) in enumerate(pairwise(body)):
        both = isinstance(node, (*simple, ast.If)) and isinstance(later, (*simple, ast.If))
        if both and {node.lineno, later.lineno} & lines:
            first = ast.unparse(later).splitlines()[0].rstrip(":")
            said = f"Wrong order: line {later.lineno}, {first}, belongs before line {node.lineno}."
            yield "lines", Change(place, _swapped(body, n, n + 1), node.lineno, said)


def _at(
    place: Place, node: Any, names: list[str], others: dict[str, ast.expr], functions: Sequence[str]
) -> Iterator[tuple[str, str, Any]]:
    """Yield each possible change of a node: its kind, a key that the same change has elsewhere, and the new node."""
    if isinstance(node, (ast.Assign, ast.AugAssign)):
        for (a, first), (b, second) in combinations(_indices(node).items(), 2):
            yield "indices", f"{a} {b}", _Replaced({a: second, b: first}).visit(copied(node))
    if isinstance(node, ast.expr) and isinstance(place[0], (ast.Assign, ast.AugAssign, ast.Return)):
        read = sorted(names_in(node) & set(names))
        for name, twin in combinations(read if place[2] == "value" else (), 2):
            new = _Replaced({name: ast.Name(twin, ast.Load()), twin: ast.Name(name, ast.Load())}).visit(copied(node))
            yield "exchanged", f"{name} {twin} {ast.unparse(node)}", new
    if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add):
        yield "operation", "=", ast.Assign([node.target], node.value)
    elif isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], _PLACES):
        yield "operation", "+=", ast.AugAssign(node.targets[0], ast.Add(), node.value)
    elif isinstance(node, ast.Subscript) and not isinstance(node.slice, ast.Tuple):
        old, every = node.slice, ast.Slice()
        indices = [index for part in others.values() if isinstance(part, ast.Subscript) for index in _elements(part)]
        used = [
            ast.Name(name, ast.Load())
            for name in sorted({index.id for index in indices if isinstance(index, ast.Name)})
        ]
        for pair in [every, old], [old, every], *([old, index] for index in used), *([index, old] for index in used):
            new = ast.Subscript(node.value, ast.Tuple(pair, ast.Load()), node.ctx)
            yield "index", ast.unparse(new), new
    elif isinstance(node, ast.keyword) and node.arg == "axis" and isinstance(node.value, ast.Constant):
        yield from (("axis", f"{node.value.value!r} {n}", ast.keyword("axis", ast.Constant(n))) for n in (0, 1, None))
    if type(node) in _OTHERS:
        kind = "comparison" if isinstance(node, ast.cmpop) else "operation"
        yield from ((kind, f"{type(node)} {other}", other()) for other in _OTHERS[type(node)])
    elif isinstance(node, ast.arguments) and vars(place[0]).get("col_offset"):  # not of the function that is checked
        for n in reversed(range(1, len(node.args))):  # those of the first ones have other names too
            yield "arguments", "", ast.arguments([], _swapped(node.args, n - 1, n), None, [], [], None, node.defaults)
    elif isinstance(node, ast.expr) and isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
        yield from _of_expression(place, node, names)
        yield from _of_functions(place, node, functions)
        # a loop over a list that it makes longer never ends, a list in itself neither
        if (isinstance(node, ast.Name) or _is_part(node)) and not isinstance(place[0], ast.For):
            own = ast.unparse(node)
            growing = ast.unparse(place[0].func).split(".")[0] if isinstance(place[0], ast.Call) else ""
            fine = [name for name in names if name not in (own, growing)]
            yield from (("variable", f"{own} {name}", ast.Name(name, ast.Load())) for name in fine)
            if not isinstance(place[0], ast.Attribute):
                yield from (("place", f"{own} {text}", other) for text, other in others.items() if text != own)


def _is_part(node: ast.AST) -> bool:
    """Return whether a node is a part of an array, such as z[:, t], or a length: one may stand for another."""
    return isinstance(node, ast.Subscript) or (isinstance(node, ast.Call) and ast.unparse(node.func) == "len")


def _elements(node: ast.Subscript) -> list[ast.expr]:
    return node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]


def _indices(node: ast.stmt) -> dict[str, ast.expr]:
    """Return the different indices in a statement, by their text."""
    indices = [index for part in nodes(node, ast.Subscript) for index in _elements(part)]
    return {ast.unparse(index): index for index in indices if not isinstance(index, (ast.Slice, ast.Constant))}


class _Replaced(ast.NodeTransformer):
    """Replaces expressions that a statement reads by others, given by their text."""

    def __init__(self, others: dict[str, ast.expr]) -> None:
        self.others = others

    def visit(self, node: ast.AST) -> Any:
        is_read = isinstance(node, ast.expr) and not isinstance(getattr(node, "ctx", None), ast.Store)
        return (is_read and self.others.get(ast.unparse(node))) or self.generic_visit(node)


def _of_functions(place: Place, node: ast.expr, functions: Sequence[str]) -> Iterator[tuple[str, str, Any]]:
    """Yield the calls of a function that may be missing around an expression, or of another function."""
    load = ast.Load()
    is_called = isinstance(place[0], ast.Call) and place[2] == "func"
    match node:
        case ast.Name() | ast.Attribute() if not is_called and not isinstance(place[0], ast.Attribute):
            if not isinstance(node, ast.Attribute) or node.attr not in ("T", "shape", "dtype", "size", "ndim"):
                yield "call", ast.unparse(node), ast.Call(node, [], [])
        case ast.Name(name) if is_called and name in _FUNCTIONS:
            yield "function", name, ast.Name(_FUNCTIONS[name], load)
        case ast.Attribute(value, name) if is_called and name in _FUNCTIONS:
            yield "function", name, ast.Attribute(value, _FUNCTIONS[name], load)
        case ast.Call(f, [_], []) if isinstance(f, (ast.Name, ast.Attribute)):
            for other in functions:
                yield "function", f"{ast.unparse(f)} {other}", ast.Call(_parsed(other), node.args, [])
    if isinstance(node, (ast.BinOp, ast.Call, ast.Subscript, ast.Name)) and not is_called:
        if place[2] in ("value", 0) and isinstance(place[0], (ast.Assign, ast.AugAssign, ast.Return, ast.Call)):
            yield "sign", ast.unparse(node), ast.UnaryOp(ast.USub(), node)
        for name in functions:
            yield "missing", f"{name} {ast.unparse(node)}", ast.Call(_parsed(name), [node], [])


def _parsed(code: str | bytes) -> ast.expr:
    return ast.parse(code, mode="eval").body


def _of_expression(place: Place, node: ast.expr, names: list[str]) -> Iterator[tuple[str, str, Any]]:
    load = ast.Load()
    parts: list[ast.expr] = []
    match node:
        case ast.Attribute(value, "T"):
            yield "transposed", "", value
        case ast.Tuple(elements) | ast.List(elements):
            for n, m in ((0, 1), (1, 2), (0, 2), (2, 3)):
                if m < len(elements):
                    alike = [type(place[0]).__name__, *(type(element).__name__ for element in elements)]
                    yield "order", f"{n} {m} {alike}", type(node)(_swapped(elements, n, m), load)
        case ast.Call(ast.Name("len"), [ast.Name(own)]):
            yield "axis", f"len {own}", _parsed(f"{own}.shape[1]")
        case ast.Call(f, arguments, keywords):
            for n in range(1, len(arguments)):
                yield "order", f"{ast.unparse(f)} {n}", ast.Call(f, _swapped(arguments, n - 1, n), keywords)
            for n in range(len(arguments)):
                rest = [*arguments[:n], *arguments[n + 1 :]]
                yield "part", f"argument {n} {ast.unparse(node)}", ast.Call(f, rest, keywords)
            for n, word in enumerate(keywords):
                yield "part", f"argument {word.arg}", ast.Call(f, arguments, [*keywords[:n], *keywords[n + 1 :]])
                mistaken = [other.arg for other in keywords[n + 1 :]] + [*_SCAN] * (word.arg in _SCAN)
                for name in mistaken:
                    new = {word.arg: name, name: word.arg}
                    words = [ast.keyword(new.get(other.arg, other.arg), other.value) for other in keywords]
                    yield "keyword", f"{word.arg} {name}", ast.Call(f, arguments, words)
            match arguments:
                case [ast.Call(ast.Attribute(value, attr), [])]:  # f(x.sum()) -> f(x).sum()
                    method = ast.Attribute(ast.Call(f, [value], keywords), attr, load)
                    yield "parentheses", "call", ast.Call(method, [], [])
            parts = [*arguments, *([f.value] if isinstance(f, ast.Attribute) else [])]
        case ast.BinOp(left, op, right):
            if isinstance(op, (ast.Sub, ast.Div, ast.Pow)):
                yield "operands", type(op).__name__, ast.BinOp(right, op, left)
            if isinstance(op, (ast.Mult, ast.MatMult)):
                outer = ast.Attribute(ast.Name("np", load), "outer", load)
                yield "operation", "dot", ast.Call(ast.Attribute(left, "dot", load), [right], [])
                yield "operation", f"outer {type(left)} {type(right)}", ast.Call(outer, [left, right], [])
            if isinstance(left, ast.Call) and len(left.args) == 1:  # f(x) + y -> f(x + y)
                inside = ast.BinOp(left.args[0], op, right)
                yield "parentheses", "in", ast.Call(left.func, [inside], left.keywords)
            yield from (("parentheses", ast.unparse(new), new) for new in _in_parentheses(node))
            inner = [part for part in (left, right) if isinstance(part, ast.BinOp)]
            parts = [left, right, *(operand for part in inner for operand in (part.left, part.right))]
        case ast.UnaryOp() | ast.BoolOp() | ast.IfExp():
            parts = [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
        case ast.Compare():
            for is_met in (True, False):
                yield "condition", f"{ast.unparse(node)} {is_met}", ast.Constant(is_met)
        case ast.Subscript(value):
            parts = [value, *(value.args if isinstance(value, ast.Call) else [])]
        case ast.Constant(int() | float() as number):
            yield from (("number", f"{number} {by}", ast.Constant(number + by)) for by in (1, -1))
            yield from (("number", f"{number} {name}", ast.Name(name, load)) for name in names)
        case ast.Name(own):
            is_target = isinstance(place[0], ast.Subscript) and not isinstance(place[0].ctx, ast.Load)
            is_length = isinstance(place[0], ast.Call) and ast.unparse(place[0].func) == "len"
            if not isinstance(place[0], ast.Attribute) and not is_target and not is_length:
                yield "not transposed", own, ast.Attribute(node, "T", load)
            if place[2] == "slice" or isinstance(place[2], int):
                for op in (ast.Add(), ast.Sub()):
                    yield "number", f"{own} {op}", ast.BinOp(node, op, ast.Constant(1))
    yield from (("part", f"{type(node)} {n}", part) for n, part in enumerate(parts))


def _in_parentheses(node: ast.BinOp) -> Iterator[ast.expr]:
    """Yield an expression with one pair of parentheses more, or less, where this changes it."""
    text = ast.unparse(node).encode()  # in which nodes have their positions
    spans, changed, todo = [], [], [_parsed(text)]
    while todo:  # the operands, from left to right
        part = todo.pop()
        begin, end = part.col_offset, part.end_col_offset or 0
        is_inside = text[:begin].endswith(b"(") and text[end:].startswith(b")")
        if isinstance(part, ast.BinOp) and not is_inside:
            todo += part.right, part.left
            continue
        spans.append((begin - is_inside, end + is_inside))
        if isinstance(part, ast.BinOp):
            changed.append(text[: begin - 1] + text[begin:end] + text[end + 1 :])
    changed += [b"%b(%b)%b" % (text[:a], text[a:b], text[b:]) for (a, _), (_, b) in combinations(spans, 2)]
    yield from (new for new in map(_parsed, changed) if ast.dump(new) != ast.dump(node))


def _swapped(nodes: list[Any], n: int, m: int) -> list[Any]:
    return [*nodes[:n], nodes[m], *nodes[n + 1 : m], nodes[n], *nodes[m + 1 :]]
