"""Student code in a child process; test_check.py has the verdicts on it."""

import builtins
import copyreg
import gc
import importlib
import io
import os
import signal
import subprocess
import sys
import threading
import warnings
from contextlib import redirect_stdout
from types import SimpleNamespace

import pytest
from environment import wait_until
from IPython.core.displaypub import CapturingDisplayPublisher
from tblib.pickling_support import pickle_exception
from theano_runtime.contexts import TURN

from lab.runtime import python_warnings, student_process
from lxmls_rnn.deep_learning.frameworks import NUMPY, TORCH


def run(function, framework=NUMPY):
    return student_process.run(function, framework, 5.0)


def test_results_and_exceptions_come_back_and_nothing_else_changes(capsys):
    kept = []

    def spoil(_):
        kept.append(os.getpid())
        os.chdir("/")
        print("printed")
        print("noted", file=sys.stderr)
        sys.stdout = sys.stderr = None
        return kept

    before = os.getcwd(), sys.stdout
    (child,) = run(spoil)
    assert child != os.getpid()
    assert kept == []
    assert (os.getcwd(), sys.stdout) == before
    assert capsys.readouterr() == ("printed\n", "noted\n")
    with pytest.raises(ZeroDivisionError):
        run(lambda _: 1 / 0)
    with pytest.raises(TypeError, match="pickle"):
        run(lambda _: threading.Lock())


def test_it_has_the_seconds_of_the_processor_that_it_is_allowed():
    def left(child):
        first = signal.getitimer(signal.ITIMER_PROF)[0]
        child.allow(50)
        return first, signal.getitimer(signal.ITIMER_PROF)[0]

    first, then = run(left)
    assert 0 < first < 6 < then < 51


def test_code_that_never_leaves_C_is_ended_and_its_line_and_what_it_told_are_known():
    def never_ends(child, ten=10):
        child.tell("first")
        child.tell("this much")
        return signal.setitimer(signal.ITIMER_PROF, 0.01) and ten**ten**9

    with pytest.raises(student_process.TimeUp) as caught:
        run(never_ends)
    assert (caught.value.seconds, caught.value.known) == (5.0, "this much")
    (*_, inner) = caught.value.stack
    assert (inner.name, inner.lineno) == ("never_ends", never_ends.__code__.co_firstlineno + 3)


def test_code_that_waits_and_ignores_the_signal_is_killed(nothing_comes):
    def deaf(_):
        signal.signal(signal.SIGPROF, lambda *_: print("heard"))
        print("begun")
        threading.Event().wait()

    with pytest.raises(student_process.Waits) as caught, redirect_stdout(nothing_comes):
        run(deaf)
    assert list(caught.value.stack) == []


def ends(monkeypatch, *seen):
    """Return what looks say at last to a child that may compute 5 s: each finds states and seconds of the processor."""
    left = list(seen)
    monkeypatch.setattr(student_process, "_group", lambda _: left.pop(0))
    looks = student_process._Looks(1)
    *before, last = [looks.look(5.0) for _ in seen]
    assert not any(before)
    return last


def test_only_what_neither_runs_nor_computes_for_ten_seconds_waits(monkeypatch):
    asleep, of_a_disk, own_child, ended = {1: "S"}, {1: "D"}, {1: "S", 2: "R"}, {1: "Z", 2: "S"}
    assert ends(monkeypatch, *11 * [(asleep, 3.0)]) is student_process.Waits
    assert ends(monkeypatch, *[(asleep, 3.0 + n / 200) for n in range(11)]) is student_process.Waits  # short sleeps
    assert ends(monkeypatch, *10 * [(asleep, 3.0)], (of_a_disk, 3.0), *10 * [(asleep, 3.0)]) is student_process.Waits
    for seen in ((own_child, 3.0), (of_a_disk, 3.0), None):
        assert ends(monkeypatch, *99 * [seen]) is None
    assert ends(monkeypatch, *[(asleep, 3.0 + n / 20) for n in range(99)]) is None  # another thread computes
    assert ends(monkeypatch, *[(own_child, 3.0 + n) for n in range(7)]) is student_process.TimeUp
    assert ends(monkeypatch, (ended, 0.0)) is student_process.Ended


def test_the_processes_that_a_child_has_started_are_looked_at_and_end_with_it():
    class Stream:
        def write(self, text):
            self.child = int(text)
            wait_until(lambda: sorted(student_process._group(self.child)[0].values()) == ["R", "S"])
            before = student_process._group(self.child)[1]
            wait_until(lambda: student_process._group(self.child)[1] > before)
            os.kill(self.child, signal.SIGKILL)

    def compute(_):
        with subprocess.Popen([sys.executable, "-c", "while True: pass"]):
            sys.stdout.write(str(os.getpid()))

    stream = Stream()
    with pytest.raises(student_process.Ended), redirect_stdout(stream):
        run(compute)
    wait_until(lambda: not {"R", "S"}.intersection((student_process._group(stream.child) or [{}])[0].values()))


@pytest.mark.parametrize("sent", [b"x", 99 * b"x", student_process._LENGTH.pack(3) + b"abc"])
def test_what_is_no_message_is_named(sent):
    with pytest.raises(student_process.Unreadable, match="wrote into its connection"):
        run(lambda child: child._connection.sendall(sent))


@pytest.mark.parametrize(
    "end", [lambda _: os._exit(0), lambda _: os.kill(os.getpid(), signal.SIGKILL), lambda _: os.closerange(3, 99)]
)
def test_code_that_ends_python_or_is_killed_has_no_result(end):
    with pytest.raises(student_process.Ended, match="took too much memory, or crashed or ended Python"):
        run(end)


def test_an_interrupt_kills_the_child_which_says_where_it_was(monkeypatch):
    class Interrupted:
        def write(self, text):
            self.child = int(text)
            raise KeyboardInterrupt

    def wait(_):
        os.kill(os.getpid(), signal.SIGINT)  # the child ignores its own
        sys.stdout.write(f"{os.getpid()}") and threading.Event().wait()

    def deaf(_):
        signal.signal(signal.SIGPROF, signal.SIG_IGN)
        wait(_)

    def interrupted(ours, seconds, receive=student_process._receive):
        if seconds == student_process.STOPPING_SECONDS:
            raise KeyboardInterrupt  # a second one
        return receive(ours, seconds)

    stream = Interrupted()
    with pytest.raises(student_process.Interrupted) as stopped, redirect_stdout(stream):
        run(wait)
    assert stopped.value.stack[0].name == "wait"  # and not what called it
    with pytest.raises(ProcessLookupError):
        os.kill(stream.child, 0)
    monkeypatch.setattr(student_process, "_receive", interrupted)
    with pytest.raises(student_process.Interrupted), redirect_stdout(stream):
        run(deaf)
    with pytest.raises(ProcessLookupError):
        os.kill(stream.child, 0)


def test_the_kernel_asks_for_input(monkeypatch):
    monkeypatch.setattr("builtins.input", {"a number ": "7"}.__getitem__)
    assert run(lambda _: input("a number ")) == "7"
    with pytest.raises(KeyError, match="another"):
        run(lambda _: input("another"))


def test_the_kernel_shows_figures(monkeypatch):
    shell = SimpleNamespace(display_pub=CapturingDisplayPublisher())
    monkeypatch.setattr(student_process, "get_ipython", lambda: shell)
    run(lambda _: [shell.display_pub.publish({"text/plain": f"figure {n}"}) for n in range(99)])
    assert [one["data"]["text/plain"] for one in shell.display_pub.outputs] == [f"figure {n}" for n in range(20)]


def test_no_more_than_so_much_of_what_is_printed_is_shown(capsys, monkeypatch):
    monkeypatch.setattr(student_process, "MAX_PRINTED", 10)
    run(lambda _: [print(n, flush=True) for n in range(1000)])
    assert capsys.readouterr().out == "0\n1\n2\n3\n4\n\n(The rest of what the code prints is left out.)\n"


def test_code_raises_the_recursion_limit_to_what_python_survives(monkeypatch):
    monkeypatch.setitem(copyreg.dispatch_table, RecursionError, pickle_exception)  # as where a sweep has run on Dask

    def endless(*given):
        return endless(*given)  # a call that takes place on the stack of C too

    def raised(_):
        sys.setrecursionlimit(10**7)
        assert sys.getrecursionlimit() == student_process.MAX_RECURSION
        endless()

    with pytest.raises(RecursionError):
        run(raised)


def test_the_garbage_of_the_kernel_is_not_collected_there():
    class Array:
        def __init__(self):
            self.itself, self.tell = self, print

        def __del__(self):
            self.tell(os.getpid())

    def collected(_):
        Array()
        return gc.collect()

    gc.disable()
    try:
        with redirect_stdout(io.StringIO()) as output:
            Array()
            assert run(collected)
            gc.collect()
    finally:
        gc.enable()
    assert [int(line) == os.getpid() for line in output.getvalue().splitlines()] == [False, True]


def test_a_child_can_compile_though_a_thread_was_compiling_and_the_threads_warnings_arrive():
    python_warnings.install()
    entered, leave, told = threading.Event(), threading.Event(), []
    threading.Thread(target=lambda: TURN.run(lambda: (entered.set(), leave.wait())), daemon=True).start()
    entered.wait()

    def let_it_end():
        while not TURN._waiting:  # the fork
            pass
        with python_warnings.collected(UserWarning) as texts:
            warnings.warn("of a training", stacklevel=1)
        told.extend(texts)
        leave.set()

    threading.Thread(target=let_it_end, daemon=True).start()
    assert run(lambda _: TURN.run(os.getpid)) != os.getpid()
    assert told == ["of a training"]


def test_a_child_can_import_what_a_thread_was_importing_when_it_was_wanted(tmp_path, monkeypatch):
    (tmp_path / "slow_module.py").write_text(
        "import builtins\nbuiltins.entered.set()\nbuiltins.leave.wait()\nend = 1\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    entered, leave, looks = threading.Event(), threading.Event(), []
    monkeypatch.setattr(builtins, "entered", entered, raising=False)
    monkeypatch.setattr(builtins, "leave", leave, raising=False)
    thread = threading.Thread(target=importlib.import_module, args=["slow_module"], daemon=True)
    thread.start()
    entered.wait()
    sleep = SimpleNamespace(sleep=lambda _: (looks.append(1), leave.set(), thread.join()))
    monkeypatch.setattr(student_process, "time", sleep)
    assert run(lambda _: importlib.import_module("slow_module").end) == 1
    assert looks == [1]
    del sys.modules["slow_module"]


def test_a_fork_waits_for_an_import_that_begins_while_it_waits_for_its_turn(monkeypatch):
    looks, seen, fork = [False, True, False, False], [], os.fork
    monkeypatch.setattr(student_process, "_is_importing", lambda: seen.append(looks.pop(0)) or seen[-1])
    monkeypatch.setattr(os, "fork", lambda: seen.append("fork") or fork())
    assert run(lambda _: 1) == 1
    assert seen == [False, True, False, False, "fork"]


def test_an_interrupt_right_after_the_fork_kills_the_child_too(monkeypatch):
    fork, children = os.fork, []

    def interrupted():
        children.append(fork())
        signal.raise_signal(signal.SIGINT)  # in both
        return children[-1]

    monkeypatch.setattr(os, "fork", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(lambda _: threading.Event().wait())
    with pytest.raises(ProcessLookupError):
        os.kill(*children, 0)
    monkeypatch.setattr(os, "fork", lambda: fork() or signal.raise_signal(signal.SIGINT) or 0)
    assert run(lambda _: signal.pthread_sigmask(signal.SIG_BLOCK, [])) == set()
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_the_end_of_a_child_is_noticed_while_another_one_works(monkeypatch):
    forked, (reader, writer), is_importing = threading.Event(), os.pipe(), student_process._is_importing

    def looked():
        if threading.current_thread() is not other:
            forked.wait()
        return is_importing()

    def fork(fork=os.fork):
        child = fork()
        if child and threading.current_thread() is other:
            forked.set()
        return child

    other = threading.Thread(target=lambda: run(lambda _: os.read(reader, 1)))
    monkeypatch.setattr(student_process, "_is_importing", looked)
    monkeypatch.setattr(os, "fork", fork)
    other.start()
    with pytest.raises(student_process.Ended):
        run(lambda _: os._exit(1))
    assert other.is_alive()
    os.write(writer, b"x")
    other.join()
    os.close(reader)
    os.close(writer)


def test_only_a_cell_can_ask_for_input(monkeypatch):
    monkeypatch.setattr(builtins, "input", pytest.fail)
    errors = []

    def ask():
        with pytest.raises(EOFError) as error:
            run(lambda _: input("Your name?"))
        errors.append(str(error.value))

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    assert errors == ["only a cell can ask for input"]


@pytest.mark.parametrize("has_gpu", [True, False])
def test_with_a_gpu_pytorch_cannot_fork(monkeypatch, has_gpu):
    cuda = SimpleNamespace(is_available=lambda: has_gpu)
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    assert student_process.can_fork(TORCH) is not has_gpu


def no_fork():
    raise BlockingIOError


@pytest.mark.parametrize("fork", [no_fork, None])
def test_without_a_fork_the_code_runs_in_the_kernel_and_an_interrupt_ends_it(monkeypatch, fork):
    monkeypatch.setattr(os, "fork", fork)
    if fork is None:
        monkeypatch.delattr(os, "fork")
    assert run(lambda child: child.allow(0) or child.tell("") or os.getpid(), NUMPY) == os.getpid()


def test_breakpoints_are_in_the_kernel():
    before = sys.gettrace()
    sys.settrace(lambda *_: None)
    try:
        assert not student_process.can_fork(NUMPY)
    finally:
        sys.settrace(before)
