"""The check of constants in `make lint`."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "scripts" / "check_constants.py"


def checked(folder, *sources):
    for number, source in enumerate(sources):
        (folder / "package").mkdir(exist_ok=True)
        (folder / "package" / f"{number}.py").write_text(source)
    done = subprocess.run([sys.executable, SCRIPT, "package"], cwd=folder, capture_output=True, text=True)
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SECONDS = 1.0\n", "SECONDS = 1.0\n"),
        ("_SIZE = 1\n", "_SIZE = 2\n"),
        ("size = 1\n", "size = 2\n"),
        ("T = TypeVar('T')\n", "T = TypeVar('T', bound=int)\n"),
        ("def f():\n    SIZE = 1\n", "SIZE = 2\n"),
        ("A, B = 1, 2\n", "B: int = 2\nA = 1\n"),
        ("", "SIZE: int\n"),
    ],
)
def test_a_name_may_come_twice_if_it_means_the_same(tmp_path, one, other):
    assert checked(tmp_path, one, other) == (0, [])


@pytest.mark.parametrize(
    "other", ["SIZE = 2\n", "SIZE: int = 2\n", "A, SIZE = 1, 2\n", "A, SIZE = f()\n", "A = SIZE = 2\n"]
)
def test_a_name_with_two_values_is_named_with_both_places(tmp_path, other):
    message = "package/1.py, line 2: SIZE has another value in package/0.py, line 1: rename one of them"
    assert checked(tmp_path, "SIZE = 1\n", f"import os\n{other}") == (1, [message])
