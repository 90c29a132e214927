"""A fixture for the tests of the checks."""

import pytest

from lab import check
from lab.exercises import solutions


@pytest.fixture
def solution_says(runs_folder, tmp_path):
    """Return what the check of an exercise says of its solution with a piece of code replaced."""

    def check_solution(exercise, old="", new=""):
        code, space = solutions.code(exercise), {}
        assert old in code
        file = tmp_path / "cell.py"
        file.write_text(code.replace(old, new) if old else code)
        exec(compile(file.read_text(), str(file), "exec"), space)
        return getattr(check, exercise)(space[f"my_{exercise}"])

    return check_solution
