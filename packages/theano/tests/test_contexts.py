"""Whose turn it is; what needs a GPU is in tests/gpu/on_device/threads.py."""

import ctypes
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest
from theano_runtime import contexts, host
from theano_runtime.contexts import PrimaryContext, Turn


def test_a_thread_that_asks_all_the_time_leaves_the_others_a_turn(monkeypatch):
    turn, entered, rounds = Turn(), threading.Event(), 0
    monkeypatch.setattr(contexts, "time", SimpleNamespace(sleep=lambda _: entered.wait()))
    other = threading.Thread(target=lambda: turn.run(entered.set))

    def first():
        other.start()
        while not turn._waiting:  # the other one stands at the door now
            pass

    turn.run(first)
    while not entered.is_set():
        turn.run(lambda: None)
        rounds += 1
    other.join()
    assert rounds <= 1


def test_who_has_the_turn_may_ask_again_and_ends_it_with_an_exception_too():
    turn, entered = Turn(), []
    assert turn.run(lambda: turn.run(lambda: 5)) == 5
    assert turn.run(turn.is_mine)
    assert not turn.is_mine()
    with pytest.raises(ZeroDivisionError):
        turn.run(lambda: 1 / 0)
    other = threading.Thread(target=lambda: turn.run(lambda: entered.append(1)))
    other.start()
    other.join()
    assert entered


def test_who_is_interrupted_while_waiting_waits_no_more():
    turn = Turn()
    turn._lock = MagicMock()
    turn._lock._is_owned.return_value, turn._lock.__enter__.side_effect = False, KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt):
        turn.run(print)
    assert turn._waiting == set()


def test_a_thread_reports_that_it_waits_until_its_turn_has_come(monkeypatch):
    events = []

    @contextmanager
    def reporting_wait(who):
        events.append(f"wait for {who()}")
        yield lambda: events.append("turn")

    monkeypatch.setattr(contexts, "reporting_wait", reporting_wait)
    contexts.in_turns(events.append)("compile")
    assert events == ["wait for another thread", "turn", "compile"]


def test_a_fork_waits_until_no_other_thread_has_the_turn(monkeypatch):
    turn, entered, leave, order = Turn(), threading.Event(), threading.Event(), []
    monkeypatch.setattr(contexts, "TURN", turn)

    def fork():
        order.append("fork")
        return turn._lock._is_owned()

    compiling = threading.Thread(target=lambda: turn.run(lambda: (entered.set(), leave.wait(), order.append("end"))))
    compiling.start()
    entered.wait()
    forking = threading.Thread(target=lambda: order.append(contexts.fork(fork)))
    forking.start()
    while not turn._waiting:
        pass
    leave.set()
    forking.join()
    assert order == ["end", "fork", True]


def test_on_the_cpu_theano_is_called_as_it_is():
    from theano.compile.function_module import Function
    from theano.compile.sharedvalue import shared

    assert not hasattr(Function.__call__, "__wrapped__")
    assert not any(hasattr(constructor, "__wrapped__") for constructor in shared.constructors)


class Driver:
    """A driver with one GPU, whose calls give `status`; contexts are numbers, of this thread."""

    def __init__(self):
        self.status, self.current, self.set, self.file = {}, None, [], "libcuda.so"

    def cuDeviceGetByPCIBusId(self, device, bus_id):
        assert bus_id == b"0000:01:00.0"
        device._obj.value = 3
        return self.status.get("device", 0)

    def cuDevicePrimaryCtxRetain(self, context, device):
        assert device.value == 3
        context._obj.value = 77
        return self.status.get("context", 0)

    def cuCtxGetCurrent(self, context):
        context._obj.value = self.current
        return self.status.get("current", 0)

    def cuCtxSetCurrent(self, context):
        self.current = context.value
        self.set.append(context.value)

    def cuCtxSynchronize(self):
        return self.status.get("synchronize", 0)

    def cuGetErrorName(self, status, name):
        name._obj.value = f"ERROR_{status}".encode()
        return self.status.get("name", 0)


@pytest.fixture
def driver(monkeypatch):
    found = Driver()

    def load(name):
        if name != found.file:
            raise OSError(name)
        return found

    kept = {name: getattr(ctypes, name) for name in ("byref", "c_int", "c_void_p", "c_char_p")}
    monkeypatch.setattr(contexts, "ctypes", SimpleNamespace(PyDLL=load, CDLL=load, **kept))
    monkeypatch.setattr(contexts.ctypes, "byref", lambda value: SimpleNamespace(_obj=value))
    monkeypatch.setattr(contexts, "host", lambda: host)
    return found


@pytest.mark.parametrize("which", ["device", "context"])
def test_a_context_that_cannot_be_had_is_told_with_the_drivers_name_for_it(driver, which):
    driver.status[which] = 201
    with pytest.raises(RuntimeError, match=r"^the context of the GPU 0000:01:00\.0 is unavailable: ERROR_201$"):
        PrimaryContext("0000:01:00.0")
    driver.status["name"] = 1  # too new for the driver's table
    driver.file = "libcuda.so.1"
    with pytest.raises(RuntimeError, match=r"unavailable: CUDA error 201$"):
        PrimaryContext("0000:01:00.0")


def test_a_thread_gets_the_context_where_it_has_none(driver):
    primary = PrimaryContext("0000:01:00.0")
    primary.make_current()
    primary.make_current()
    assert driver.set == [77]
    driver.current = 5  # of somebody else
    primary.make_current()
    driver.current, driver.status["current"] = None, 3
    primary.make_current()
    assert driver.set == [77]


def test_what_fails_on_a_gpu_that_is_lost_says_so(driver):
    def fails(*args, **kwargs):
        """Its own text."""
        raise ValueError(args, kwargs)

    alone = PrimaryContext("0000:01:00.0").exclusively(fails)
    assert alone.__doc__ == "Its own text."
    with pytest.raises(ValueError, match=r"\(\(1,\), {'b': 2}\)"):
        alone(1, b=2)
    assert driver.set == [77]
    driver.status["synchronize"] = 719
    with pytest.raises(host.GpuLost, match="ERROR_719") as lost:
        alone(1)
    assert lost.value.name == "ERROR_719"
    assert PrimaryContext("0000:01:00.0").exclusively(lambda a, b: a + b)(1, b=2) == 3


@pytest.mark.parametrize("flag", ["device", "init_gpu_device"])
def test_on_cuda_what_computes_and_compiles_takes_turns(driver, monkeypatch, tmp_path, flag):
    from theano.compile import function_module, sharedvalue
    from theano.gpuarray import type as gpu

    waits = []
    monkeypatch.setitem(sys.modules, "pygpu", SimpleNamespace(__file__=str(tmp_path / "__init__.py")))
    monkeypatch.setattr(contexts, "wait_for_reads", waits.append)
    context = SimpleNamespace(unique_id="0000:01:00.0", ptr=1234)
    monkeypatch.setattr(gpu, "get_context", lambda name: context)
    monkeypatch.setattr(function_module.Function, "__call__", function_module.Function.__call__)
    for name in ("get_value", "set_value"):
        monkeypatch.setattr(gpu.GpuArraySharedVariable, name, getattr(gpu.GpuArraySharedVariable, name))
    constructors = [gpu.gpuarray_shared_constructor] if flag == "device" else []
    monkeypatch.setattr(sharedvalue.shared, "constructors", constructors)
    modules = [sys.modules[name] for name in ("theano.compile.function", "theano.compile.pfunc")]
    monkeypatch.setattr(function_module, "orig_function", contexts.in_turns(len))
    linking = [(function_module.Function, "copy")]
    linking += [(function_module, f"_constructor_{name}") for name in ("Function", "FunctionMaker")]
    for owner, name in linking:
        monkeypatch.setattr(owner, name, contexts.in_turns(len))
    for module in modules:
        monkeypatch.setattr(module, "orig_function", len)  # put back after the test
    contexts.share_gpu()
    assert waits == [1234]
    assert not contexts._contains_libgpuarray(sys.modules["pygpu"])
    (tmp_path / "lib").mkdir()
    assert contexts._contains_libgpuarray(sys.modules["pygpu"])
    wrapped = [*constructors, function_module.Function.__call__, *(module.orig_function for module in modules)]
    wrapped += [gpu.GpuArraySharedVariable.get_value, gpu.GpuArraySharedVariable.set_value]
    assert all(hasattr(function, "__wrapped__") for function in wrapped)
    assert [function.__wrapped__ for function in constructors] == [gpu.gpuarray_shared_constructor] * len(constructors)
    assert modules[0].orig_function("four") == 4
    assert driver.set == [77]
    for owner, name in linking:
        driver.current = None
        assert getattr(owner, name)("four") == 4
    assert driver.set == [77] * 4


READ = """
#include <signal.h>
#include <stddef.h>
int interrupts, reads, waits;
int copy(char *to, const char *from, size_t offset, size_t n)
{
    reads++;
    if (interrupts-- > 0)
        raise(SIGINT);
    if (n == 0)
        return 3;
    *to = from[offset];
    return 0;
}
int wait_for(const char *from) { waits++; return *from; }
"""


@pytest.fixture
def ctrl_c():
    """Let Ctrl-C raise KeyboardInterrupt, also in a background command, for which shells turn it off."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_libgpuarray_waits_after_a_copy_to_the_host(request, tmp_path):
    if shutil.which("gcc") is None:
        pytest.skip("there is no gcc")
    library = tmp_path / "read.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-x", "c", "-", "-o", library], input=READ, text=True, check=True)
    code = ctypes.CDLL(library)
    table = (ctypes.c_void_p * contexts.OPERATIONS)(*range(1, contexts.OPERATIONS + 1))
    for place, function in ((contexts.BUFFER_READ, code.copy), (contexts.BUFFER_SYNC, code.wait_for)):
        table[place] = ctypes.cast(function, ctypes.c_void_p)
    context, before = ctypes.pointer(table), list(table)
    contexts.wait_for_reads(ctypes.addressof(context))
    changed = list(context.contents)
    assert [i for i in range(contexts.OPERATIONS) if changed[i] != before[i]] == [contexts.BUFFER_READ]
    assert list(table) == before  # libgpuarray's own table may be read-only
    read_type = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t)
    read_and_wait = read_type(changed[contexts.BUFFER_READ])
    source, target = ctypes.create_string_buffer(b"\0ab"), ctypes.create_string_buffer(1)
    reads, waits = (ctypes.c_int.in_dll(code, name) for name in ("reads", "waits"))

    def read(size=1):
        return read_and_wait(ctypes.addressof(target), ctypes.addressof(source), 2, size)

    assert (read(), target.raw, reads.value, waits.value) == (0, b"b", 1, 1)
    assert (read(0), waits.value) == (3, 1)  # an error of the copy
    source[0] = 7
    assert read() == 7  # an error of the wait
    source[0] = 0
    ctypes.c_int.in_dll(code, "interrupts").value = 1
    request.getfixturevalue("driver")
    exclusive_read = PrimaryContext("0000:01:00.0").exclusively(read)
    with pytest.raises(KeyboardInterrupt):  # after the copy, which is complete
        exclusive_read()
    assert (reads.value, waits.value) == (5, 3)
    assert exclusive_read() == 0
