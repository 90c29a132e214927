"""The pages tell of the code as it is; no module is too long."""

import re
from pathlib import Path

import pytest

grimp = pytest.importorskip(
    "grimp", reason="import-linter, which brings grimp, is not installed: it is not in the image"
)

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "architecture.md"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
FOLDERS = ("lab", "lxmls_rnn", "tests", "docs", "docker", "scripts", ".ci", ".github")
SUFFIXES = (".py", ".sh", ".md", ".css", ".cpp", ".cluda", ".toml", ".yml")
MADE = ("data", "runs", "results", "build")  # by commands, most of what is in them
LONGEST = 350  # lines of a module


def imports():
    """The imports between the parts of library and lab: {part: the parts that it imports}."""
    graph = grimp.build_graph("lxmls_rnn", "lab", exclude_type_checking_imports=True, cache_dir=None)
    found = {}
    for importer in graph.modules:
        for imported in graph.find_modules_directly_imported_by(importer):
            one, other = part(importer), part(imported)
            if one and other and one != other:
                found.setdefault(one, set()).add(other)
                found.setdefault(other, set())
    return found


def part(module):
    """The part of the library or of the lab that a module belongs to; nothing for these two themselves."""
    package, *rest = module.split(".")
    return {"lxmls_rnn": "", "lab": "lab/"}[package] + rest[0] if rest else None


def reduced(found):
    """Leave out what follows: an import of a part that another imported part reaches too."""

    def reached(one):
        return found[one].union(*map(reached, found[one]))

    return {one: others - set().union(*map(reached, others)) for one, others in found.items()}


def drawn():
    """The graph as Mermaid draws it."""
    lines = ["graph TD"]
    for one, others in sorted(reduced(imports()).items()):
        lines += [f"    {one} --> {other}" for other in sorted(others)]
    return "\n".join(lines)


def test_the_page_shows_the_graph_of_the_code():
    graph = f"```mermaid\n{drawn()}\n```"
    assert graph in PAGE.read_text(encoding="utf-8"), f"{PAGE} should have\n{graph}"


def files_and_folders():
    """All that the pages may name, by the path from the root."""
    below = (path for folder in FOLDERS for path in (ROOT / folder).rglob("*"))
    return {f"/{path.relative_to(ROOT).as_posix()}" for path in (*ROOT.iterdir(), *below)}


def names_a_path(text):
    """Whether a text between backquotes is the path of a file or a folder here; NAME stands for what a reader picks."""
    first = text.partition("/")[0]
    is_path = text.endswith(("/", *SUFFIXES)) or (first in FOLDERS and "/" in text)
    return is_path and first not in MADE and "NAME" not in text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_names_is_there(page):
    text, there = page.read_text(encoding="utf-8"), files_and_folders()
    links = [link for link in re.findall(r"\]\(([^)#]+)", text) if not link.startswith("http")]
    missing = [link for link in links if not (page.parent / link).exists()]
    for name in filter(names_a_path, re.findall(r"`([\w.][\w./-]*)`", text)):
        if not any(path.endswith(f"/{name.rstrip('/')}") for path in there):
            missing.append(name)
    assert not missing, f"{page.name} names what is not there"


@pytest.mark.parametrize("package", ["lab", "lxmls_rnn"])
def test_a_module_fits_into_a_head(package):
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in (ROOT / package).rglob("*.py")}
    assert not [f"{path}: {length} lines" for path, length in lengths.items() if length > LONGEST]
