"""Rules for mistakes that students make in any exercise, whatever it computes.

`changes` yields repairs of such mistakes, each with its sentence. Only the check can tell whether a repair is one: a
sentence is said if the check accepts the answer so changed. `scan_arguments` compares what scan passes with what its
step takes, `seen` says what the statements alone show.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, combinations
from typing import Any

import numpy as np

from lab.exercises.cause.change import Change, ending, repaired
from lab.exercises.cause.search import Search
from lab.exercises.cause.source import blocks, body_of, copied, nodes, targets
from lab.exercises.compare import Difference
from lab.exercises.run import Arrays
from lxmls_rnn.deep_learning.frameworks import THEANO, TORCH, Framework

_Rule = Iterator[tuple[str, Sequence[Any]]]  # a sentence, and what is put in a place: statements, as nodes or as text
_NOTHING = {"append", "backward", "copyto", "extend", "set_value", "step", "update", "zero_grad"}  # what they return
RETURN_IN_LOOP = "There is a return inside the loop"
NO_RETURN = "There is no return: the last line of the function returns its results."
_WAYS = {"sequences": "an element of {}", "outputs_info": "the last result, at first {}", "non_sequences": "{}"}


def sentence(search: Search, difference: Difference | None = None, got: Sequence[Arrays] = ()) -> str:
    """Return the sentence of a rule whose change makes the answer right, or that surely names the mistake; or ""."""
    source = search.source
    if difference and (said := one_array(source.tree, got, search.exercise.results)):
        return said
    candidates = partial(changes, framework=search.exercise.kind.framework, functions=search.accepted)
    said = repaired(search, source.lines, rules=candidates, likely=difference)
    return said or scan_arguments(source.tree, search.accepted)


# --- repairs ----------------------------------------------------------------------------------------------------------


def changes(tree: ast.AST, framework: Framework, functions: Mapping[str, Any]) -> Iterator[Change]:
    """Yield repairs of an answer; `functions` are those of earlier exercises, by name."""
    fixed = ending(tree)
    for parent in ast.walk(tree):
        for field in ("body", "orelse"):
            for n, node in enumerate(body := body_of(parent, field)):
                if node.lineno in fixed and not isinstance(node, ast.While):
                    continue
                for said, new in chain(_shared(node, framework, tree), _lost(node, framework), _loop(node, tree)):
                    parts = [part for one in new for part in (_parsed(one, node) if isinstance(one, str) else [one])]
                    yield Change((parent, vars(parent), field), [*body[:n], *parts, *body[n + 1 :]], node.lineno, said)
    for call in nodes(tree, ast.Call):
        for said, new in _arguments(call, tree, functions):
            yield Change((call, vars(call), "args"), new, call.lineno, said)


def _parsed(text: str, at: ast.stmt) -> list[ast.stmt]:
    """Return the statements of a text, with the line of another one."""
    body = ast.parse(text).body
    for part in (part for node in body for part in ast.walk(node) if isinstance(part, (ast.stmt, ast.expr))):
        part.lineno = part.end_lineno = at.lineno
    return body


def _shared(node: ast.stmt, framework: Framework, tree: ast.AST) -> _Rule:
    """Yield repairs of two names for one array, and of a name that gets another array."""
    copy = "clone" if framework is TORCH else "copy"
    old, line = ast.unparse(node), node.lineno
    match node:
        case _ if framework is THEANO:  # its variables never change
            return
        case ast.Assign([ast.Name(a), ast.Name(b)], value):
            said = f"`{a}` and `{b}` in line {line} are one array: what is written to one is in the other. Make two."
            yield said, [f"{name} = {ast.unparse(value)}" for name in (a, b)]
        case ast.Assign([ast.Name()], ast.Name() | ast.Subscript() | ast.Attribute(_, "T")):
            said = f"`{old}` in line {line} makes no copy: what is written to one is in the other. Write"
            yield f"{said} {old}.{copy}().", [f"{old}.{copy}()"]
        case ast.Expr(ast.Call(ast.Attribute(places, "append"), [ast.Name() | ast.Subscript() as value])):
            new = f"{ast.unparse(places)}.append({ast.unparse(value)}.{copy}())"
            said = f"`{old}` in line {line} appends the same array in each round, which the next one changes"
            yield f"{said}: append a copy, {new}.", [new]
        case ast.AugAssign(ast.Name(a), op, value) if re.search(
            rf"append\({a}\)|= {a}$|\b{a} = \w+$|(for|def) .*\b{a}\b.*:$", ast.unparse(tree), re.MULTILINE
        ):  # it has another name
            new = f"{a} = {ast.unparse(ast.BinOp(ast.Name(a), op, value))}"
            yield f"Superfluous: line {line}. Without {old} the answer is right.", ["pass"]  # else new, too, is right
            yield f"`{old}` in line {line} changes the array itself, under all its names: write {new}.", [new]
        case ast.Assign([ast.Name(a)], ast.BinOp(ast.Name(b), op, value)) if a == b:
            new = ast.unparse(ast.AugAssign(ast.Name(a), op, value))
            yield f"`{a} = ...` in line {line} names a new array, and the old one stays as it is: write {new}.", [new]
    for part in ast.walk(node) if isinstance(node, ast.Assign) else ():
        if isinstance(part, ast.BinOp) and isinstance(part.left, ast.List) and len(part.left.elts) == 1:
            new = f"[{ast.unparse(part.left.elts[0])} for _ in range({ast.unparse(part.right)})]"
            said = f"`{ast.unparse(part)}` in line {line} has the same object in all places"
            yield f"{said}: write {new}.", [old.replace(ast.unparse(part), new)]


def _lost(node: ast.stmt, framework: Framework) -> _Rule:
    """Yield repairs of a statement whose value is lost."""
    if not isinstance(node, ast.Expr) or isinstance(node.value, ast.Constant):
        return
    text, line = ast.unparse(node.value), node.lineno
    if isinstance(node.value, (ast.Name, ast.Attribute)):
        yield f"`{text}` in line {line} is not called: write {text}().", [f"{text}()"]
    if isinstance(node.value, ast.Compare) and isinstance(node.value.ops[0], ast.Eq):
        yield f"`==` in line {line} compares; = assigns.", [text.replace("==", "=", 1)]
    for name in dict.fromkeys(map(ast.unparse, nodes(node.value, ast.Name, ast.Subscript))):
        for new in [f"{name} = {text}"] + [f"{name} += {text[len(name) + 3 :]}"] * text.startswith(f"{name} + "):
            yield f"The result of line {line}, {text}, is lost: write {new}.", [new]
    match node.value:
        case ast.Call(ast.Attribute(value, method), arguments) if framework is TORCH and not method.endswith("_"):
            new = f"{ast.unparse(value)}.{method}_({', '.join(map(ast.unparse, arguments))})"
            yield f"`{text}` in line {line} does not change the tensor: write {new}.", [new]


def _loop(node: ast.stmt, tree: ast.AST) -> _Rule:
    """Yield repairs of a loop: a return in it, a list that stays empty, a state that is not passed on."""
    if not isinstance(node, (ast.For, ast.While)):
        return
    inside = nodes(node, ast.stmt)
    is_endless = isinstance(node, ast.While) and isinstance(node.test, ast.Constant)
    for last in [part for part in inside if isinstance(part, ast.Return) and not is_endless][-1:]:
        yield return_in_loop(last), [_with_returns_as(ast.Pass, node), last]
        said = f"The return in line {last.lineno} also leaves out what comes after the loop: break ends only the loop."
        yield said, [_with_returns_as(ast.Break, node)]
    new = {ast.unparse(target): None for part in node.body if isinstance(part, ast.Assign) for target in part.targets}
    for before in (part for part in nodes(tree, ast.Assign) if part.lineno < node.lineno):
        for name in (target.id for target in before.targets if isinstance(target, ast.Name)):
            is_list = isinstance(before.value, ast.List)
            said = f"`{name}` stays empty: what the loop in line {node.lineno} computes is lost"
            if not is_list:
                said = f"`{name}` is the same in every round of the loop in line {node.lineno}"
            for value in () if any(name in targets(part) for part in inside) else new:
                text = f"{name}.append({value})" if is_list else f"{name} = {value}"
                longer = copied(node)
                longer.body += _parsed(text, node.body[-1])
                yield f"{said}: at the end of each round, {text}.", [longer]


def return_in_loop(node: ast.Return) -> str:
    """Say that a return is in a loop."""
    said = f"{RETURN_IN_LOOP}, in line {node.lineno}: the function ends in the loop's first round."
    return f"{said} Move it below the loop."


def _with_returns_as(kind: type[ast.stmt], loop: Any) -> Any:
    class Changed(ast.NodeTransformer):
        def visit_Return(self, node: ast.Return) -> Any:
            return ast.copy_location(kind(), node)

    return Changed().visit(copied(loop))


def _arguments(call: ast.Call, tree: ast.AST, functions: Mapping[str, Any]) -> _Rule:
    """Yield other arguments for the call of a known function: those that it names, or a list with a star."""
    taken = _taken(call.func, tree, functions)
    if not taken or call.keywords:
        return
    at = {"lineno": call.lineno, "col_offset": 0}
    given = ", ".join(map(ast.unparse, call.args))
    said = f"`{ast.unparse(call.func)}` takes ({', '.join(taken)}); line {call.lineno} gives it ({given})"
    yield f"{said}.", [ast.Name(name, ast.Load(), **at) for name in taken]
    for n, one in enumerate(call.args):
        star = ast.Starred(one, ast.Load(), **at)
        new = [*call.args[:n], star, *call.args[n + 1 :]]
        yield f"{said}: hand over the parts of the list, *{ast.unparse(one)}.", new


def _taken(function: ast.expr, tree: ast.AST, functions: Mapping[str, Any]) -> list[str]:
    """Return the names of the arguments that a function of the answer, or an earlier one, takes; [] if unknown."""
    name = ast.unparse(function)
    made: list[ast.AST] = [function] * isinstance(function, ast.Lambda)
    made += [node for node in nodes(tree, ast.FunctionDef) if node.name == name]
    made += [node.value for node in nodes(tree, ast.Assign) if name in targets(node)]
    if len(made) == 1 and isinstance(one := made[0], (ast.Lambda, ast.FunctionDef)):
        is_open = one.args.vararg or one.args.defaults or one.args.kwonlyargs
        return [] if is_open else [argument.arg for argument in one.args.args]
    return [*inspect.signature(functions[name]).parameters] if name in functions and not made else []


# --- what can be seen -------------------------------------------------------------------------------------------------


def scan_arguments(tree: ast.AST, functions: Mapping[str, Any]) -> str:
    """Return what scan passes to a step that takes something else, in number or in the order of the names; or ""."""
    for call in [node for node in nodes(tree, ast.Call) if _name(node.func) == "scan"]:
        given = dict(zip(("fn", *_WAYS), call.args, strict=False))
        given |= {word.arg: word.value for word in call.keywords if word.arg}
        taken = _taken(given["fn"], tree, functions) if "fn" in given else []
        passed = [(way, part, ast.unparse(part)) for way in _WAYS for part in _parts(given.get(way))]
        bases, own = [_base(name) for _, _, name in passed], [_base(name) for name in taken]
        is_known = taken and not any(re.match(r"\{|\*|dict\(", name) for _, _, name in passed)
        if is_known and (len(bases) != len(own) or (bases != own and sorted(bases) == sorted(own))):
            words = "; ".join(_WAYS[way].format(name) for way, _, name in passed) or "nothing"
            said = f"scan, in line {call.lineno}, passes to its step in this order: {words}."
            said += f" It takes {', '.join(taken)}."
            missing = [name for name in taken if _base(name) not in bases]
            if whole := [name for way, _, name in passed if way == "sequences" and name in taken]:
                said += f" Of {whole[0]}, a sequence, it gets one row: what it needs whole belongs in non_sequences."
            elif len(bases) < len(own) and 0 < len(missing) < len(own):
                said += f" Nothing gives it {', '.join(missing)}."
            return said
    return ""


def _name(function: ast.expr) -> str:
    return ast.unparse(function).rpartition(".")[2]


def _parts(node: ast.expr | None) -> list[ast.expr]:
    parts = node.elts if isinstance(node, (ast.List, ast.Tuple)) else [node] if node else []
    return [part for part in parts if not (isinstance(part, ast.Constant) and part.value is None)]


def _base(name: str) -> str:
    """Return the quantity of a name: z of _z_t and of _z, h of _h_tm1 and of _h0."""
    return re.sub(r"(?<=.)(_?tm1|_?t|_?prev|_?0|_?t_1)$", "", name.strip("_"))


def one_array(tree: ast.AST, got: Sequence[Mapping[str, np.ndarray]], results: Sequence[str]) -> str:
    """Return a sentence if two results are one array to which a line writes after it has both names; or ""."""
    returned = [node.value for node in nodes(tree, ast.Return)] or [None]
    names = dict(zip(results, map(ast.unparse, _parts(returned[-1])), strict=False))
    assigned: list[Any] = nodes(tree, ast.Assign, ast.AugAssign)
    for a, b in combinations(names, 2):
        if any(a in arrays and b in arrays and np.shares_memory(arrays[a], arrays[b]) for arrays in got):
            own = {names[a], names[b]}
            for at in [node for node in assigned if len(own) > 1 and own <= targets(node) | {ast.unparse(node.value)}]:
                if any(node.lineno > at.lineno and own & targets(node) for node in assigned):
                    said = f"{a} and {b} are one array with two names, since line {at.lineno}, {ast.unparse(at)}"
                    return f"{said}: what is written to one is in the other. Make two."
    return ""


def of_return(tree: ast.AST) -> str:
    """Return why a function that is filled in returns None, or an empty string."""
    function, *steps = nodes(tree, ast.FunctionDef)
    inner = {part for step in steps for part in ast.walk(step)}
    returns = [node for node in nodes(tree, ast.Return) if node.value and node not in inner]
    if not returns:
        return NO_RETURN
    if isinstance(call := returns[-1].value, ast.Call) and _name(call.func) in _NOTHING:
        return f"{ast.unparse(call.func)}() returns None." + " It fills .grad." * (_name(call.func) == "backward")
    if any(node.attr == "grad" for node in nodes(tree, ast.Attribute)):
        return (
            ".grad is None before backward(), and always of what is computed from other tensors, also by .clone(): "
            "only a tensor that is made with requires_grad=True has one."
        )
    if not any(isinstance(node, ast.Return) for node in function.body):
        said = f"The return in line {returns[-1].lineno} is only in an if or a loop"
        return f"{said}: without it the function returns None."
    return ""


def seen(search: Search) -> str:
    """Return a sentence about what the statements show in any exercise; or ""."""
    source, solution = search.source, search.solution
    arrays = [name for name, quantity in search.exercise.quantities.items() if quantity.axes]
    calls = nodes(source.tree, ast.Call)
    passed = {ast.unparse(part) for call in calls for part in [*call.args, *(word.value for word in call.keywords)]}
    for step in source.steps:  # those that scan gets, not helpers
        if step.name in passed and not any(node.value for node in nodes(step, ast.Return)):
            return f"`{step.name}` in line {step.lineno} returns nothing: its last line needs a return."
    in_loops = [node for path, body in blocks(solution) if path[-1:] == ("loop",) for node in body]
    may_return = any(isinstance(node, ast.Return) for node in in_loops)
    # what the solution calls for its value, as logistic, and not for its effect, as optimizer.step
    valued = [node for _, body in blocks(solution) for node in body if isinstance(node, (ast.Assign, ast.AugAssign))]
    computing = {ast.unparse(call.func) for node in valued for call in nodes(node, ast.Call)}
    for path, body in blocks(source.tree):
        for node in body:
            if isinstance(node, ast.Return) and path[-1:] == ("loop",) and not may_return:
                return return_in_loop(node)
            is_whole = isinstance(node, ast.Assign) and (name := ast.unparse(node.targets[0])) in arrays
            if is_whole and path[-1:] == ("loop",) and len(source.lines_of(name)) > 1:
                said = f"`{name} = ...` in line {node.lineno} replaces the whole array in each round of the loop"
                return f"{said}: write to a part of it, or add with +=."
            value = node.value if isinstance(node, ast.Expr) else None
            is_used = isinstance(value, ast.Call) and ast.unparse(value.func) in computing
            if value and (is_used or not isinstance(value, (ast.Call, ast.Constant, ast.ListComp))):
                what = "=" if is_used else "= or ()"
                return f"Line {node.lineno}, {ast.unparse(node)}, keeps nothing of what it computes: is {what} missing?"
    return ""
