"""Names on the pages exist, journeys enter the files that the page lists, and no two classes have one name."""

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/*.md"), *ROOT.glob("packages/*/*.md")]
PRODUCT = ("lab", "lxmls_rnn", "packages", "docker", "scripts")
INTERFACES = {"NumpyRNN", "GpuLost"}  # of the lab guide, and of Theano's host: a class here takes another's place
FOLDERS = ("lab", "lxmls_rnn", "tests", "docs", "docker", "packages", "scripts", ".ci", ".github")
SUFFIXES = (".py", ".sh", ".md", ".css", ".cpp", ".cluda", ".toml", ".yml")
MADE = ("data", "runs", "results", "build")  # by commands, most of what is in them


def files_and_folders():
    """All that the pages may name, by the path from the root."""
    below = (path for folder in FOLDERS for path in (ROOT / folder).rglob("*"))
    return {f"/{path.relative_to(ROOT).as_posix()}" for path in (*ROOT.iterdir(), *below)}


def names_a_path(text):
    """Whether a text between backquotes is the path of a file or a folder here; NAME stands for what a reader picks."""
    first = text.partition("/")[0]
    is_path = text.endswith(("/", *SUFFIXES)) or (first in FOLDERS and "/" in text)
    return is_path and first not in MADE and "NAME" not in text


@pytest.mark.parametrize("page", sorted(PAGES), ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_names_is_there(page):
    text, there = page.read_text(encoding="utf-8"), files_and_folders()
    links = [link for link in re.findall(r"\]\(([^)#]+)", text) if not link.startswith("http")]
    missing = [link for link in links if not (page.parent / link).exists()]
    for name in filter(names_a_path, re.findall(r"`([\w.][\w./-]*)`", text)):
        if not any(path.endswith(f"/{name.rstrip('/')}") for path in there):
            missing.append(name)
    assert not missing, f"{page.name} names what is not there"


@pytest.mark.parametrize("journey", ["training", "case", "answer"])
def test_a_journey_enters_the_files_that_the_page_lists_in_their_order(journey, tmp_path):
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    section = re.search(rf"^## An? {journey}\b.*?(?=^## )", page, re.MULTILINE | re.DOTALL)[0]
    steps = "".join(re.findall(r"^(?:\d+\.|   ).*", section, re.MULTILINE))
    listed = re.findall(r"`([\w/]+\.py)`", steps)
    environ = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | {"LXMLS_RUNS": "runs"}
    command = [sys.executable, ROOT / "tests/journeys.py", journey, tmp_path / "log"]
    subprocess.run(command, cwd=tmp_path, env=environ, check=True, capture_output=True)
    entered = dict.fromkeys((tmp_path / "log").read_text().splitlines())
    assert [next((name for name in listed if file.endswith(f"/{name}")), file) for file in entered] == listed


def test_no_two_classes_have_one_name():
    files = [path for folder in PRODUCT for path in (ROOT / folder).rglob("*.py") if path.parent.name != "tests"]
    names = Counter(re.findall(r"^class (\w+)", "\n".join(map(Path.read_text, files)), re.MULTILINE))
    assert {name for name, times in names.items() if times > 1} == INTERFACES
