"""Compilers that do not return: real processes, signals, and who is left."""

import os
import select
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import fresh_python
import pytest

from lxmls_rnn.theano_env import flags, programs

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(shutil.which("g++") is None, reason="there is no g++"),
    pytest.mark.skipif(flags.ZIG.exists(), reason="there is zig, which no PATH hides"),
]

# The command line, which waits for a compiler a second instead of thirty.
COMMAND = """
import sys
from lxmls_rnn.theano_env import programs
programs.REPORT_AFTER_SECONDS = 1.0
from lxmls_rnn.__main__ import main
main()
"""
TRAIN = ["train", "sample", "--max-nr-sent", "5", "--epochs", "1", "--model"]
ALWAYS, MODULES = "*", "*mod.cpp*"  # the commands with which the compiler hangs


@pytest.fixture
def hanging(tmp_path):
    """A PATH whose g++ does not return, for some commands, and a pipe that ends with the last of its processes."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    (tmp_path / "bin").mkdir()
    file = tmp_path / "bin" / "g++"

    def make(pattern):
        hang = f"echo >{fifo}; exec 9>{fifo}; sleep infinity & wait"
        cases = f'case "$*" in {pattern}) {hang};; *c++-header*) exit 1;; esac'
        file.write_text(f'#!/bin/sh\n{cases}\nexec {shutil.which("g++")} "$@"\n')
        file.chmod(0o755)
        return f"{file.parent}:{os.environ['PATH']}"

    yield make, reader
    os.close(reader)


def all_ended(reader):
    """Whether the pipe comes to its end: no process has it open to write."""
    while select.select([reader], [], [], 60)[0]:
        if os.read(reader, 100) == b"":
            return True
    return False


@pytest.fixture
def start(cache):
    """Start a command with a PATH; it is killed after the test."""
    started = []

    def start_it(arguments, path):
        started.append(command(cache, arguments, path))
        return started[-1]

    yield start_it
    for process in started:
        process.kill()
        process.communicate()


def command(cache, arguments, path):
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, *arguments],
        env=fresh_python.environment(cache, LXMLS_RUNS=str(cache), PATH=path),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("pattern", [ALWAYS, MODULES])
@pytest.mark.parametrize("model", ["FastRNN", pytest.param("RNN", marks=pytest.mark.slow("as FastRNN"))])
def test_a_compiler_that_hangs_is_reported_once_and_ends_with_one_ctrl_c(start, hanging, pattern, model):
    make, reader = hanging
    process = start([*TRAIN, model], make(pattern))
    assert select.select([reader], [], [], 60)[0]  # a compiler hangs
    assert "has not returned for 1 s; still waiting" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    errors = process.communicate(timeout=60)[1]
    assert process.returncode == 128 + signal.SIGINT
    assert "Traceback" not in errors
    assert all_ended(reader)


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGTERM,
        pytest.param(signal.SIGINT, marks=pytest.mark.slow("as SIGTERM")),
        pytest.param(signal.SIGKILL, marks=pytest.mark.slow("as SIGTERM")),
    ],
)
def test_the_doctors_trial_ends_with_the_doctor(start, hanging, number):
    make, reader = hanging
    process = start(["doctor"], make(MODULES))
    assert select.select([reader], [], [], 60)[0]  # the trial's compiler hangs
    assert "The trial has not returned" in process.stderr.readline()
    (trial,) = children(process.pid)
    watched = os.pidfd_open(trial)
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == (-number if number == signal.SIGKILL else 128 + number)
    assert select.select([watched], [], [], 60)[0]
    os.close(watched)
    assert all_ended(reader)


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(word) for word in file.read().split()]


def test_a_program_that_returns_in_time_is_not_reported(capfd):
    assert programs.run(["sh", "-c", "echo out; echo err >&2; exit 3"]) == (3, b"out\n", b"err\n")
    assert capfd.readouterr() == ("", "")


def test_a_program_that_takes_long_is_reported_once_and_waited_for(monkeypatch, tmp_path):
    monkeypatch.setattr(programs, "REPORT_AFTER_SECONDS", 0.05)
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with open(tmp_path / "said", "w+") as said:
        monkeypatch.setattr(sys, "stderr", Waking(said, fifo))
        done = programs.run(["sh", "-c", f"cat {fifo}; echo done"])
        assert done.output == b"done\n"
        said.seek(0)
        assert said.read() == "sh has not returned for 0.05 s; still waiting, Ctrl-C ends it.\n"


class Waking:
    """A stream that lets a program which reads from a pipe go on when something is said."""

    def __init__(self, file, fifo):
        self._file, self._fifo = file, fifo

    def write(self, text):
        self._file.write(text)

    def flush(self):
        self._file.flush()
        self._fifo.open("w").close()


def test_programs_that_were_ended_end_with_their_children_and_no_more_start(tmp_path):
    together = programs.Programs()
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    command = ["sh", "-c", f"echo >{fifo}; exec 9>{fifo}; sleep infinity & wait"]
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(together.run, command)
        assert select.select([reader], [], [], 20)[0]
        together.end()
        assert running.result().status == -signal.SIGKILL
    assert all_ended(reader)
    os.close(reader)
    with pytest.raises(InterruptedError):
        together.run(["true"])


@pytest.mark.parametrize("run", [programs.run, lambda command: programs.Programs().run(command)])
def test_a_program_speaks_english_and_reads_nothing(run, monkeypatch):
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    monkeypatch.setenv("MINE", "kept")
    done = run(["sh", "-c", r"echo $LC_ALL $MINE; cat; printf '\377' >&2; kill -9 $$"])
    assert done == (-signal.SIGKILL, b"C kept\n", b"\xff")
    assert done.text == "C kept\n\\xff"


@pytest.mark.parametrize("own", [True, False])
def test_a_program_leads_a_group_unless_this_process_is_ended_by_its_own(monkeypatch, own):
    monkeypatch.setattr(programs, "use_process_groups", own)
    pid, group = map(int, programs.run(["sh", "-c", "cut -d' ' -f1,5 /proc/self/stat & wait"]).output.split())
    assert (group != os.getpgrp()) == own
    assert own == (os.getpgrp() not in (pid, group))


def test_a_program_whose_wait_is_interrupted_ends_with_its_children(hanging, monkeypatch):
    class Interrupting:
        def write(self, text):
            raise KeyboardInterrupt

    make, reader = hanging
    path = make(ALWAYS).partition(":")[0]
    monkeypatch.setattr(programs, "REPORT_AFTER_SECONDS", 0.05)
    monkeypatch.setattr(sys, "stderr", Interrupting())
    with pytest.raises(KeyboardInterrupt):
        programs.run([f"{path}/g++"])
    monkeypatch.undo()
    assert all_ended(reader)


def waits(limit, times_out):
    """The timeouts with which something was waited for, that does not return in the first of them or does."""
    timeouts = []

    def wait(timeout):
        timeouts.append(timeout)
        if times_out and len(timeouts) == 1:
            raise subprocess.TimeoutExpired("it", timeout)
        return signal.getsignal(signal.SIGINT)

    return programs.wait_with_report(wait, "it", limit), timeouts


@pytest.fixture
def patience(monkeypatch):
    monkeypatch.setattr(programs, "REPORT_AFTER_SECONDS", 2.5)


@pytest.mark.parametrize(
    ("limit", "times_out", "expected"),
    [(None, False, [2.5]), (None, True, [2.5, None]), (10.0, True, [2.5, 7.5]), (2.5, False, [2.5]), (1, False, [1])],
)
def test_there_is_a_word_after_a_while_and_then_the_rest_of_the_time(patience, capsys, limit, times_out, expected):
    assert waits(limit, times_out)[1] == expected
    text = "it has not returned for 2.5 s; still waiting, Ctrl-C ends it.\n"
    assert capsys.readouterr() == ("", text if times_out else "")


def test_a_short_limit_is_the_last_word(patience, capsys):
    with pytest.raises(subprocess.TimeoutExpired):
        waits(2.5, True)
    assert capsys.readouterr().err == ""


@pytest.fixture
def handler():
    """Set what an interrupt does; that is undone after the test."""
    before = signal.getsignal(signal.SIGINT)
    yield lambda new: signal.signal(signal.SIGINT, new)
    signal.signal(signal.SIGINT, before)


def test_one_ctrl_c_ends_what_takes_long_and_then_does_what_it_did_before(patience, handler):
    def mine(*_):
        pass

    handler(mine)
    assert waits(None, False)[0] is mine
    assert waits(None, True)[0] is signal.default_int_handler
    assert signal.getsignal(signal.SIGINT) is mine
    handler(signal.SIG_IGN)
    assert waits(None, True)[0] is signal.SIG_IGN
    handler(mine)
    with ThreadPoolExecutor(1) as pool:  # a thread cannot change it
        assert pool.submit(waits, None, True).result()[0] is mine
