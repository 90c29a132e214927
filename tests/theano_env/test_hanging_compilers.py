"""Commands while a compiler does not return: signals, and who is left."""

import os
import select
import signal
import subprocess
import sys

import fresh_theano
import pytest
from fresh_theano import MODULES, wait_for_end

pytestmark = fresh_theano.needs_compiler

# The command line, which reports at once that it waits for a module or for a trial, and not for what returns.
COMMAND = """
from theano_runtime import programs
run = programs.run
def run_patiently(command):
    programs.REPORT_AFTER_SECONDS = 0 if any("mod.cpp" in word for word in command) else 600
    try:
        return run(command)
    finally:
        programs.REPORT_AFTER_SECONDS = 0
programs.run, programs.REPORT_AFTER_SECONDS = run_patiently, 0
from lxmls_rnn.__main__ import main
main()
"""
TRAIN = ["train", "sample", "--max-nr-sent", "5", "--epochs", "1", "--model", "FastRNN"]


@pytest.fixture
def command(cache, tmp_path):
    """Start a command with a g++ that hangs when it compiles a module; it is killed after the test."""
    path = fresh_theano.path_of_hanging(tmp_path, MODULES)
    started = []

    def start(*arguments):
        started.append(
            subprocess.Popen(
                [sys.executable, "-c", COMMAND, *arguments],
                env=fresh_theano.environment(cache, LXMLS_RUNS=str(cache), PATH=path),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_training_ends_with_one_ctrl_c_while_a_compiler_hangs(command, pipe):
    process = command(*TRAIN)
    assert "has not returned for 0 s; still waiting" in process.stderr.readline()
    select.select([pipe], [], [])  # the compiler runs: one that is killed before it opens the pipe never ends it
    process.send_signal(signal.SIGINT)
    errors = process.communicate()[1]
    assert process.returncode == 128 + signal.SIGINT
    assert "Traceback" not in errors
    wait_for_end(pipe)


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGTERM,
        pytest.param(signal.SIGINT, marks=pytest.mark.nightly("the same as SIGTERM, with another signal")),
        pytest.param(signal.SIGKILL, marks=pytest.mark.nightly("the same as SIGTERM, with another signal")),
    ],
)
def test_the_doctors_trial_ends_with_the_doctor(command, pipe, number):
    process = command("doctor")
    select.select([pipe], [], [])  # the trial's compiler hangs
    assert "The trial has not returned" in process.stderr.readline()
    (trial,) = children(process.pid)
    watched = os.pidfd_open(trial)
    process.send_signal(number)
    process.communicate()
    assert process.returncode == (-number if number == signal.SIGKILL else 128 + number)
    select.select([watched], [], [])
    os.close(watched)
    wait_for_end(pipe)


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(word) for word in file.read().split()]
