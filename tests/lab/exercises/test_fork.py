"""The trial run of an answer in a fork, through a check."""

import os
import signal

import pytest

from lab import check
from lab.exercises import progress
from lab.exercises.exercise import EXERCISES
from lab.runtime import limit
from lxmls_rnn.deep_learning.frameworks import FRAMEWORKS


def huge(*given):
    return (len(given) + 10) ** 10**9


def waiting(*given):
    __import__("time").sleep(20)


@pytest.mark.parametrize("name", ["forward", "squares", "theano_gradients", "torch_loop", "torch_gradients"])
def test_code_that_never_leaves_C_has_a_verdict_with_its_line(monkeypatch, name):
    if missing := FRAMEWORKS[EXERCISES[name].framework].missing:
        pytest.skip(missing)
    monkeypatch.setattr(check, "MAX_SECONDS", 0.2)
    monkeypatch.setattr(check, "MAX_COMPILING_SECONDS", 0.2)
    said = getattr(check, name)(huge)
    assert said.state == "not right"
    assert said.text.startswith("The function is still running after 0.2 s")
    line = huge.__code__.co_firstlineno + 1
    assert said.text.endswith(f"in line {line} of the cell:  return (len(given) + 10) ** 10**9")


def test_where_time_passes_without_computing_the_line_is_shown_and_no_try_is_counted(monkeypatch):
    monkeypatch.setattr(limit, "MAX_WALL_SECONDS", 1.0)
    said = check.forward(waiting)
    assert said.state == "not yet"
    assert "the machine is busy" in said.text
    assert said.text.endswith('__import__("time").sleep(20)')
    assert progress.FILE.read()["forward"].tries == 0


def test_a_function_that_ignores_the_signal_is_killed(monkeypatch):
    children = []

    def deaf(*given):
        signal.signal(signal.SIGPROF, signal.SIG_IGN)
        waiting()

    monkeypatch.setattr(os, "fork", lambda fork=os.fork: children.append(fork()) or children[-1])
    monkeypatch.setattr(limit, "MAX_WALL_SECONDS", 0.2)
    monkeypatch.setattr(limit, "STOPPING_SECONDS", 0.2)
    assert "the machine is busy" in check.forward(deaf).text
    with pytest.raises(ProcessLookupError):
        os.kill(children[0], 0)


def test_a_function_that_is_killed_does_not_take_the_kernel_with_it():
    kernel = os.getpid()

    def killed(*given):
        if os.getpid() != kernel:
            os.kill(os.getpid(), signal.SIGKILL)

    assert "took too much memory" in check.forward(killed).text


def test_a_function_that_asks_is_not_tried_but_run(monkeypatch, capsys):
    monkeypatch.setattr("builtins.input", lambda text="": f"typed {text}")
    kernel, asked = os.getpid(), []

    def asking(*given):
        asked.append(input("a number"))
        print("in the kernel", os.getpid() == kernel)

    check.forward(asking)
    assert asked == ["typed a number"]
    assert capsys.readouterr().out == "in the kernel True\n"
