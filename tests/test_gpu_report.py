"""The report of scripts/gpu_report.py: its steps are programs of a few lines, and there is no GPU."""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[1]
SCRIPTS = ROOT / "scripts"
sys.path.append(str(SCRIPTS))

import gpu_page  # noqa: E402
import gpu_report  # noqa: E402
import gpu_trials  # noqa: E402


def step(code, **more):
    return {"name": "a", "status": "waiting", "command": [sys.executable, "-I", "-S", "-c", code], **more}


@pytest.mark.process
@pytest.mark.parametrize(
    ("code", "status", "exit_status", "output"),
    [
        ("print(1); print(2)", "ok", 0, ["1", "2"]),
        ("import sys; print(1, flush=True); sys.exit('no')", "failed", 1, ["1", "no"]),
        ("for i in range(1000): print(i)", "ok", 0, [str(i) for i in range(600, 1000)]),
        ("import os; print(os.environ['ASKED'])", "ok", 0, ["yes"]),
    ],
)
def test_what_became_of_a_step(code, status, exit_status, output):
    done = step(code, environ={"ASKED": "yes"})
    gpu_report.run(done, 60)
    assert (done["status"], done["exit_status"], done["output"]) == (status, exit_status, output)
    assert 0 <= done["seconds"] < 60
    json.dumps(done)


@pytest.mark.process
@pytest.mark.parametrize("deaf", [False, True])
def test_a_step_that_hangs_is_interrupted_then_killed_with_all_that_it_has_started(monkeypatch, deaf):
    monkeypatch.setattr(gpu_report, "STOP_SECONDS", 1 if deaf else 60)
    code = "import signal, subprocess; print(1, flush=True); "
    code += "signal.signal(signal.SIGINT, signal.SIG_IGN); " if deaf else ""
    code += "subprocess.run(['sleep', '1000'])"
    hung = step(code)
    gpu_report.run(hung, 0.5)
    ends = -signal.SIGKILL if deaf else -signal.SIGINT
    assert (hung["status"], hung["exit_status"], hung["why"]) == ("cut", ends, "stopped after 0 s")
    assert hung["output"][:1] in (["1"], [])


def test_a_program_that_is_missing_is_a_failed_step():
    missing = {"name": "a", "status": "waiting", "command": ["/nowhere/program"]}
    gpu_report.run(missing, 1)
    assert missing["status"] == "failed"
    assert "No such file" in missing["why"]


@pytest.mark.parametrize(
    ("statuses", "status", "why"),
    [
        ("ok ok unavailable", "ok", "on the GPU: 2 ok, 1 unavailable"),
        ("unavailable", "failed", "on the GPU: 1 unavailable"),
        ("ok wrong", "failed", "on the GPU: 1 ok, 1 wrong"),
        ("ok crashed", "failed", "on the GPU: 1 ok, 1 crashed"),
        ("", "failed", "on the GPU: no cases"),
    ],
)
def test_a_benchmark_is_judged_by_its_rows_on_the_gpu(statuses, status, why):
    rows = [{"case": {"device": "cuda"}, "status": each} for each in statuses.split()]
    bench = {"status": "ok", "results": {"rows": [{"case": {"device": "cpu"}, "status": "wrong"}, *rows]}}
    gpu_report.judge(bench)
    assert (bench["status"], bench["why"]) == (status, why)


@pytest.mark.parametrize(("cut", "statuses", "status"), [(True, "ok stopped", "cut"), (True, "ok wrong", "failed")])
def test_what_a_stopped_benchmark_has_measured_is_judged_too(cut, statuses, status):
    rows = [{"case": {"device": "cuda"}, "status": each} for each in statuses.split()]
    bench = {"status": "cut", "why": "stopped after 9 s", "results": {"rows": rows}}
    gpu_report.judge(bench)
    assert bench["status"] == status
    assert bench["why"].startswith("stopped after 9 s; on the GPU: 1 ok, 1 ")


@pytest.mark.parametrize(("same", "status"), [(True, "ok"), (False, "failed")])
def test_a_training_fails_if_its_loss_is_another_than_on_the_cpu(same, status):
    training = {"status": "ok", "results": {"FastRNN": {"same": True}, "FastLSTM": {"same": same}}}
    gpu_report.judge(training)
    assert training["status"] == status
    assert training.get("why") == (None if same else "other losses than on the CPU: FastLSTM")


def test_a_sanitizer_that_sees_no_driver_has_checked_nothing():
    done = step("import sys; print('Target application terminated before first instrumented API call'); sys.exit(255)")
    gpu_report.run(done, 60)
    assert done["status"] == "skipped"


@pytest.mark.parametrize(("asked", "gpu"), [("cuda", "cuda"), ("cuda1", "cuda1")])
def test_the_limits_of_the_steps_fill_the_time(monkeypatch, asked, gpu):
    monkeypatch.setattr(gpu_report, "GPU", asked)
    steps = gpu_report.all_steps(Path("/r/report.json"), "/a/python", 1800, False)
    assert [each["name"] for each in steps][:8] == [
        *("look", "tests", "sizes", "training", "compiling", "plans", "together", "copies")
    ]
    assert 1700 < sum(each["limit"] for each in steps[1:]) <= 1800
    sizes = steps[2]["command"]
    assert sizes[sizes.index("--device") + 1] == f"cpu,{gpu}"
    assert sizes[sizes.index("--budget") :] == [
        *("--budget", "165", "--torch-python", "/a/python", "--no-plot", "--out", Path("/r/report-sizes.json"))
    ]
    assert steps[9]["command"][steps[9]["command"].index("--device") + 1] == gpu


def test_the_commands_are_those_of_the_documentation():
    text = " ".join((ROOT / "docs" / "gpu.md").read_text().replace("\\\n", " ").split())
    for _, options in gpu_report.BENCHMARKS.values():
        assert f"lxmls-rnn bench {options}" in text


def test_the_sanitizer_of_a_wheel_is_made_a_program(tmp_path, monkeypatch):
    program = tmp_path / "nvidia" / "cuda_sanitizer_api" / "bin" / "compute-sanitizer"
    program.parent.mkdir(parents=True)
    program.touch()
    monkeypatch.setattr(gpu_report.shutil, "which", lambda name, path: None)
    monkeypatch.setattr(gpu_report, "find_spec", lambda name: None)
    assert gpu_report.find_sanitizer() == []
    found = SimpleNamespace(submodule_search_locations=[str(tmp_path / "nvidia")])
    monkeypatch.setattr(gpu_report, "find_spec", lambda name: found)
    assert gpu_report.find_sanitizer() == [program, "--injection-path", program.parents[1] / "lib"]
    assert os.access(program, os.X_OK)


@pytest.mark.parametrize(("text", "seconds"), [("60m", 3600), ("90s", 90), ("2h", 7200)])
def test_a_duration(text, seconds):
    assert gpu_report.duration(text) == seconds


@pytest.mark.parametrize("text", ["0m", "60", "m", "-1m", "1.5h", "1d", ""])
def test_no_duration(text):
    with pytest.raises(argparse.ArgumentTypeError, match="expected a duration such as 60m"):
        gpu_report.duration(text)


def test_another_python_is_found_on_the_path(tmp_path, monkeypatch):
    asked = []

    def versions_of(python, framework):
        asked.append(python)
        if "first" in python:
            raise ValueError("it has none")
        return {framework: "1"}

    monkeypatch.setattr(gpu_report, "versions_of", versions_of)
    monkeypatch.setattr(gpu_report, "find_spec", lambda name: name == "here" or None)
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "python3").touch()
    monkeypatch.setenv("PATH", os.pathsep.join([f"{sys.prefix}/bin", f"{tmp_path}/first", f"{tmp_path}/second"]))
    assert gpu_report.find_python("jax") == str(tmp_path / "second" / "python3")
    assert asked == [str(tmp_path / name / "python3") for name in ("first", "second")]
    assert gpu_report.find_python("here") is None


MACHINE = {"gpus": [], "driver": "", "cuda": "", "versions": {}, "cores": 2, "processor": "A processor"}


@pytest.fixture
def report(tmp_path):
    """Start the script with steps that are programs; return the process and the report's path."""
    processes = []

    def start(*steps, total="60m"):
        code = f"""
import sys
sys.path.append({str(SCRIPTS)!r})
import gpu_report
gpu_report.all_steps = lambda *_: {list(steps)!r}
gpu_report.describe = lambda *_: {MACHINE!r}
sys.exit(gpu_report.main(["--out", "report.json", "--torch-python", sys.executable, "--total", {total!r}]))
"""
        process = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
        processes.append(process)
        return process, tmp_path / "report.json"

    yield start
    for process in processes:
        process.kill()
        process.wait()


def named(name, code, **more):
    return {"name": name, "limit": 60, "command": [sys.executable, "-I", "-S", "-c", code], **more}


@pytest.mark.process
def test_it_goes_on_after_a_failed_step_and_says_which(report):
    process, path = report(named("one", "1 / 0"), named("two", "", why="not here"), named("three", "print(3)"))
    text = process.communicate()[0]
    assert process.returncode == 1
    found = json.loads(path.read_text())
    assert [each["status"] for each in found["steps"]] == ["failed", "skipped", "ok"]
    assert found["steps"][0]["output"][-1].startswith("ZeroDivisionError")
    lines = [" ".join(line.split()[:2]) for line in found["text"]]
    assert lines == ["no GPU;", "FAILED one", "skipped two", "ok three"]
    assert "\n".join(found["text"]) in text


@pytest.mark.process
def test_it_ends_with_the_doctors_first_fault_if_there_is_no_gpu_to_test(report):
    screen = """
ok Theano         1.0.5
!! Test function  Theano should use the device cuda but uses cpu, because this
                  machine has no NVIDIA driver
-- GPU            none"""
    process, path = report(named("look", f"print({screen!r}); 1 / 0"), named("tests", "print(3)"))
    text = process.communicate()[0]
    assert process.returncode == 1
    assert [each["status"] for each in json.loads(path.read_text())["steps"]] == ["failed", "waiting"]
    why = "Test function Theano should use the device cuda but uses cpu, because this machine has no NVIDIA driver"
    assert re.search(rf"^FAILED  look +\d+ s  {why}\nnot run tests$", text, re.MULTILINE)


@pytest.mark.process
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_report_is_complete(report, number):
    waiting = """import time
try:
    print("begun", flush=True)
    while True:  # a signal just before a sleep, or just before a read, does not end it
        time.sleep(0.05)
        print("goes on", flush=True)
except KeyboardInterrupt:
    print("ended")"""
    process, path = report(named("one", ""), named("two", waiting), named("three", ""))
    for line in process.stdout:
        if line == "begun\n":
            break
    before = json.loads(path.read_text())  # as a killed process would leave it
    assert [each["status"] for each in before["steps"]] == ["ok", "stopped", "waiting"]
    process.send_signal(number)
    process.communicate()
    assert process.returncode == 128 + number
    found = json.loads(path.read_text())
    assert [each["status"] for each in found["steps"]] == ["ok", "stopped", "waiting"]
    output = found["steps"][1]["output"]
    assert [line for line in output if line != "goes on"] == ["begun", "ended"]
    assert found["text"][-1] == "not run three"


@pytest.mark.parametrize(
    ("limit", "left", "seconds"),
    [(200, 3600, 200), (200, 130, 100), (200, 35, 5), (200, 34.9, 0), (1, 40, 1), (1, 30.9, 0)],
)
def test_the_limit_of_a_step_leaves_time_to_stop_it(limit, left, seconds):
    assert gpu_report.limit_of({"limit": limit}, left) == seconds


@pytest.mark.process
def test_without_time_no_step_is_begun(report):
    process, path = report(named("one", "print(1)"), named("two", "print(2)"), total="30s")
    text = process.communicate()[0]
    assert process.returncode == 0
    assert [each["status"] for each in json.loads(path.read_text())["steps"]] == ["skipped"] * 2
    assert re.search(r"^skipped one +no time is left$", text, re.MULTILINE)
    assert "| two | skipped |  | no time is left |" in path.with_suffix(".md").read_text().splitlines()


def row(implementation, device, median, spread=0.1, **case):
    """Return a row of a benchmark's results file."""
    sizes = {"model": "rnn", "n_hidd": 20, "batch": 32, "length": 10, **case}
    times = {"q1": median, "q3": median and median * (1 + spread), "median": median}
    return {"case": {"implementation": implementation, "device": device, **sizes}, **times}


def test_a_benchmark_becomes_a_table():
    rows = [row("fused", "cpu", 1368e-6), row("fused", "cuda", 200e-6, 0.4), row("fused", "cpu", 3e-3, batch=64)]
    rows += [row("fused", "cuda", None, batch=128)]
    assert gpu_page.benchmark(gpu_page.TABLES["sizes"], rows) == [
        *("", "### A training step, us", ""),
        "| model | hidden | batch | words | fused, CPU | fused, GPU | speed-up |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        "| rnn | 20 | 32 | 10 | 1,368 | ~200 | 6.84 |",
        "| rnn | 20 | 64 | 10 | 3,000 |  |  |",
    ]
    assert gpu_page.benchmark(gpu_page.TABLES["sizes"], rows[:1]) == []
    rows = [row("one-kernel", "cuda1", 3e-4), row("stepwise", "cuda1", 2e-4), row("torch-fused", "cuda1", 1e-4)]
    assert gpu_page.benchmark(gpu_page.TABLES["weights"], rows)[-1] == "| rnn | 20 | 32 | 10 | 300 | 200 | 100 | 2.00 |"
    assert "plan / cuDNN" not in gpu_page.benchmark(gpu_page.TABLES["weights"], rows[:2])[3]


def test_the_page_has_what_was_measured_and_no_more():
    machine = {
        "gpus": ["NVIDIA X, compute 9.0"],
        "driver": "",
        "cuda": "12.9",
        "versions": {},
        "cores": 2,
        "processor": "P",
    }
    run = {"device": "cuda", "words_per_second": 123456.7, "accuracy": 0.91, "loss": 2331.0778, "seconds": 3.0}
    steps = [
        {"name": "look", "status": "failed", "seconds": 1.2, "why": "no driver"},
        {"name": "plans", "status": "ok", "output": ["| |", "  LXMLS_FUSED_UP_TO=rnn=384,lstm=128"]},
        {
            "name": "training",
            "status": "ok",
            "results": {"FastRNN": {"runs": [run, run | {"device": "cpu"}], "difference": 3e-7}},
        },
        {"name": "compiling", "status": "ok", "results": {"FastRNN": {"cold": 9.0, "warm": 2.5, "kernels": 7}}},
        {"name": "together", "status": "cut", "results": {"alone": run}},
        {"name": "copies", "status": "ok", "results": {"copies": [{"bytes": 4000, "to_gpu": 1e-6, "from_gpu": 4e-6}]}},
    ]
    report = {"machine": machine, "created": "2026-11-30T02:00:00", "version": "1", "nvidia_smi": [], "steps": steps}
    page = gpu_page.page(report)
    assert page[0] == "## NVIDIA X, compute 9.0"
    assert page[2].startswith(
        "Measured on 2026-11-30 by `scripts/gpu-kit.sh report` of version 1, with CUDA 12.9, 2 cores of P."
    )
    for line in (
        "| look | failed | 1 s | no driver |",
        "LXMLS_FUSED_UP_TO=rnn=384,lstm=128",
        "| FastRNN | cuda | 123,457 | 91.00% | 2331.08 | 3.0e-07 |",
        "| FastRNN | 7 | 6.5 | 2.5 |",
        "| alone | 123,457 |",
        "| 4,000 | 1.0 | 4.00 | 4.0 | 1.00 |",
    ):
        assert line in page
    assert not any("two at once" in line or "training step" in line for line in page)


@pytest.mark.daily("starts five trainings, ten seconds")
@pytest.mark.process
def test_a_training_and_two_at_once_on_the_cpu(monkeypatch):
    monkeypatch.setattr(gpu_trials, "GPU", "cpu")
    monkeypatch.setattr(gpu_trials, "SMALL", ["--n-hidd", "3", "--max-nr-sent", "8", "--batch-size", "4"])
    both = next(gpu_trials.training(True))["FastRNN"]
    assert (both["difference"], both["same"]) == (0, True)
    assert 0 <= both["runs"][0]["accuracy"] <= 1
    *_, found = gpu_trials.together(True)
    assert [each["words_per_second"] > 0 for each in (found["alone"], *found["together"])] == [True] * 3


def test_a_file_that_cannot_be_written_is_named_before_the_first_step(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("a-file").touch()
    monkeypatch.setattr(gpu_report, "describe", lambda *_: MACHINE)
    with pytest.raises(SystemExit):
        gpu_report.main(["--out", "a-file/report.json", "--torch-python", sys.executable])
    assert "a-file" in capsys.readouterr().err.splitlines()[-1]


def test_a_failed_training_is_an_error(tmp_path):
    with pytest.raises(RuntimeError, match="the training on cpu ended with exit status"):
        gpu_trials.TrainCommand(str(tmp_path), "cpu", "FastRNN", 1, "--no-such-option").wait()
