"""The check of test files in `make lint`."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "scripts" / "check_tests.py"
LOGIC = "def f(x):\n    a = x\n    b = a\n    if b:\n        return 1\n"


def checked(folder, modules, tests=()):
    """Write modules and empty test files, and check them; return the exit status and what is printed."""
    for path, source in {**modules, **dict.fromkeys((f"tests/{name}" for name in tests), "")}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(source)
    (folder / "lxmls_rnn").mkdir(exist_ok=True)
    (folder / "lab").mkdir(exist_ok=True)
    done = subprocess.run([sys.executable, SCRIPT, "lxmls_rnn", "lab"], cwd=folder, capture_output=True, text=True)
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


@pytest.mark.parametrize(
    ("module", "tests"),
    [
        ("lxmls_rnn/memory.py", ["test_memory.py"]),
        ("lxmls_rnn/readers/tags.py", ["readers/test_tags.py", "test_readers.py"]),
        ("lxmls_rnn/ops/cpu/layer.py", ["ops/cpu/test_layer.py", "ops/test_cpu.py", "test_ops.py"]),
        ("lxmls_rnn/cli/class_.py", ["cli/test_class_.py"]),
        ("lxmls_rnn/__main__.py", ["test_main.py"]),
        ("lxmls_rnn/doctor/__main__.py", ["doctor/test_main.py", "test_doctor.py"]),
        ("lxmls_rnn/sweep/__init__.py", ["sweep/test_sweep.py", "test_sweep.py"]),
        ("lab/__init__.py", ["lab/test_lab.py"]),
        ("lab/panels/play/charts.py", ["lab/panels/play/test_charts.py", "lab/panels/test_play.py"]),
    ],
)
def test_the_file_of_the_module_or_of_a_package_above_it_passes(tmp_path, module, tests):
    for number, test in enumerate(tests):
        assert checked(tmp_path / str(number), {module: LOGIC}, [test]) == (0, [])
    status, lines = checked(tmp_path / "without", {module: LOGIC}, ["test_other.py", "readers/test_memory.py"])
    assert (status, lines) == (1, [f"{module}: no tests, expected tests/{tests[0]}"])


@pytest.mark.parametrize(
    "source",
    [
        "",
        "".join(f"A{n} = {n}\n" for n in range(99)),
        "class A:\n" + "".join(f"    def f{n}(self): ...\n" for n in range(9)),
        "class A:\n" + "".join(f'    def f{n}(self):\n        """Text."""\n' for n in range(9)),
        LOGIC.replace("    b = a\n", ""),
    ],
)
def test_tables_and_types_and_a_few_statements_need_none(tmp_path, source):
    assert checked(tmp_path, {"lxmls_rnn/a.py": source}) == (0, [])


def test_statements_of_all_functions_count_together_and_modules_are_sorted(tmp_path):
    short = "def f():\n    return 1\n" * 4
    status, lines = checked(tmp_path, {"lxmls_rnn/b.py": short, "lxmls_rnn/a.py": LOGIC, "lab/c.py": LOGIC})
    assert status == 1
    assert [line.split(":")[0] for line in lines] == ["lab/c.py", "lxmls_rnn/a.py", "lxmls_rnn/b.py"]
