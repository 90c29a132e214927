"""`lxmls-rnn bench` from end to end, in processes of its own."""

import io
import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from benchmark.conftest import Here
from environment import HANG_SECONDS
from matplotlib import image
from rich.text import Text
from typer.testing import CliRunner

from lxmls_rnn.benchmark.measure import runner
from lxmls_rnn.benchmark.measure.machine import describe, processor_and_gpus
from lxmls_rnn.benchmark.measure.results import Results
from lxmls_rnn.cli import app
from lxmls_rnn.cli.console import SafeConsole

COMMAND = [str(Path(sys.executable).with_name("lxmls-rnn")), "bench"]
TINY = ["--model", "rnn", "--hidden", "5,6", "--batch", "1,2", "--length", "4", "--words", "30", "--time", "0.01"]
SMALL = [*TINY, "--threads", "1", "--limit", str(HANG_SECONDS), "--implementation", "numpy", "--device", "cpu"]


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *args: CliRunner().invoke(app, ["bench", *args])


def test_a_run_shows_a_bar_prints_a_table_and_writes_results_and_picture(run, monkeypatch):
    shown = io.StringIO()
    monkeypatch.setenv("COLUMNS", "160")  # of the table
    monkeypatch.setattr("lxmls_rnn.cli.bench.console", SafeConsole(file=shown, force_terminal=True, width=150))
    monkeypatch.setattr(runner, "Worker", Here)  # the other tests start processes
    result = run(*SMALL, "--batch", "2", "--work", "forward", "--out", "a.json")
    assert result.exit_code == 0, result.output
    assert re.search(r"implementation .* words/s", result.output)
    assert "numpy on cpu" in result.output
    assert re.findall(r" (\d/\d)", Text.from_ansi(shown.getvalue()).plain)[-1] == "2/2"
    content = json.loads(Path("a.json").read_text())
    assert {"processor", "cores", "threads", "numpy_blas", "gpus", "versions", "cxxflags"} <= set(content["machine"])
    assert re.fullmatch(r"openblas \d\S+ \w+", content["machine"]["numpy_blas"])
    assert [row.status for row in Results.load(Path("a.json")).rows] == ["ok"] * 2
    assert image.imread("a.png").shape[2] == 4


def test_a_folder_for_the_results_is_refused_before_anything_is_measured(run, monkeypatch):
    Path("folder").mkdir()
    monkeypatch.setattr(runner, "Worker", None)
    before = signal.getsignal(signal.SIGINT)
    result = run(*SMALL, "--out", "folder")
    assert (result.exit_code, list(Path("folder").iterdir())) == (1, [])
    assert "folder: is a folder, expected a file for the results" in result.output
    assert signal.getsignal(signal.SIGINT) is before  # Ctrl-C ends the process again


@pytest.fixture
def measured(make_results, make_row):
    """A file of all cases that `KNOWN` asks for: nothing is left to measure."""
    sizes = {"work": "step", "length": 4, "n_words": 30}
    rows = [
        make_row(median * n, name, n_hidd=n, **sizes)
        for n in (5, 6) for median, name in ((4e-3, "numpy"), (2e-3, "fused"))
    ]  # fmt: skip
    results = make_results(*rows)
    results.machine = describe(1)
    results.save(Path("a.json"))
    return results


KNOWN = ["--model", "rnn", "--hidden", "5,6", "--batch", "1", "--length", "4", "--words", "30", "--threads", "1"]
KNOWN += ["--implementation", "numpy, fused", "--device", "cpu", "--work", "step", "--resume", "--out", "a.json"]


def test_what_a_file_has_is_shown_as_a_table_and_a_picture(run, measured):
    before = Path("a.json").stat().st_mtime_ns, json.loads(Path("a.json").read_text())["rows"]
    result = run(*KNOWN)
    assert result.exit_code == 0, result.output
    answer = "No GPU was measured; on this CPU a training step takes 10.0 ms with fused (RNN, 5 hidden units, one "
    assert f"{processor_and_gpus(measured.machine)}\n{answer}" in result.output
    table = re.sub(" +", " ", result.output)
    assert re.search(r"numpy on cpu .* 20(\.0+)? ms", table)
    assert re.search(r"fused on cpu .* 10(\.0+)? ms", table)
    end = f"Results: {Path.cwd()}/a.json\n"
    assert result.output.endswith(f"{end}Picture: {Path.cwd()}/a.png\n")
    assert image.imread("a.png").shape[2] == 4
    assert json.loads(Path("a.json").read_text())["rows"] == before[1]
    other = run(*KNOWN, "--baseline", "fused", "--no-plot")
    assert other.output.endswith(end)
    assert table != re.sub(" +", " ", other.output).replace(end, f"{end}Picture: {Path.cwd()}/a.png\n")


def test_what_slows_down_the_machine_is_said_before_anything_is_measured_and_in_the_answer(run, monkeypatch, scripted):
    monkeypatch.setattr("lxmls_rnn.benchmark.measure.session.doubt", lambda: "This machine is busy.")
    scripted(seconds=(0.01, 0.01))  # replaces the workers
    output = run(*SMALL, "--no-plot", "--out", "b.json").output
    assert output.startswith("This machine is busy.\n")
    assert output.count("This machine is busy.") == 2
    assert Results.load(Path("b.json")).doubt == "This machine is busy."


def test_what_is_the_same_is_shown_when_it_is_asked_for(run, make_results, make_row):
    make_results(make_row(1e-3), make_row(1e-3, "fused")).save(Path("a.json"))
    make_results(make_row(1e-3), make_row(1e-3, "fused")).save(Path("b.json"))
    slower = make_results(make_row(1e-3), make_row(2e-3, "fused"))
    slower.machine["threads"] = 2
    slower.save(Path("c.json"))
    make_results(make_row(1e-3, n_hidd=7)).save(Path("d.json"))
    same, everything = run("compare", "a.json", "b.json").output, run("compare", "--all", "a.json", "b.json").output
    assert same.endswith("0 faster, 0 slower, 2 same\n")
    assert ("┃" in same, "┃" in everything) == (False, True)
    some, every = (run("compare", *more, "a.json", "c.json").output for more in ([], ["--all"]))
    assert ("fused" in some, "numpy" in some, "numpy" in every) == (True, False, True)
    assert some.startswith("threads: 1 before, 2 after\n")
    assert re.search(r"│ +slower *│", some)  # the colour is not printed as text
    assert run("compare", "c.json", "a.json").output.endswith("1 faster, 0 slower, 1 same\n")
    none = run("compare", "a.json", "d.json")
    assert (none.exit_code, "a.json and d.json have no measured case in common" in none.output) == (1, True)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--baseline", "cupy"], "--baseline must be one of numpy, "),
        (["--implementation", "fused,cupy"], "implementation must be one of numpy, "),
        (
            ["--hidden", "20,x"],
            "hidden must be an integer from 1 to 2147483647, or several separated by commas",
        ),
        (["--set", "huge"], "set must be one of quick, full, deepbench, got 'huge'"),
        (["--resume"], "--resume needs --out"),
        (
            ["--set", "full", "--dtype", "float32,float64"],
            "11,160 cases are too many for a results file, which holds 5,700",
        ),
        (["--time", "0"], "time must be a positive number, got 0"),
        (["--out", "/proc/none/a.json"], "/proc/none"),
        (
            ["--work", "copy", "--device", "cpu"],
            "nothing to measure: NumPy runs only on the CPU, the work copy only on a GPU",
        ),
        (["compare", "none.json", "none.json"], "no results file none.json"),
    ],
)
def test_a_mistake_is_said_in_one_sentence(run, args, message):
    result = run(*args)
    assert result.exit_code == 1
    assert message in result.output
    assert "Traceback" not in result.output


def test_ctrl_c_writes_what_was_measured(tmp_path):
    lengths = ",".join(map(str, range(1, 101)))  # for some minutes
    options = [*SMALL, "--length", lengths, "--time", "1", "--no-plot", "--out", "a.json"]
    with subprocess.Popen([*COMMAND, *options], cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        while not (tmp_path / "a.json").exists():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate()
    assert process.returncode == 130, output
    assert {row.status for row in Results.load(tmp_path / "a.json").rows} == {"ok", "stopped"}
    assert "the run was stopped" in output
    assert output.endswith(f"Results: {tmp_path}/a.json\n")
