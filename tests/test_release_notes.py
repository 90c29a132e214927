"""The notes of a release, and what must be right before there is one."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import lxmls_rnn

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "scripts" / "release_notes.py"
CHANGELOG = """# Changelog

## Unreleased

- later

## 1.2.0 - 2026-12-01

### Added

- first
- second

## 1.0.0 - not released yet

- old

## 0.9
"""


def released(folder, tag, version):
    """Print the notes of a tag where the package has a version; return the exit status, and what is printed."""
    (folder / "scripts").mkdir()
    (folder / "scripts" / SCRIPT.name).write_text(SCRIPT.read_text())
    (folder / "CHANGELOG.md").write_text(CHANGELOG)
    (folder / "pyproject.toml").write_text(f'[project]\nname = "lxmls-rnn"\nversion = "{version}"\n')
    done = subprocess.run([sys.executable, f"scripts/{SCRIPT.name}", tag], cwd=folder, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def test_the_notes_are_the_section_of_the_version_without_its_heading(tmp_path):
    assert released(tmp_path, "v1.2.0", "1.2.0") == (0, "### Added\n\n- first\n- second\n")


@pytest.mark.parametrize(
    ("tag", "version", "message"),
    [
        ("v1.2.0", "1.2.1", "the tag is v1.2.0, expected v1.2.1, the version of pyproject.toml"),
        ("1.2.0", "1.2.0", "the tag is 1.2.0, expected v1.2.0"),
        ("v1.2", "1.2", "CHANGELOG.md has no section 1.2"),
        ("v1.0.0", "1.0.0", "expected the heading '## 1.0.0 - YYYY-MM-DD', got '## 1.0.0 - not released yet'"),
        ("v0.9", "0.9", "expected the heading '## 0.9 - YYYY-MM-DD', got '## 0.9'"),
    ],
)
def test_a_release_that_is_not_ready_is_refused(tmp_path, tag, version, message):
    status, printed = released(tmp_path, tag, version)
    assert status == 1
    assert message in printed


def test_package_citation_and_pyproject_have_one_version():
    of_project = re.search(r'^version = "(.*)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)[1]
    assert lxmls_rnn.__version__ == of_project
    assert f"\nversion: {of_project}\n" in (ROOT / "CITATION.cff").read_text()
