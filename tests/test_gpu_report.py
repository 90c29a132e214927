"""The report of scripts/gpu_report.py: its steps are programs of a few lines, and there is no GPU."""

import json
import os
import re
import signal
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "scripts" / "gpu_report.py"
spec = spec_from_file_location("gpu_report", SCRIPT)
gpu_report = module_from_spec(spec)
spec.loader.exec_module(gpu_report)


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
    assert (hung["status"], hung["exit_status"], hung["why"]) == ("failed", ends, "stopped after 0 s")
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


def test_peers_are_measured_with_the_python_that_has_them():
    steps = gpu_report.all_steps(Path("/r/report.json"), {"torch": "/a/python", "jax": None}, 5)
    names = [each["name"] for each in steps]
    assert names == ["look", "tests", "threads", "bench", "plans", "memcheck", "racecheck", "synccheck"]
    bench = steps[3]["command"]
    assert bench[1:] == [
        *("bench", "--budget", "5", "--torch-python", "/a/python", "--no-plot"),
        *("--out", Path("/r/report-bench.json")),
    ]


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


@pytest.fixture
def report(tmp_path):
    """Start the script with steps that are programs; return the process and the report's path."""
    processes = []

    def start(*steps):
        code = f"""
import runpy, sys
sys.argv = ["gpu_report.py", "--out", "report.json", "--torch-python", sys.executable, "--jax-python", sys.executable]
script = runpy.run_path({str(SCRIPT)!r})
change = script["main"].__globals__
change["all_steps"] = lambda *_: {list(steps)!r}
change["describe"] = lambda *_: {{"gpus": [], "driver": "", "cuda": ""}}
sys.exit(script["main"]())
"""
        process = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
        processes.append(process)
        return process, tmp_path / "report.json"

    yield start
    for process in processes:
        process.kill()
        process.wait()


def named(name, code, **more):
    return {"name": name, "command": [sys.executable, "-I", "-S", "-c", code], **more}


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
