"""Print the notes of a release, from CHANGELOG.md: `release_notes.py v1.0.0`; exit status 1 if it is not ready."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def notes(tag: str, changelog: str, package_version: str) -> str:
    """Return the section of a tag's version; ValueError if it is missing, has no date, or is not the package's."""
    version = tag.removeprefix("v")
    if version != package_version or version == tag:
        raise ValueError(f"the tag is {tag}, expected v{package_version}, the version of pyproject.toml")
    found = re.search(rf"^## {re.escape(version)}( .*)?\n((?:(?!## ).*\n?)*)", changelog, re.MULTILINE)
    if not found:
        raise ValueError(f"CHANGELOG.md has no section {version}")
    if not re.fullmatch(r" - \d{4}-\d\d-\d\d", found[1] or ""):
        raise ValueError(
            f"CHANGELOG.md: expected the heading '## {version} - YYYY-MM-DD', got '## {version}{found[1] or ''}'"
        )
    return found[2].strip()


if __name__ == "__main__":
    version = re.search(r'^version = "(.*)"$', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)[1]
    try:
        print(notes(sys.argv[1], (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), version))
    except ValueError as error:
        sys.exit(str(error))
