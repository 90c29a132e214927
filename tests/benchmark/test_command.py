"""`lxmls-rnn bench` from end to end, in processes of its own."""

import json
import re
import signal
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from matplotlib import image
from typer.testing import CliRunner

from lxmls_rnn.benchmark.measure.machine import describe
from lxmls_rnn.benchmark.measure.results import Results
from lxmls_rnn.cli import app

pytestmark = pytest.mark.process

COMMAND = [str(Path(sys.executable).with_name("lxmls-rnn")), "bench"]
TINY = ["--model", "rnn", "--hidden", "5,6", "--batch", "1,2", "--length", "4", "--words", "30", "--time", "0.01"]
SMALL = [*TINY, "--threads", "1", "--implementation", "numpy,fused", "--device", "cpu"]


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *args: CliRunner().invoke(app, ["bench", *args])


def test_a_run_prints_a_table_and_writes_results_and_picture(run):
    result = run(*SMALL, "--batch", "2,3", "--work", "forward", "--out", "a.json")
    assert result.exit_code == 0, result.output
    assert re.search(r"fused on cpu .*%", result.output)
    content = json.loads(Path("a.json").read_text())
    assert {"processor", "cores", "threads", "numpy_blas", "gpus", "versions", "cxxflags"} <= set(content["machine"])
    assert re.fullmatch(r"openblas \d\S+ \w+", content["machine"]["numpy_blas"])
    assert [row["status"] for row in content["rows"]] == ["ok"] * 8
    assert image.imread("a.png").shape[2] == 4


@pytest.mark.slow("compiles two steps of scan in float32, half a minute from an empty cache")
def test_ratios_of_fused_are_printed(run):
    result = run("--set", "ratios", *SMALL, "--implementation", "scan", "--hidden", "5", "--ratios", "--no-plot")
    assert result.exit_code == 0, result.output
    assert len(re.findall(r"fused is [\d.]+ times as fast as scan, [\d.]+ times as fast as numpy", result.output)) == 2


def test_ratios_of_what_a_file_has_are_printed(run, make_results, make_row):
    sizes = {"work": "step", "n_hidd": 5, "length": 4, "n_words": 30}
    rows = [make_row(median, name, **sizes) for median, name in ((4e-3, "numpy"), (6e-3, "scan"), (2e-3, "fused"))]
    results = make_results(*rows)
    results.machine = describe(1)
    results.save(Path("a.json"))
    of_the_file = ["--hidden", "5", "--batch", "1", "--work", "step", "--implementation", "scan"]
    result = run(*SMALL, *of_the_file, "--ratios", "--no-plot", "--resume", "--out", "a.json")
    assert result.exit_code == 0, result.output
    assert "fused is 3.0 times as fast as scan, 2.0 times as fast as numpy" in result.output


def test_two_files_are_compared(run, make_results, make_row):
    make_results(make_row(1e-3), make_row(1e-3, "fused")).save(Path("a.json"))
    make_results(make_row(1e-3), make_row(2e-3, "fused")).save(Path("b.json"))
    result = run("compare", "a.json", "b.json")
    assert result.exit_code == 0
    assert "0 faster, 1 slower, 1 same" in result.output


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--hidden", "20,x"], "--hidden takes positive numbers separated by commas, got '20,x'"),
        (["--set", "huge"], "--set must be one of quick, full, deepbench, ratios, plans, got 'huge'"),
        (["--model", "gru"], "--model must be among rnn, lstm, lstm-no-peepholes, got 'gru'"),
        (["--resume"], "--resume needs --out"),
        (
            ["--implementation", "one-kernel", "--device", "cpu"],
            "NumPy has the CPU alone, the plans of fused a GPU",
        ),
        (["--torch-python", "/nowhere/python"], "/nowhere/python cannot be run: No such file or directory"),
        (["compare", "none.json", "none.json"], "no results file none.json"),
    ],
)
def test_a_mistake_is_said_in_one_sentence(run, args, message):
    result = run(*args)
    assert result.exit_code == 1
    assert message in result.output
    assert "Traceback" not in result.output


def test_a_python_without_pytorch_is_named(run, tmp_path):
    venv.create(tmp_path / "bare")
    result = run(*TINY, "--torch-python", str(tmp_path / "bare/bin/python"))
    assert result.exit_code == 1
    assert "bare/bin/python has no PyTorch that works: ModuleNotFoundError: No module named" in result.output


def test_the_command_itself_does_not_import_theano():
    code = "import sys, lxmls_rnn.cli, lxmls_rnn.benchmark.measure.runner; print('theano' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"


def test_ctrl_c_writes_what_was_measured(tmp_path):
    command = [
        str(Path(sys.executable).with_name("lxmls-rnn")),
        "bench",
        *SMALL,
        "--time",
        "30",
        "--no-plot",
        "--out",
        "a.json",
    ]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        while not has_worker(process.pid):
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.01)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=120)
    assert process.returncode == 130
    rows = Results.load(tmp_path / "a.json").rows
    assert len(rows) == 16
    assert rows[-1].status == "stopped"
    assert "the run was stopped" in output


def has_worker(pid):
    """Whether the process has started a worker."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return any(b"measure.worker" in command_line(child) for child in children)


def command_line(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # it has ended
        return b""
