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


AT_WORK = """
import os, signal, sys
import lxmls_rnn.__main__ as main
import lxmls_rnn.cli
def work():
    try:
        os.kill(os.getpid(), {number})
        signal.pause()
    finally:
        print("cleaned up")
lxmls_rnn.cli.app = work
main.main()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_a_command_works_lets_it_clean_up(number):
    done = subprocess.run([sys.executable, "-c", AT_WORK.format(number=int(number))], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (128 + number, "cleaned up\n", "")


def test_a_signal_that_the_shell_ignores_stays_ignored():
    code = AT_WORK.replace("signal.pause()", "print('goes on')").format(number=int(signal.SIGINT))
    ignoring = f"import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n{code}"
    done = subprocess.run([sys.executable, "-c", ignoring], capture_output=True, text=True)
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
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "Error: Theano cannot be used: it is a stock one\n")


def test_python_m_is_the_command():
    done = subprocess.run([sys.executable, "-m", "lxmls_rnn", "runs", "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    assert "Usage: " in done.stdout
