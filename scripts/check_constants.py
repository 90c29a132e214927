"""Check that a public constant has one meaning: `check_constants.py FOLDER...`; exit status 1 if two modules differ."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path


def constants(source: str) -> Iterator[tuple[str, int, str]]:
    """Yield name, line number and value of the public constants of a module; a TypeVar is none."""
    for node in ast.parse(source).body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        value = ast.unparse(node.value) if targets and node.value is not None else ""
        for target in targets:
            several = isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple)
            names = target.elts if isinstance(target, ast.Tuple) else [target]
            values = [ast.unparse(one) for one in node.value.elts] if several else [value] * len(names)
            for name, own in zip(names, values, strict=True):
                if isinstance(name, ast.Name) and name.id.isupper() and name.id[0] != "_" and "TypeVar(" not in own:
                    yield name.id, node.lineno, own


def main(folders: list[str]) -> int:
    """Print a line for each constant that two modules define differently; return 1 if there is one, else 0."""
    seen: dict[str, tuple[str, str]] = {}
    faults = []
    for path in sorted(path for folder in folders for path in Path(folder).rglob("*.py")):
        for name, line, value in constants(path.read_text(encoding="utf-8")):
            place, other = seen.setdefault(name, (f"{path}, line {line}", value))
            if value != other:
                faults.append(f"{path}, line {line}: {name} has another value in {place}: rename one of them")
    print(*faults, sep="\n", end="\n" * bool(faults))
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
