"""A trial of Theano in a process of its own: what it prints, and what is read of it."""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict

import pytest
from theano_runtime import programs

from lxmls_rnn.doctor import trial
from lxmls_rnn.doctor.trial import Trial
from lxmls_rnn.theano_env import Report, flags

REPORT = Report("cpu", "float64", "", "g++", "/nowhere")
FIRST = json.dumps(asdict(REPORT))


def read(*lines, errors="", status=0):
    """What is read of a process that prints these lines and ends so."""
    code = f"import sys; print({chr(10).join(lines)!r}); sys.stderr.write({errors!r}); sys.exit({status})"
    return trial.end_trial(start(sys.executable, "-c", code))


def start(*command):
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environ)


@pytest.mark.parametrize(
    ("second", "error"),
    [
        ({"error": "", "c_code": True}, ""),
        ({"error": "", "c_code": False}, "it ran in Python, not as C code"),
        ({"error": "a wrong result, [1.]", "c_code": True}, "a wrong result, [1.]"),
    ],
)
def test_a_trial_says_what_theano_uses_and_how_a_function_went(second, error):
    assert read("some chatter", FIRST, json.dumps(second)) == Trial(REPORT, error)


def test_a_trial_that_ended_early_gives_its_last_words():
    assert read(FIRST, errors="one\ntwo\n\n", status=1) == Trial(REPORT, "two")
    assert read(errors="no Theano", status=1) == Trial(None, "no Theano")
    assert read(FIRST, status=3) == Trial(REPORT, "exit status 3")


def test_a_trial_that_takes_too_long_is_stopped(monkeypatch):
    monkeypatch.setattr(trial, "MAX_TRIAL_SECONDS", 0)
    process = start("sleep", "infinity")
    assert trial.end_trial(process) == Trial(None, "stopped after 0 s")
    assert process.returncode == -signal.SIGTERM


@pytest.fixture
def tried(capsys):
    """Try a function in this process; return what is printed."""
    pytest.importorskip("theano")

    def lines():
        trial.try_function()
        return list(map(json.loads, capsys.readouterr().out.splitlines()))

    return lines


def test_a_function_is_compiled_and_its_result_is_right(tried):
    first, second = tried()
    assert Report(**first).device_used == "cpu"
    assert second == {"error": "", "c_code": bool(flags.compiler())}


def test_a_result_that_is_wrong_is_shown(tried, monkeypatch):
    import theano

    monkeypatch.setattr(theano.tensor, "tanh", lambda x: x + 1)
    assert tried()[1]["error"] == "a wrong result, [ 4. 13.]"
    sigmoid = theano.tensor.nnet.sigmoid
    monkeypatch.setattr(theano.tensor, "tanh", lambda x: 0.999 * (2 * sigmoid(2 * x) - 1))  # a little too small
    assert tried()[1]["error"].startswith("a wrong result, [0.99")


@pytest.mark.daily("imports Theano in two processes")
def test_the_device_of_a_trial_goes_before_what_is_set(monkeypatch):
    monkeypatch.setenv("THEANO_FLAGS", "device=cpu,floatX=float32,cxx=")
    monkeypatch.setenv("LXMLS_DEVICE", "cpu")
    process = trial.start_trial("cuda99")
    assert os.getpgid(process.pid) == process.pid  # it ends its group
    found = trial.end_trial(process)
    assert found.report is None
    assert found.error.startswith("Theano should use the device cuda99 but uses cpu")
    found = trial.end_trial(trial.start_trial("cpu"))
    assert found.report.floatX == "float32"
    assert found.error == "it ran in Python, not as C code"


@pytest.mark.daily("imports Theano in a process")
def test_what_theano_uses_is_told_even_if_the_function_ends_the_process():
    code = "import os, theano\ntheano.function = lambda *_: os._exit(3)\n"
    code += "from lxmls_rnn.doctor import trial; trial.try_function()"
    found = trial.end_trial(start(sys.executable, "-c", "import lxmls_rnn\n" + code))
    assert found.report.device_used == "cpu"
    assert found.error == "exit status 3"


def test_a_trial_that_is_stopped_ends_its_compiler_too():
    code = """
import os, subprocess, time
from lxmls_rnn.doctor import trial
def compile():
    subprocess.Popen(["sleep", "infinity"])
    print("compiles", flush=True)
    while True:  # a signal just before a sleep does not end that sleep
        time.sleep(0.05)
trial.try_function = compile
trial.main(os.getppid())
"""
    command = [sys.executable, "-c", code]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        assert process.stdout.readline() == "compiles\n"
        process.terminate()
        assert process.wait() == -signal.SIGKILL
        assert process.stdout.read() == ""  # at the end of the compiler, which has the same output
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def test_a_trial_whose_parent_has_ended_does_nothing():
    code = "from lxmls_rnn.doctor import trial; trial.main(0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (128 + signal.SIGTERM, "", "")
    assert programs.use_process_groups  # of this process, which does not lead a group
