"""docs/architecture.md shows the graph that the code makes."""

from pathlib import Path

import pytest

grimp = pytest.importorskip(
    "grimp", reason="import-linter, which brings grimp, is not installed: it is not in the image"
)

PAGE = Path(__file__).parents[1] / "docs" / "architecture.md"


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
