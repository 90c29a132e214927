"""Mutants: copies of a file with one change each, made by mutmut's operators."""

import contextlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider
from mutmut.mutation.mutators import mutation_operators, operator_string

# arguments of calls: sizes and colours of drawings, which tests should not fix; `strict` of `zip`, which never fails
SKIPPED_ARGUMENTS = {
    *("strict", "color", "colors", "cmap", "alpha", "zorder", "rotation", "dpi", "fontsize", "size", "tooltip"),
    *("linestyle", "linewidth", "markersize", "stroke_width", "padding", "pad", "pad_edge", "margin"),
    *("width", "height", "layout", "style"),
}
SKIPPED_NODES = cst.Annotation, cst.Import, cst.ImportFrom, cst.Decorator, cst.SimpleString


@dataclass(frozen=True)
class Mutant:
    """A file's text with a change in the lines `first` to `last`."""

    path: str
    first: int
    last: int
    in_function: bool  # otherwise the import executes it
    text: str
    change: str  # a diff, which identifies the mutant


class _Finder(cst.CSTVisitor):
    """Collect (node, changed node, first line, last line, whether in a function)."""

    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple] = []
        self._depth = 0

    def on_visit(self, node: cst.CSTNode) -> bool:
        """Add the changes of a node; strings, types and decorators are not changed."""
        if isinstance(node, SKIPPED_NODES) or (isinstance(node, cst.If) and _code(node.test).endswith("TYPE_CHECKING")):
            return False
        if isinstance(node, cst.Arg) and node.keyword and node.keyword.value in SKIPPED_ARGUMENTS:
            return False
        place = self.get_metadata(PositionProvider, node, None)
        for kind, operator in mutation_operators if place else ():
            if isinstance(node, kind) and operator is not operator_string:
                for changed in operator(node):
                    if _skipped(node) == _skipped(changed):
                        where = place.start.line, place.end.line, self._depth > 0
                        self.found.append((node, changed, *where))
        self._depth += isinstance(node, cst.FunctionDef | cst.Lambda) - isinstance(node, cst.Parameters)
        return True

    def on_leave(self, node: cst.CSTNode) -> None:
        """Update the number of functions around the next node; defaults of parameters are outside of their function."""
        self._depth -= isinstance(node, cst.FunctionDef | cst.Lambda) - isinstance(node, cst.Parameters)


def _skipped(node: cst.CSTNode) -> list[str]:
    """Return the arguments of a call that must not change."""
    arguments = node.args if isinstance(node, cst.Call) else ()
    return [_code(one.value) for one in arguments if one.keyword and one.keyword.value in SKIPPED_ARGUMENTS]


def _code(node: cst.CSTNode) -> str:
    return cst.Module([]).code_for_node(node)


def find(paths: list[str], sample: int, seed: int) -> tuple[list[Mutant], int]:
    """Return a random sample of the mutants of some files, ordered by file and line, and the number of all mutants."""
    every = []
    for path in paths:
        wrapper, finder = MetadataWrapper(cst.parse_module(Path(path).read_text())), _Finder()
        wrapper.visit(finder)
        every += [(path, wrapper.module, *change) for change in finder.found]
    random.Random(seed).shuffle(every)
    chosen: dict[str, Mutant] = {}
    for mutant in _that_compile(every):
        if len(chosen) == sample:
            break
        chosen[mutant.change] = mutant
    return sorted(chosen.values(), key=lambda mutant: (mutant.path, mutant.first)), len(every)


def _that_compile(changes: list[tuple]) -> Iterator[Mutant]:
    for path, module, node, changed, *where in changes:
        text = module.deep_replace(node, changed).code
        with contextlib.suppress(SyntaxError):
            compile(text, path, "exec")
            lines = list(unified_diff(module.code.splitlines(), text.splitlines(), lineterm="", n=0))[3:]
            if lines:
                yield Mutant(path, *where, text, "\n".join([f"{path}:{where[0]}", *lines]))
