"""Compilers that do not return: real processes, signals, and who is left."""

import errno
import os
import select
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import fresh_theano
import pytest
from fresh_theano import ALWAYS, wait_for_end
from theano_runtime import programs

pytestmark = fresh_theano.needs_compiler


def test_programs_that_were_ended_end_with_their_children_and_no_more_start(pipe, tmp_path):
    together = programs.Programs()
    fifo = tmp_path / "fifo"
    command = ["sh", "-c", f"echo >{fifo}; exec 9>{fifo}; sleep infinity & wait"]
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(together.run, command)
        select.select([pipe], [], [])
        together.end()
        assert running.result().status == -signal.SIGKILL
    wait_for_end(pipe)
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


def test_a_program_whose_wait_is_interrupted_ends_with_its_children(pipe, tmp_path, monkeypatch):
    class Interrupting:
        def write(self, text):
            select.select([pipe], [], [])  # the program runs
            raise KeyboardInterrupt

    path = fresh_theano.path_of_hanging(tmp_path, ALWAYS).partition(":")[0]
    monkeypatch.setattr(programs, "REPORT_AFTER_SECONDS", 0)
    monkeypatch.setattr(sys, "stderr", Interrupting())
    with pytest.raises(KeyboardInterrupt):
        programs.run([f"{path}/g++"])
    monkeypatch.undo()
    wait_for_end(pipe)


def waits(limit, times_out):
    """The timeouts with which something was waited for, that does not return in the first of them or does."""
    timeouts = []

    def wait(timeout):
        timeouts.append(timeout)
        if times_out and len(timeouts) == 1:
            raise subprocess.TimeoutExpired("it", timeout)
        return signal.getsignal(signal.SIGINT)

    return programs.wait_with_report(wait, "it", limit), timeouts


@pytest.mark.parametrize(
    ("limit", "times_out", "expected"),
    [(None, False, [30]), (None, True, [30, None]), (40, True, [30, 10]), (30, False, [30]), (1, False, [1])],
)
def test_there_is_a_word_after_a_while_and_then_the_rest_of_the_time(capsys, limit, times_out, expected):
    assert waits(limit, times_out)[1] == expected
    text = "it has not returned for 30 s; still waiting, Ctrl-C ends it, in a notebook an interrupt of the kernel.\n"
    assert capsys.readouterr() == ("", text if times_out else "")


def test_in_a_thread_which_no_interrupt_reaches_the_word_is_another(capsys):
    thread = threading.Thread(target=waits, args=(None, True))
    thread.start()
    thread.join()
    end = "the end of this program ends it, in a notebook a restart of the kernel.\n"
    assert capsys.readouterr().err == f"it has not returned for 30 s; still waiting, {end}"


def test_a_short_limit_is_the_last_word(capsys):
    with pytest.raises(subprocess.TimeoutExpired):
        waits(30, True)
    assert capsys.readouterr().err == ""


@pytest.fixture
def handler():
    """Set what an interrupt does; that is undone after the test."""
    before = signal.getsignal(signal.SIGINT)
    yield lambda new: signal.signal(signal.SIGINT, new)
    signal.signal(signal.SIGINT, before)


def test_one_ctrl_c_ends_what_takes_long_and_then_does_what_it_did_before(handler):
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


def test_a_compiler_with_options_is_asked_with_them(tmp_path):
    path = tmp_path / "cxx"
    path.write_text('#!/bin/sh\necho "$@"\nprintf "\\377"\n')
    path.chmod(0o755)
    assert programs.ask(f"{path} -m64", "-dumpversion") == "-m64 -dumpversion\n\\xff"
    assert programs.ask(str(tmp_path / "none"), "-dumpversion") == ""


def test_a_refused_process_is_no_answer_for_later(tmp_path, monkeypatch):
    def refuse(command):
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    path, starts = tmp_path / "cxx", tmp_path / "starts"
    path.write_text(f"#!/bin/sh\necho >>{starts}\necho 14\n")
    path.chmod(0o755)
    with monkeypatch.context() as patch:
        patch.setattr(programs, "_start", refuse)
        assert programs.ask(str(path), "-dumpversion") == ""
    assert [programs.ask(str(path), "-dumpversion") for _ in range(2)] == ["14", "14"]
    assert starts.read_text() == "\n"
