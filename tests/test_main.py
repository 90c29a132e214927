"""The command as a process: signals, and the exit status."""

import signal
import subprocess
import sys

import pytest

in_processes = pytest.mark.daily("two seconds for each process; one at work is quick")


def python(code):
    """Run a program of Python."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
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
    for n in (1, 81, 161):
        command = [sys.executable, "-c", code, str(int(number)), str(n)]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (128 + number, "")


AT_WORK = """
import atexit, os, signal, weakref
import lxmls_rnn.__main__ as main
import lxmls_rnn.cli
def strike():
    os.kill(os.getpid(), {number})
def work():
    try:
        {what}
    finally:
        print("cleaned up")
lxmls_rnn.cli.app = work
main.main()
"""


def at_work(what, number=signal.SIGINT, begin=""):
    """Run a command that does one line of Python."""
    return python(begin + AT_WORK.format(what=what, number=int(number)))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_a_command_works_lets_it_clean_up(number):
    done = at_work("strike(); signal.pause()", number)
    assert (done.returncode, done.stdout, done.stderr) == (128 + number, "cleaned up\n", "")


def test_a_signal_that_python_ignores_can_be_sent_again():
    done = at_work("weakref.ref(set(), lambda _: strike()); print('lost'); strike(); signal.pause()", signal.SIGTERM)
    assert (done.returncode, done.stdout) == (143, "lost\ncleaned up\n")


@in_processes
def test_an_interrupt_while_python_ends_changes_nothing():
    done = at_work("atexit.register(lambda: (strike(), print('ended')))")
    assert (done.returncode, done.stdout, done.stderr) == (0, "cleaned up\nended\n", "")


def test_a_signal_that_the_shell_ignores_stays_ignored():
    ignoring = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"
    done = at_work("strike(); print('goes on')", begin=ignoring)
    assert (done.returncode, done.stdout, done.stderr) == (0, "goes on\ncleaned up\n", "")


def test_an_unusable_theano_is_one_sentence():
    code = """
import sys
class Unusable:
    def find_spec(self, name, path=None, target=None):
        if name == "lxmls_rnn.cli":
            raise RuntimeError("Theano cannot be used: it is a stock one")
import lxmls_rnn.__main__ as main
sys.meta_path.insert(0, Unusable())
main.main()
"""
    done = python(code)
    assert (done.returncode, done.stderr) == (1, "Error: Theano cannot be used: it is a stock one\n")


def test_python_m_is_the_command():
    done = subprocess.run([sys.executable, "-m", "lxmls_rnn", "runs", "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    assert "Usage: " in done.stdout
