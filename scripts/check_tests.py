"""Check that each module or a package above it has a test file: `check_tests.py PACKAGE...`; exit status 1 if not."""

import ast
import sys
from pathlib import Path

MAX_UNTESTED_STATEMENTS = 3  # in functions: what has no more are tables, types and imports


def statements(source: str) -> int:
    """Count the statements in the functions of a module, except docstrings and `...`."""
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    inside = {node for function in functions for part in function.body for node in ast.walk(part)}
    texts = {node for node in inside if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)}
    return sum(isinstance(node, ast.stmt) for node in inside - texts)


def test_files(module: Path) -> list[Path]:
    """Return the paths that the tests of a module may have, the one of its own name first."""
    folder = Path("tests", *module.parent.parts[module.parts[0] == "lxmls_rnn" :])
    name = module.parent.name if module.stem == "__init__" else module.stem.removeprefix("__").removesuffix("__")
    above = [package.parent / f"test_{package.name}.py" for package in (folder, *folder.parents) if package.name]
    return [folder / f"test_{name}.py", *above]


def main(packages: list[str]) -> int:
    """Print a line for each module without a test file; return 1 if there is one, else 0."""
    modules = sorted(path for package in packages for path in Path(package).rglob("*.py"))
    missing = [module for module in modules if not any(file.exists() for file in test_files(module))]
    faults = [one for one in missing if statements(one.read_text(encoding="utf-8")) > MAX_UNTESTED_STATEMENTS]
    for module in faults:
        print(f"{module}: no tests, expected {test_files(module)[0]}")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
