"""The device that Theano really uses: an error if it is not the requested one, and a trial in a process of its own."""

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import suppress

import pytest
from theano_runtime import programs

from lxmls_rnn.device import in_use
from lxmls_rnn.device.in_use import Trial
from lxmls_rnn.theano_env import flags


@pytest.mark.parametrize(
    ("device", "reasons", "said"),
    [
        ("cuda0", ["first", "no luck\nmore of it"], "cuda0 but uses cpu (no luck): set LXMLS_DEVICE=cpu to work"),
        ("other", [], "other but uses cpu: set LXMLS_DEVICE=other"),
        (
            "gpu",
            ["no luck"],
            "gpu but uses cpu, because gpu is not the name of a device: set LXMLS_DEVICE to auto, cpu",
        ),
    ],
)
def test_a_device_that_is_not_used_is_an_error_with_the_reason(monkeypatch, device, reasons, said):
    in_use.require_device("cpu", reasons)
    if device != "gpu":
        monkeypatch.setattr(in_use, "problem", lambda device: None)
    with pytest.raises(RuntimeError, match=f"^{re.escape(f'Theano should use the device {said}')}"):
        in_use.require_device(device, reasons)


def read(*results, errors="", status=0):
    """Return what is read of a process that prints these results of a trial, after some chatter, and ends so."""
    lines = "\n".join(["some chatter", *(json.dumps(result._asdict()) for result in results)])
    code = f"import sys; print({lines!r}); sys.stderr.write({errors!r}); sys.exit({status})"
    return in_use.end_trial(start(sys.executable, "-c", code))


def start(*command):
    return subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_a_trial_says_what_theano_uses_and_how_a_function_went_or_the_last_words():
    first = Trial({"cxx": "g++"}, "")
    assert read(first, first._replace(error="a wrong result")) == ({"cxx": "g++"}, "a wrong result")
    assert read(first, errors="one\ntwo\n\n", status=1) == ({"cxx": "g++"}, "two")
    assert read(errors="no Theano", status=1) == ({}, "no Theano")
    assert read(first, status=3) == ({"cxx": "g++"}, "exit status 3")


def test_a_trial_that_takes_too_long_is_stopped(monkeypatch):
    monkeypatch.setattr(in_use, "MAX_TRIAL_SECONDS", 0)
    process = start("sleep", "infinity")
    assert in_use.end_trial(process) == ({}, "stopped after 0 s")
    assert process.returncode == -signal.SIGTERM


def test_a_function_is_compiled_and_its_result_is_right_or_shown(capsys, monkeypatch):
    import theano
    from theano import config

    def tried():
        in_use.try_function()
        first, second = (Trial(**json.loads(line)) for line in capsys.readouterr().out.splitlines())
        assert first == (second.flags, "")
        return second

    found = tried()
    assert found.error == ("" if flags.compiler() else "it ran in Python, not as C code")
    used = {"device": "cpu", "floatX": config.floatX, "blas.ldflags": config.blas.ldflags}
    assert found.flags == {**used, "cxx": config.cxx, "compiledir": config.compiledir}
    monkeypatch.setattr(theano.tensor, "tanh", lambda x: x + 1)
    assert tried().error == "a wrong result, [ 4. 13.]"
    sigmoid = theano.tensor.nnet.sigmoid
    monkeypatch.setattr(theano.tensor, "tanh", lambda x: 0.999 * (2 * sigmoid(2 * x) - 1))  # a little too small
    assert tried().error.startswith("a wrong result, [0.99")


@pytest.mark.daily("imports Theano in two processes")
def test_the_device_of_a_trial_goes_before_what_is_set(monkeypatch):
    monkeypatch.setenv("THEANO_FLAGS", "device=cpu,floatX=float32,cxx=")
    monkeypatch.setenv("LXMLS_DEVICE", "cpu")
    process = in_use.start_trial("cuda99")
    assert os.getpgid(process.pid) == process.pid  # it ends its group
    found = in_use.end_trial(process)
    assert not found.flags
    assert found.error.startswith("Theano should use the device cuda99 but uses cpu")
    found = in_use.end_trial(in_use.start_trial("cpu"))
    assert (found.flags["floatX"], found.error) == ("float32", "it ran in Python, not as C code")


@pytest.mark.daily("imports Theano in a process")
def test_what_theano_uses_is_told_even_if_the_function_ends_the_process():
    code = "import os, theano\ntheano.function = lambda *_: os._exit(3)\n"
    found = in_use.end_trial(
        start(sys.executable, "-c", f"{code}from lxmls_rnn.device import in_use; in_use.try_function()")
    )
    assert (found.flags["device"], found.error) == ("cpu", "exit status 3")


def test_a_trial_that_is_stopped_ends_its_compiler_too():
    code = """
import os, subprocess, time
from lxmls_rnn.device import in_use
def compile():
    subprocess.Popen(["sleep", "infinity"])
    print("compiles", flush=True)
    while True:  # a signal just before a sleep does not end that sleep
        time.sleep(0.05)
in_use.try_function = compile
in_use.main(os.getppid())
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
    code = "from lxmls_rnn.device import in_use; in_use.main(0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (128 + signal.SIGTERM, "", "")
    assert programs.use_process_groups  # of this process, which does not lead a group
