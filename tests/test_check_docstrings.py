"""The check of modules' docstrings in `make lint`."""

import subprocess
import sys
from pathlib import Path

import pytest

WORDS = "What", "Which", "How", "Where", "Whose"
SCRIPT = Path(__file__).parents[1] / "scripts" / "check_docstrings.py"


def checked(folder, *sources):
    """Write modules and check them; return the exit status and what is printed, a line for each faulty module."""
    for number, source in enumerate(sources):
        (folder / f"{number}.py").write_text(source)
    command = [sys.executable, SCRIPT, *(f"{number}.py" for number in range(len(sources)))]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


def test_a_responsibility_in_one_sentence_passes_and_so_does_an_empty_file(tmp_path):
    good = [
        '"""Folders of runs."""\n',
        f'"""{"x" * 119}."""\n',
        'r"""\nWhatever.\n\nWhat else?\n"""\n',
        "",
        "# comment\n",
    ]
    assert checked(tmp_path, *good) == (0, [])


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import sys\n", "expected a docstring that states"),
        ('""" """\n', "expected a docstring that states"),
        (f'"""{"x" * 120}."""\n', "has 121 characters, expected at most 120"),
        ('"""Folders of\nruns."""\n', "must end with a full stop"),
        *((f'"""{word} it is."""\n', f"must not open with '{word}'") for word in WORDS),
    ],
)
def test_a_first_line_that_is_none_is_named_with_its_file(tmp_path, source, message):
    status, (line,) = checked(tmp_path, '"""Good."""\n', source)
    assert status == 1
    assert line.startswith("1.py, line 1: ")
    assert message in line
