"""Read student code: tell whose a file is, and find mistakes that the source shows."""

import ast
import inspect
import os
import re
import sysconfig
import textwrap
from collections.abc import Iterator
from typing import Any

import lab
import lxmls_rnn

# files in these folders are not student code
_LAB_FOLDERS = (os.path.dirname(str(package.__file__)) for package in (lab, lxmls_rnn))
_LIBRARY_FOLDERS = tuple(
    f"{folder}/" for folder in (*_LAB_FOLDERS, sysconfig.get_path("purelib"), sysconfig.get_path("stdlib"))
)
_NEED_STATE = ("markov", "rnn", "lstm")  # exercises whose scan passes on a state


def is_students(filename: str) -> bool:
    """Return whether a file is student code: not part of the lab, the library, or Python."""
    return not filename.startswith((*_LIBRARY_FOLDERS, "<frozen", "<__array_function__"))


def mistake(exercise: str, student: Any) -> str:
    """Return a message about a mistake that the source of a wrong answer shows, or an empty string."""
    function: Any = vars(student).get("_forward", student) if inspect.isclass(student) else student
    try:
        source = textwrap.dedent(inspect.getsource(function))
        tree = ast.parse(source)
    except (OSError, TypeError, SyntaxError):
        return ""
    found = (message for node in ast.walk(tree) for message in _mistakes(exercise, node, source))
    no_scan = "There is no scan: theano.scan calls the step once for each element of its sequence."
    return next(found, no_scan if exercise in _NEED_STATE and "scan" not in source else "")


def _mistakes(exercise: str, node: ast.AST, source: str) -> Iterator[str]:
    if isinstance(node, (ast.For, ast.While)) and any(isinstance(part, ast.Return) for part in node.body):
        yield "There is a return inside the loop: the function ends in the loop's first round. Move it below the loop."
    if isinstance(node, ast.FunctionDef) and ast.unparse(node).count(".backward(") > 1:
        yield "Each call of backward() adds to .grad: call it once, or set .grad to None before."
    if isinstance(node, (ast.For, ast.While)):
        names = {ast.unparse(part.targets[0]) for part in ast.walk(node) if isinstance(part, ast.Assign)}
        for name in re.findall(r"\b(\w+) = np\.(?:zeros|empty|ones)(?=(?:.*\n)*.*return .*\b\1\b)", source):
            if name in names:
                yield f"`{name} = ...` in the loop replaces the whole array: write to a part of it, or add with +=."
    if isinstance(node, ast.Call):
        options: dict[str | None, ast.expr] = {keyword.arg: keyword.value for keyword in node.keywords}
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if name == "scan" and "torch" not in exercise and exercise in _NEED_STATE:
            first = node.args[2] if len(node.args) > 2 else options.get("outputs_info")
            if first is None or (isinstance(first, ast.Constant) and first.value is None):
                yield (
                    "scan has no outputs_info, so that no step gets the previous result: pass the first state as "
                    "outputs_info."
                )
        given = options.get("sequences")
        for part in getattr(given, "elts", [given]) if name == "scan" else []:
            if isinstance(part, ast.Name) and re.fullmatch(r"_?A|W_\w", part.id):
                yield f"{part.id} is a sequence here, so that each step gets one row: pass it in non_sequences."
        others = [ast.unparse(part) for part in getattr(options.get("non_sequences"), "elts", [])]
        step = re.search(rf"def {ast.unparse(node.args[0])}\((.*)\):", source) if others and node.args else None
        takes = step[1].split(", ")[-len(others) :] if step else others
        if takes != others and sorted(takes) == sorted(others):
            yield f"non_sequences has the order {', '.join(others)}, but the step takes {', '.join(takes)}."
        if "truncate_gradient" in options:
            yield "truncate_gradient stops the gradient after some steps: leave it out."
        if "go_backwards" in options:
            yield "go_backwards begins with the last word: leave it out."
        if name == "value_and_grad":
            yield "value_and_grad returns the cost and the gradients; return only the gradients, jax.grad."
        if name == "set_value":
            yield "set_value changes a parameter now, before any sentence: return pairs (W, its new value) instead."
        if name == "get_value":
            yield "get_value() returns the numbers of this moment, not a variable: use W itself."
        if name == "eval":
            yield "eval() returns the numbers of this moment, not a variable: leave it out."
        if name in ("stop_gradient", "disconnected_grad"):
            yield f"{name} stops the gradient at each step: leave it out."
        if name in ("log2", "log10", "log1p"):
            yield f"{name} is another logarithm; the cost has the natural one, log."
        if name in ("rand", "randn", "random", "uniform", "normal", "rand_like", "randn_like"):
            yield f"{name} makes random numbers: they do not belong here, the first state is zeros."
    if isinstance(node, ast.ListComp):
        called = re.search(r"\bgrad\((\w+)\)\((\w+)\)", ast.unparse(node.elt))
        if called and called[2] == ast.unparse(node.generators[0].target):
            yield f"{called[0]} calls {called[1]} with one matrix: jax.grad({called[1]})(param) returns all gradients."
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitXor):
        yield "In Python ^ is not the power: i squared is i**2."
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.FloorDiv) and ast.unparse(node.left) == "1":
        yield "// drops the fraction, so 1 // n is 0: divide with /."
