"""Pages of the documentation that repeat the code: the Python interface, the exercises."""

import json
import re
from fnmatch import fnmatch
from pathlib import Path

import pytest

from lab import BenchmarkPanel, DistancePanel, GradientCheckPanel
from lab.exercises.exercise import EXERCISES

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
NOT_SHOWN = {"device", "doctor", "paths"}  # modules, for a line of a notebook each
NOT_SHOWN |= {"Shape", "make_cases", "groups", "new_path", "Runner", "Session", "report", "summary"}  # of the benchmark
NOT_SHOWN |= {"fastest_of", "format_time", "is_on_gpu", "published"}

pytestmark = pytest.mark.skipif(not DOCS.is_dir(), reason="the documentation is not in the image")


def imported(code):
    """The names that some Python code imports from the library, without those of NOT_SHOWN."""
    found = re.findall(r"from (lxmls_rnn[\w.]*) import ([\w, ]+)", code)
    return {name for module, names in found for name in names.replace(" ", "").split(",")} - NOT_SHOWN


def test_the_interface_has_the_names_that_notebooks_and_the_code_of_panels_import():
    notebooks = [json.loads(file.read_text(encoding="utf-8")) for file in (ROOT / "lab" / "notebooks").glob("*.ipynb")]
    cells = [cell for notebook in notebooks for cell in notebook["cells"] if cell["cell_type"] == "code"]
    quoted = [
        text
        for file in (ROOT / "lab" / "panels").rglob("panel.py")
        for text in re.findall(
            r'"""from lxmls_rnn.*?"""|"from lxmls_rnn[^"]*"', file.read_text(encoding="utf-8"), re.DOTALL
        )
    ]
    made = [panel().code() for panel in (BenchmarkPanel, DistancePanel, GradientCheckPanel)]
    used = imported("\n".join(["".join(cell["source"]) for cell in cells] + quoted + made))
    page = (DOCS / "api.rst").read_text(encoding="utf-8")
    assert len(used) > 15
    assert not {name for name in used if not re.search(rf"\b{name}\b", page)}


def test_the_page_of_the_exercises_has_the_table_of_the_code():
    lines = [f"| {exercise.number} | {exercise.title} | `{exercise.name}` |" for exercise in EXERCISES.values()]
    assert "\n".join(lines) in (DOCS / "exercises.md").read_text(encoding="utf-8")


def test_the_pages_show_each_picture_and_a_browser_test_takes_it():
    pages = "".join(page.read_text(encoding="utf-8") for page in (ROOT / "README.md", *DOCS.glob("*.md")))
    shown = set(re.findall(r"\]\((?:docs/)?panels/([\w-]+)\.png\)", pages))
    assert shown == {file.stem for file in (DOCS / "panels").iterdir()}
    tests = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "tests/browser").glob("*.py"))
    taken = [re.sub("{.*?}", "*", name) for name in re.findall(r'\bpicture\(.*, f?"([\w{}-]+)"', tests)]
    assert not [name for name in shown if not any(fnmatch(name, pattern) for pattern in taken)]
