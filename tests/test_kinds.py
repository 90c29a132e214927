"""The kinds of tests, the slow ones and the times that are told at the end, on a small suite of its own."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SUITE = """
import pytest
def test_a(): pass
@pytest.mark.theano
def test_b(): pass
@pytest.mark.process
@pytest.mark.slow("it waits for another machine")
def test_c(): pass
"""

pytestmark = pytest.mark.process


@pytest.fixture
def run(tmp_path):
    """Run a suite with the marks, hooks and settings of this one."""
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path)
    (tmp_path / "gpu").mkdir()

    def call(*options, **files):
        for name, text in files.items():
            (tmp_path / f"{name.replace('__', '/')}.py").write_text(text)
        settings = ["-c", ROOT / "pyproject.toml", "--rootdir", tmp_path, "-p", "no:cacheprovider"]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *settings, *options, tmp_path], capture_output=True, text=True
        )
        return done.returncode, done.stdout + done.stderr

    return call


@pytest.mark.slow("starts three Pythons with all plugins")
def test_the_time_of_each_kind_is_told_those_of_all_workers_together(run):
    status, output = run("-n", "2", test_suite=SUITE, gpu__test_folder="def test_d(): pass\n")
    assert status == 0, output
    told = re.findall(r"^ +[\d.]+ s in +(\d+) (\w+) tests$", output, re.MULTILINE)
    assert sorted(told) == [("1", "gpu"), ("1", "process"), ("1", "theano"), ("1", "unit")]


def test_a_kind_can_be_chosen_and_the_slow_left_out(run):
    assert "1 passed, 3 deselected" in run("-m", "unit", test_suite=SUITE, gpu__test_folder="def test_d(): pass\n")[1]
    assert "3 passed, 1 deselected" in run("-m", "not slow")[1]


@pytest.mark.parametrize(
    ("mark", "message"),
    [("slow", "test_e: a slow test says why"), ("slwo('why')", "'slwo' not found in `markers` configuration option")],
)
def test_a_slow_test_without_a_reason_and_an_unknown_mark_are_refused(run, mark, message):
    status, output = run(test_suite=f"import pytest\n@pytest.mark.{mark}\ndef test_e(): pass\n")
    assert status != 0
    assert message in output
