"""The command as a process: signals, and the exit status."""

import signal
import subprocess
import sys

import pytest

pytestmark = pytest.mark.process


@pytest.mark.process
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_it_imports_ends_it_without_a_traceback(tmp_path, number):
    # the signal comes at every twentieth import of the command line
    code = """
import os, signal, sys
number, n, left = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[2])
import lxmls_rnn.__main__
def strike(event, arguments):
    global left
    if event == "import":
        left -= 1
        if left == 0:
            os.kill(os.getpid(), number)
sys.addaudithook(strike)
sys.argv[1:] = ["runs"]
lxmls_rnn.__main__.main()
"""
    for n in range(1, 200, 40):
        command = [sys.executable, "-c", code, str(int(number)), str(n)]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (128 + number, "")
