"""Check the first lines of modules' docstrings: `check_docstrings.py FILE...`; exit status 1 if one is wrong."""

import ast
import re
import sys
from pathlib import Path

MAX_LENGTH = 120
QUESTION_WORD = re.compile(r"(What|Which|How|Where|Whose)\b")


def fault(source: str) -> str | None:
    """Return what is wrong with the first line of a module's docstring, or None; SyntaxError if it is not Python."""
    module = ast.parse(source)
    if not module.body:
        return None
    first = (ast.get_docstring(module) or "").partition("\n")[0].strip()
    if not first:
        return "expected a docstring that states the module's responsibility in its first line"
    if len(first) > MAX_LENGTH:
        return f"the first line of the docstring has {len(first)} characters, expected at most {MAX_LENGTH}"
    if not first.endswith("."):
        return "the first line of the docstring must end with a full stop"
    if found := QUESTION_WORD.match(first):
        return (
            f"the docstring must not open with {found[0]!r}: state the responsibility as a noun phrase or an imperative"
        )
    return None


def main(files: list[str]) -> int:
    """Print a line for each wrong docstring; return 1 if there is one, else 0."""
    faults = {file: fault(Path(file).read_text(encoding="utf-8")) for file in files}
    for file, wrong in faults.items():
        if wrong:
            print(f"{file}, line 1: {wrong}")
    return int(any(faults.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
