"""Commands while a compiler does not return: signals, and who is left."""

import os
import select
import signal
import subprocess
import sys

import fresh_theano
import pytest
from fresh_theano import MODULES, all_ended

pytestmark = fresh_theano.needs_compiler

# The command line, which waits for a compiler a second instead of thirty.
COMMAND = """
import sys
from theano_runtime import programs
programs.REPORT_AFTER_SECONDS = 1.0
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
        process.communicate()


def test_training_ends_with_one_ctrl_c_while_a_compiler_hangs(command, pipe):
    process = command(*TRAIN)
    assert select.select([pipe], [], [], 60)[0]  # a compiler hangs
    assert "has not returned for 1 s; still waiting" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    errors = process.communicate(timeout=60)[1]
    assert process.returncode == 128 + signal.SIGINT
    assert "Traceback" not in errors
    assert all_ended(pipe)


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
    assert select.select([pipe], [], [], 60)[0]  # the trial's compiler hangs
    assert "The trial has not returned" in process.stderr.readline()
    (trial,) = children(process.pid)
    watched = os.pidfd_open(trial)
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == (-number if number == signal.SIGKILL else 128 + number)
    assert select.select([watched], [], [], 60)[0]
    os.close(watched)
    assert all_ended(pipe)


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(word) for word in file.read().split()]
