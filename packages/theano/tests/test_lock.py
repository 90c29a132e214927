"""The lock of Theano's compile cache, tried between real processes and threads."""

import contextvars
import errno
import fcntl
import os
import re
import threading
from types import SimpleNamespace

import fresh_theano
import pytest
from theano_runtime import lock as cache_lock
from theano_runtime.lock import CacheLock

pytestmark = fresh_theano.needs_compiler
CELL = contextvars.ContextVar("cell", default="another")  # to which a notebook ascribes what is printed

# An Op that takes the lock when it is compiled and does not give it back.
KEEPS = """
import fcntl, os, theano, theano.tensor as T
from theano.gof.compilelock import get_lock

def free():
    with open(os.path.join(theano.config.compiledir, "lock_dir.flock"), "a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True

class Keeps(theano.Op):
    __props__ = ()
    def make_node(self, x):
        return theano.Apply(self, [x], [x.type()])
    def make_thunk(self, *args, **kwargs):
        get_lock()
        print(free())
        return super().make_thunk(*args, **kwargs)
    def perform(self, node, inputs, outputs):
        outputs[0][0] = inputs[0]

x = T.vector()
theano.function([x], Keeps()(x))([1.0])
print(free())
"""


def test_a_compile_that_does_not_give_the_lock_back_leaves_the_cache_to_others(cache):
    first, *_, after = fresh_theano.run(KEEPS, cache).splitlines()
    assert (first, after) == ("False", "True")


def test_a_lock_file_that_cannot_be_opened_is_named(tmp_path):
    (tmp_path / "lock").mkdir()
    with pytest.raises(OSError, match=str(tmp_path / "lock")):
        CacheLock().acquire(tmp_path / "lock")


def test_an_interrupt_just_when_the_lock_is_taken_lets_it_go(tmp_path, monkeypatch):
    def take(file, operation):
        flock(file, operation)
        if operation != fcntl.LOCK_UN:
            raise KeyboardInterrupt

    flock = fcntl.flock
    monkeypatch.setattr(fcntl, "flock", take)
    with pytest.raises(KeyboardInterrupt):
        CacheLock().acquire(tmp_path / "lock")
    monkeypatch.undo()
    CacheLock().acquire(tmp_path / "lock")


def is_free(path):
    with open(path, "rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def test_a_lock_is_held_until_it_has_been_given_back_as_often_as_taken(tmp_path):
    lock, path = CacheLock(), tmp_path / "new" / "lock"
    lock.release()
    lock.acquire(path)
    assert path.read_text() == str(os.getpid())
    lock.acquire(path)
    lock.release()
    assert not is_free(path)
    lock.release()
    lock.release()
    assert is_free(path)
    path.write_text("1" * 50)  # a longer name does not stay
    lock.acquire(path)
    assert path.read_text() == str(os.getpid())
    assert not is_free(path)
    lock.release()
    assert is_free(path)
    assert path.stat().st_mode & 0o117 == 0


def test_what_a_block_has_taken_is_given_back_after_it_and_no_more(tmp_path):
    lock, path = CacheLock(), tmp_path / "lock"
    lock.acquire(path)

    def fail():
        with lock.released_after():
            lock.acquire(path)
            lock.acquire(path)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert lock.depth == 1
    with lock.released_after():
        lock.release()
    assert (lock.depth, is_free(path)) == (0, True)
    with lock.released_after():
        lock.acquire(path)
        assert not is_free(path)
    assert is_free(path)


class Said:
    """A stream that lets a thread go on when it has been told a number of times; `cells` are the writers' contexts."""

    def __init__(self, times):
        self.text, self.done, self._left, self.cells = "", threading.Event(), times, set()

    def write(self, text):
        self.text += text
        self.cells.add(CELL.get())

    def flush(self):
        self._left -= 1
        if self._left == 0:
            self.done.set()


@pytest.mark.parametrize(
    ("content", "who"),
    [("4321", "process 4321"), ("", "process unknown"), (str(os.getpid()), "another thread")],
    ids=["another process", "nobody", "this process"],
)
def test_who_is_waited_for_is_what_the_file_says(tmp_path, monkeypatch, content, who):
    class Clock(threading.Event):
        """A wait is over at once, and its time has passed, until enough is said."""

        now = 0.0

        def wait(self, pause):
            Clock.now += pause
            return said.done.is_set() and super().wait()

    said, path, held = Said(2), tmp_path / "lock", threading.Event()
    monkeypatch.setattr(cache_lock, "threading", SimpleNamespace(Event=Clock, Thread=threading.Thread))
    monkeypatch.setattr(cache_lock, "time", SimpleNamespace(monotonic=lambda: Clock.now))
    monkeypatch.setattr("sys.stderr", said)

    def hold():
        with open(path, "w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write(content)
            file.flush()
            held.set()
            said.done.wait()

    holder = threading.Thread(target=hold, daemon=True)
    holder.start()
    held.wait()
    lock = CacheLock()
    CELL.set("this")
    lock.acquire(path)
    holder.join()
    assert said.cells == {"this"}
    waited = re.findall(r"^Theano has waited (\d+) s for (.*)$", said.text, re.MULTILINE)
    assert waited == [(s, f"a compilation by {who} in the same cache, {tmp_path}") for s in ("3", "63")]
    assert not is_free(path)
    lock.release()


def test_who_does_not_wait_long_says_nothing(capsys, monkeypatch):
    monkeypatch.setattr(cache_lock, "FIRST_REPORT_SECONDS", None)  # a busy machine may take long for an empty block
    with cache_lock.reporting_wait(lambda: "somebody"):
        pass
    before = threading.active_count()
    with cache_lock.reporting_wait(lambda: "somebody") as enough:
        enough()
        while threading.active_count() > before:
            pass
    assert capsys.readouterr().err == ""


def test_an_interrupt_while_the_reports_start_ends_them(monkeypatch):
    class Interrupted(threading.Thread):
        def start(self):
            super().start()
            started.append(self)
            raise KeyboardInterrupt

    def event():
        events.append(threading.Event())
        return events[-1]

    started, events = [], []
    monkeypatch.setattr(cache_lock, "threading", SimpleNamespace(Event=event, Thread=Interrupted))
    with pytest.raises(KeyboardInterrupt), cache_lock.reporting_wait(lambda: "somebody"):
        pass
    assert events[0].is_set()
    started[0].join()


@pytest.fixture
def compilelock(tmp_path, monkeypatch):
    """Theano's module of that name, with a compile cache of this test's, and the file of its lock."""
    import theano.gof.compilelock

    monkeypatch.setattr(theano.gof.compilelock, "config", SimpleNamespace(compiledir=str(tmp_path)))
    return theano.gof.compilelock, tmp_path / "lock_dir.flock"


def test_theano_locks_its_cache_with_ours(compilelock, tmp_path):
    compilelock, path = compilelock

    def fail():
        with compilelock.lock_ctx(keep_lock=True):
            assert not is_free(path)
            compilelock.get_lock(min_wait=1)
            compilelock.release_lock()
            assert not is_free(path)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert is_free(path)
    with compilelock.lock_ctx(str(tmp_path / "another"), min_wait=1):
        assert not is_free(tmp_path / "another.flock")
        assert is_free(path)


def test_where_there_is_no_flock_nobody_is_kept_out_and_a_warning_says_so(compilelock, monkeypatch):
    def refuse(file, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    compilelock, path = compilelock
    with monkeypatch.context() as patch:
        patch.setattr(fcntl, "flock", refuse)
        with pytest.warns(RuntimeWarning, match="is on a file system without locks"):
            compilelock.get_lock()
        with compilelock.lock_ctx():
            assert cache_lock.LOCK.depth == 2
        compilelock.release_lock()
    assert cache_lock.LOCK.depth == 0
    assert is_free(path)


def test_an_error_of_the_disk_is_no_missing_lock(compilelock, monkeypatch):
    def refuse(file, operation):
        if operation != fcntl.LOCK_UN:
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(OSError, match="Input/output"):
        compilelock[0].get_lock()
    assert cache_lock.LOCK.depth == 0


@pytest.mark.daily("compiles a scan in four threads, five seconds")
def test_threads_compile_in_turns(cache):
    program = """
import threading, theano, theano.tensor as T
x, failed = T.vector(), []
def build(n):
    try:
        h, _ = theano.scan(lambda a, b: T.tanh(a + b), sequences=x, outputs_info=T.zeros(()))
        assert abs(theano.function([x], h.sum() * n)([0.0] * 3)) == 0
    except BaseException as error:
        failed.append(repr(error))
threads = [threading.Thread(target=build, args=(n,)) for n in range(1, 5)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(failed)
"""
    assert fresh_theano.run(program, cache) == "[]\n"
